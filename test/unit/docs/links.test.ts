import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const PAGES = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: ROOT })]
const LINK = /\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g
/** A link to a test with the names that are quoted after it: `[x.test.ts](x.test.ts) "name", "other"`. */
const CITATION = /\]\(([^)\s]+\.test\.ts)\)((?:,? "[^"]+")+)/g

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8')
const targetOf = (page: string, link: string): string => join(ROOT, dirname(page), link)

function brokenLinks(page: string, markdown: string): string[] {
  const links = Array.from(markdown.matchAll(LINK), ([, link = '']) => link)
  return links.filter((link) => !existsSync(targetOf(page, link)))
}

function unknownTests(page: string, markdown: string): string[] {
  return Array.from(markdown.matchAll(CITATION)).flatMap(([, link = '', quoted = '']) => {
    const source = readFileSync(targetOf(page, link), 'utf8')
    return Array.from(quoted.matchAll(/"([^"]+)"/g), ([, name = '']) => name).filter((name) => !source.includes(name))
  })
}

test.each(PAGES)('%s links to files that exist, and names tests that exist', (page) => {
  expect(brokenLinks(page, read(page))).toEqual([])
  expect(unknownTests(page, read(page))).toEqual([])
})

test('a broken link and a test that was renamed are found', () => {
  const page = 'docs/ARCHITECTURE.md'
  const markdown =
    '[a](../test/unit/docs/lists.test.ts) "lists exactly", "was renamed" [b](gone.md) [c](TOPICS.md#policy)'
  expect(brokenLinks(page, markdown)).toEqual(['gone.md'])
  expect(unknownTests(page, markdown)).toEqual(['was renamed'])
})

test.each([
  { file: 'publish-and-consume.mjs', language: 'js' },
  { file: 'publish_and_consume.py', language: 'python' },
])('README.md shows $file as it is', ({ file, language }) => {
  expect(read('README.md')).toContain(`\`\`\`${language}\n${read(join('docs/examples', file))}\`\`\`\n`)
})

test('ARCHITECTURE.md cites a test for each of its promises', () => {
  const rows = read('docs/ARCHITECTURE.md').split('\n')
  const promises = rows.filter(
    (row) => row.startsWith('| ') && !/^\| (?:Rule|Promise|Situation|What is promised)/.test(row),
  )
  expect(promises.length).toBeGreaterThan(25)
  expect(promises.filter((row) => !row.includes('.test.ts)'))).toEqual([])
})
