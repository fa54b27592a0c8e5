import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashedTerms } from '../../../../features/hashed-terms.ts'
import { termValues } from '../../../../inference/term-values.ts'
import { spoilerV1 } from '../../../../schemas/spoiler-v1.ts'
import { BUCKETS, writeFitInputs } from '../../../../trainers/baseline/fit-inputs.ts'
import { type DatasetRow, type Span, SPANS } from '../../../../trainers/dataset/dataset-row.ts'
import { type Dataset, openDataset } from '../../../../trainers/dataset/open-dataset.ts'
import { exampleRow, writeDataset } from '../../../support/datasets.ts'

const root = mkdtempSync(join(tmpdir(), 'fit-inputs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const folders = { inputs: join(root, 'inputs'), version: join(root, 'version') }
const COUNTS: Readonly<Record<Span, number>> = { fit: 9, stop: 4, calibrate: 45, gate: 3 }
const rows = SPANS.flatMap((span, s) => Array.from({ length: COUNTS[span] }, (_, i) => exampleRow(100 * s + i, span)))
const progress: [number, number][] = []
let dataset: Dataset

beforeAll(async () => {
  const wordless = exampleRow(99, 'fit', { text: '!?', sentences: [] })
  await writeDataset(join(root, 'set'), [...rows, wordless])
  rows.push(wordless)
  for (const folder of Object.values(folders)) mkdirSync(folder)
  dataset = await openDataset(join(root, 'set'))
  const signal = new AbortController().signal
  await writeFitInputs(
    dataset,
    folders,
    { name: 'x' },
    { signal, onRows: (done, total) => progress.push([done, total]) },
  )
})

const rowsOf = (span: Span): DatasetRow[] => rows.filter((row) => row.span === span)
const bytes = (name: string): ArrayBuffer => Uint8Array.from(readFileSync(join(folders.inputs, name))).buffer
const idf = (): Float32Array => new Float32Array(Uint8Array.from(readFileSync(join(folders.version, 'idf.f32'))).buffer)

/** Rows of a sparse matrix, each as buckets and values. */
function termsOf(name: string): { buckets: number[]; values: number[] }[] {
  const starts = [...new BigInt64Array(bytes(`${name}.starts.i64`))].map(Number)
  const [buckets, values] = [
    new Int32Array(bytes(`${name}.buckets.i32`)),
    new Float32Array(bytes(`${name}.values.f32`)),
  ]
  return starts.slice(1).map((end, i) => {
    return { buckets: [...buckets.subarray(starts[i], end)], values: [...values.subarray(starts[i], end)] }
  })
}

test('weights of terms count the rows of the fit span, and no others', () => {
  const fit = rowsOf('fit')
  const weights = idf()
  expect(weights).toHaveLength(BUCKETS)
  const weightOf = (frequency: number): number => Math.fround(Math.log((1 + fit.length) / (1 + frequency)) + 1)
  for (const { text } of rows)
    for (const { bucket } of hashedTerms(text, BUCKETS)) {
      const having = fit.filter((row) => hashedTerms(row.text, BUCKETS).some((term) => term.bucket === bucket))
      expect(weights[bucket]).toBe(weightOf(having.length))
    }
})

test.each(['fit', 'stop', 'calibrate'] as const)(
  'rows of %s are the terms that serving computes, and their features',
  (span) => {
    const terms = termsOf(span)
    const expected = rowsOf(span).map(({ text }) => {
      const { buckets, values } = termValues(hashedTerms(text, BUCKETS), idf())
      return { buckets: [...buckets].map(Number), values: [...values] }
    })
    expect(terms).toEqual(expected)
    const context = [...new Float64Array(bytes(`${span}.context.f64`))]
    expect(context).toEqual(rowsOf(span).flatMap(({ values }) => values))
    expect([...new Uint8Array(bytes(`${span}.labels.u8`))]).toEqual(rowsOf(span).map(({ label }) => (label ? 1 : 0)))
  },
)

test('the gate is not read', () => {
  expect(() => bytes('gate.labels.u8')).toThrow(/ENOENT/)
})

test('sentences have their share of the terms of their review, and know whose they are', () => {
  const own = rowsOf('calibrate')
  expect([...new BigInt64Array(bytes('sentences.owners.i64'))].map(Number)).toEqual(own.map((_, i) => i))
  const [first] = own
  const { values } = termValues(hashedTerms(first?.text ?? '', BUCKETS), idf())
  const sentence = hashedTerms(first?.text.slice(0, 17) ?? '', BUCKETS)
  const whole = hashedTerms(first?.text ?? '', BUCKETS)
  const shares = sentence.map(({ bucket, count }) => {
    const at = whole.findIndex((term) => term.bucket === bucket)
    return Math.fround((count * (values[at] as number)) / (whole[at]?.count ?? 0))
  })
  expect(termsOf('sentences')[0]).toEqual({ buckets: sentence.map(({ bucket }) => bucket), values: shares })
  expect([...new Float64Array(bytes('sentences.evidence.f64')).subarray(0, 4)]).toEqual([200 % 3, 0.25, 0, 0])
})

test('golden rows are spread evenly over the calibration span, each with its place', () => {
  const lines = readFileSync(join(folders.inputs, 'golden.jsonl'), 'utf8').trimEnd().split('\n')
  const golden = lines.map((line) => JSON.parse(line) as { index: number; row: { text: string } })
  expect(golden.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i))
  for (const { index, row } of golden) expect(row.text).toBe(rowsOf('calibrate')[index]?.text)
})

test('settings name every feature in the order of a row; long ranges are seen as logarithms', () => {
  const { buckets, features } = JSON.parse(readFileSync(join(folders.inputs, 'settings.json'), 'utf8')) as {
    buckets: number
    features: { name: string; transform: string }[]
  }
  expect(buckets).toBe(BUCKETS)
  expect(features.map(({ name }) => name)).toEqual(spoilerV1.features.map(({ name }) => name))
  const transforms = new Map(features.map(({ name, transform }) => [name, transform]))
  for (const name of ['text_units', 'film_age_days', 'user_reviews']) expect(transforms.get(name)).toBe('log1p')
  for (const name of ['rating', 'sentiment', 'user_is_new', 'release_decade', 'rating_minus_movie_mean'])
    expect(transforms.get(name)).toBe('identity')
})

test('progress reaches its end, and an interrupt is heard', async () => {
  expect(progress.at(-1)).toEqual([2 * 10 + 4 + 2 * 45, 2 * 10 + 4 + 2 * 45])
  const again = { inputs: join(root, 'inputs2'), version: join(root, 'version2') }
  for (const folder of Object.values(again)) mkdirSync(folder)
  const stopping = new AbortController()
  const writing = writeFitInputs(dataset, again, {}, { signal: stopping.signal, onRows: () => stopping.abort() })
  await expect(writing).rejects.toMatchObject({ name: 'AbortError' })
})
