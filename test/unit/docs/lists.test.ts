import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../../schemas/errors.ts'
import { topics } from '../../../schemas/topics.ts'
import { errorDocsFindings, topicDocsFindings, type DocumentedTopic } from '../../../scripts/check-docs.ts'

const ROOT = join(import.meta.dirname, '../../..')
const docs = (file: string): string => readFileSync(join(ROOT, 'docs', file), 'utf8')

describe('docs/ERRORS.md', () => {
  const errors = { SPL_ONE: 'It is one.', SPL_TWO: 'It is two.' }
  const one = '## SPL_ONE\nIt is one.\n\nCount again.\n'
  const two = '## SPL_TWO\nIt is two.\n\nCount again.\n'

  test('lists exactly the codes that exist', () => {
    expect(errorDocsFindings(docs('ERRORS.md'), ERRORS)).toEqual([])
  })
  test.each([
    { name: 'all', markdown: `# Errors\n${one}\n# More\n${two}`, finding: [] },
    { name: 'missing', markdown: one, finding: ['SPL_TWO has no section'] },
    { name: 'retired', markdown: `${one}${two}## SPL_SIX\nIt is six.\n`, finding: ['SPL_SIX does not exist'] },
    { name: 'doubled', markdown: `${one}${two}${one}`, finding: ['SPL_ONE has two sections'] },
    {
      name: 'other meaning',
      markdown: `${one}${two.replace('two.', '2.')}`,
      finding: ['SPL_TWO must begin with: It is two.'],
    },
    {
      name: 'no advice',
      markdown: `${two}## SPL_ONE\nIt is one.\n\n# More\n`,
      finding: ['SPL_ONE does not say what to do'],
    },
  ])('$name', ({ markdown, finding }) => expect(errorDocsFindings(markdown, errors)).toEqual(finding))
})

test('every error code is made somewhere: none is a leftover', () => {
  const folders =
    '{api,bench,cli,connectors,control,inference,local-stack,platform,producers,replay,scorer,scripts,stream-processors,trainers}'
  const sources = globSync(`${folders}/**/*.{ts,mjs}`, { cwd: ROOT }).map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  )
  const text = sources.join('\n')
  expect(Object.keys(ERRORS).filter((code) => !new RegExp(`\\b${code}\\b`).test(text))).toEqual([])
})

describe('docs/TOPICS.md', () => {
  const films: DocumentedTopic = {
    name: 'films',
    schema: 'SpoilerScore',
    cleanup: 'delete',
    retentionMs: 2 * 86_400_000,
    compatibility: 'FULL_TRANSITIVE',
  }
  const row =
    '| `films` | film id | intake | you | delete, 2 days | FULL_TRANSITIVE | [SpoilerScore](../schemas/spoiler-score.avsc) |\n'

  test('lists exactly the topics that exist, with their policies', () => {
    expect(topicDocsFindings(docs('TOPICS.md'), Object.values(topics))).toEqual([])
  })
  test.each([
    { name: 'all', markdown: row, finding: [] },
    { name: 'missing', markdown: '', finding: ['films has no row'] },
    { name: 'retired', markdown: `${row}${row.replace('`films`', '`reels`')}`, finding: ['reels does not exist'] },
    { name: 'doubled', markdown: `${row}${row}`, finding: ['films has two rows'] },
    { name: 'no reader', markdown: row.replace(' you ', ' '), finding: ['films has no read by'] },
    {
      name: 'retention',
      markdown: row.replace('2 days', 'without limit'),
      finding: ['films has the policy delete, 2 days, not delete, without limit'],
    },
    {
      name: 'cleanup',
      markdown: row.replace('delete,', 'compact,'),
      finding: ['films has the policy delete, 2 days, not compact, 2 days'],
    },
    {
      name: 'mode',
      markdown: row.replace('FULL', 'BACKWARD'),
      finding: ['films has the compatibility FULL_TRANSITIVE, not BACKWARD_TRANSITIVE'],
    },
  ])('$name', ({ markdown, finding }) => expect(topicDocsFindings(markdown, [films])).toEqual(finding))
})
