import { hash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { MAX_LINE_BYTES, readByteLines } from '../../../producers/byte-lines.ts'

const folder = mkdtempSync(join(tmpdir(), 'byte-lines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const REAL_XZ = join(import.meta.dirname, '../../../../shared/data/imdb_spoiler_one_movie.jsonl.xz')

/** One xz stream of the line {"a":1}, made with `xz -c`. */
const SMALL_XZ = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAHeyJhIjoxfQoAvkmRQ1UE74UAASAIuxnZux+2830BAAAAAARZWg==',
  'base64',
)

function fileOf(content: Buffer | string): string {
  const file = join(folder, 'input.json') // the name says nothing about the format
  writeFileSync(file, content)
  return file
}

async function linesOf(file: string): Promise<string[]> {
  const lines: string[] = []
  for await (const batch of readByteLines(file))
    for (const { number, bytes } of batch) {
      expect(number).toBe(lines.length + 1)
      lines.push(bytes.toString('utf8'))
    }
  return lines
}

test.each([
  ['no line end at the end', 'a\nb', ['a', 'b']],
  ['a line end at the end', 'a\nb\n', ['a', 'b']],
  ['empty lines', '\na\n\n', ['', 'a', '']],
  ['separators that are no line ends', 'a\u2028b\u2029c\u0085d\re\n', ['a\u2028b\u2029c\u0085d\re']],
  ['nothing', '', []],
])('a file with %s', async (_name, content, expected) => {
  expect(await linesOf(fileOf(content))).toEqual(expected)
  expect(await linesOf(fileOf(gzipSync(content)))).toEqual(expected)
})

test('lines of any length come back whole, across all buffer borders', async () => {
  const line = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replaceAll('\n', ' '))
  const long = fc.tuple(line, fc.integer({ min: 1, max: 400_000 })).map(([text, size]) => text.padEnd(size, 'é'))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(line, long), { maxLength: 8 }), async (lines) => {
      const content = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      const expected = lines.map((text) => Buffer.from(text).toString('utf8'))
      expect(await linesOf(fileOf(content))).toEqual(expected)
      expect(await linesOf(fileOf(gzipSync(content, { level: 1 })))).toEqual(expected)
    }),
    { seed: 4, numRuns: 25 },
  )
})

test('xz is recognised by its first bytes, two streams in one file as well', async () => {
  expect(await linesOf(fileOf(SMALL_XZ))).toEqual(['{"a":1}'])
  expect(await linesOf(fileOf(Buffer.concat([SMALL_XZ, SMALL_XZ])))).toEqual(['{"a":1}', '{"a":1}'])
})

test.skipIf(!existsSync(REAL_XZ))('the real xz file gives the bytes that xz gives', async () => {
  const content = `${(await linesOf(REAL_XZ)).join('\n')}\n`
  expect(hash('sha256', content)).toBe('95429135c1888487bbdaf562f2cac2669b91d054324f426a11bdd95cc57b0a45') // xz -dc FILE | sha256sum
})

const gzipped = gzipSync(Array.from({ length: 5000 }, (_, i) => `${i * 7919}\n`).join(''))

test.each([
  ['a missing file', () => join(folder, 'missing')],
  ['a folder', () => folder],
  ['a truncated gzip file', () => fileOf(gzipped.subarray(0, gzipped.length - 9))],
  ['a damaged gzip file', () => fileOf(Buffer.from(gzipped).fill(0, 2000, 2100))],
  ['a truncated xz file', () => fileOf(SMALL_XZ.subarray(0, SMALL_XZ.length - 4))],
  ['a damaged xz file', () => fileOf(Buffer.from(SMALL_XZ).fill(0xff, 30, 34))],
  ['a file without line ends', () => fileOf(Buffer.alloc(MAX_LINE_BYTES + 1, 'x'))],
])('%s is an error that names the file', async (_name, make) => {
  const file = make()
  await expect(linesOf(file)).rejects.toMatchObject({
    code: 'SPL_INPUT_FILE_INVALID',
    message: expect.stringContaining(file) as string,
  })
})

test('a reader that stops early is told nothing and leaves nothing open', async () => {
  const file = fileOf('a\n'.repeat(1_000_000))
  for await (const batch of readByteLines(file)) {
    expect(batch[0]?.bytes.toString()).toBe('a')
    break
  }
})
