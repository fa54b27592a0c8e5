// Checks that docs/ERRORS.md and docs/TOPICS.md list exactly what schemas/errors.ts and schemas/topics.ts declare.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERRORS } from '../schemas/errors.ts'
import { topics, type Topic } from '../schemas/topics.ts'

const ROOT = join(import.meta.dirname, '..')
const DAY_MS = 86_400_000
const COLUMNS = ['name', 'key', 'written by', 'read by', 'policy', 'compatibility', 'schema'] as const

/** What is wrong with the list of error codes: each has a section that begins with its meaning and goes on with advice. */
export function errorDocsFindings(markdown: string, errors: Readonly<Record<string, string>>): string[] {
  const sections = markdown.split(/^#+ /m).filter((section) => section.startsWith('SPL_'))
  const documented = new Map<string, string[]>()
  const found: string[] = []
  for (const section of sections) {
    const [code = '', ...lines] = section.trim().split('\n')
    if (documented.has(code)) found.push(`${code} has two sections`)
    documented.set(code, lines)
  }
  for (const [code, meaning] of Object.entries(errors)) {
    const lines = documented.get(code)
    if (lines === undefined) found.push(`${code} has no section`)
    else if (lines[0] !== meaning) found.push(`${code} must begin with: ${meaning}`)
    else if (lines.slice(1).join('').trim() === '') found.push(`${code} does not say what to do`)
  }
  return [
    ...found,
    ...[...documented.keys()].filter((code) => !(code in errors)).map((code) => `${code} does not exist`),
  ]
}

export type DocumentedTopic = Pick<Topic<never>, 'name' | 'schema' | 'cleanup' | 'retentionMs' | 'compatibility'>

/** What is wrong with the table of topics: each has a row with its policy, compatibility and schema. */
export function topicDocsFindings(markdown: string, declared: readonly DocumentedTopic[]): string[] {
  const rows = new Map<string, Record<string, string>>()
  const found: string[] = []
  for (const line of markdown.split('\n').filter((text) => text.startsWith('| `'))) {
    const cells = line.split('|').slice(1, -1)
    const row = Object.fromEntries(COLUMNS.map((column, i) => [column, cells[i]?.trim() ?? '']))
    const name = (row['name'] ?? '').replaceAll('`', '')
    if (rows.has(name)) found.push(`${name} has two rows`)
    rows.set(name, row)
    for (const column of COLUMNS) if (row[column] === '') found.push(`${name} has no ${column}`)
  }
  for (const topic of declared) found.push(...rowFindings(topic, rows.get(topic.name)))
  const names = new Set(declared.map(({ name }) => name))
  return [...found, ...[...rows.keys()].filter((name) => !names.has(name)).map((name) => `${name} does not exist`)]
}

function rowFindings(topic: DocumentedTopic, row: Readonly<Record<string, string>> | undefined): string[] {
  if (row === undefined) return [`${topic.name} has no row`]
  return Object.entries(expectedCells(topic))
    .filter(([column, expected]) => row[column] !== expected)
    .map(([column, expected]) => `${topic.name} has the ${column} ${expected}, not ${row[column] ?? ''}`)
}

function expectedCells(topic: DocumentedTopic): Record<string, string> {
  const kept = topic.retentionMs === -1 ? 'without limit' : `${topic.retentionMs / DAY_MS} days`
  const file = topic.schema.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase()
  return {
    policy: `${topic.cleanup}, ${kept}`,
    compatibility: topic.compatibility,
    schema: `[${topic.schema}](../schemas/${file}.avsc)`,
  }
}

if (import.meta.main) {
  const read = (file: string): string => readFileSync(join(ROOT, 'docs', file), 'utf8')
  const findings = [
    ...errorDocsFindings(read('ERRORS.md'), ERRORS).map((text) => `docs/ERRORS.md: ${text}`),
    ...topicDocsFindings(read('TOPICS.md'), Object.values(topics)).map((text) => `docs/TOPICS.md: ${text}`),
  ]
  process.stdout.write(findings.map((finding) => `${finding}\n`).join(''))
  if (findings.length > 0) process.exitCode = 1
}
