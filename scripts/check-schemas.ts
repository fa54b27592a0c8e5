// Checks every Avro schema against all its released versions, which schemas/history keeps.
//   node scripts/check-schemas.ts                   fails on an incompatible change, and on a change not recorded
//   node scripts/check-schemas.ts --record          records compatible changes as new versions
//   node scripts/check-schemas.ts --record --reset  begins the history anew; only while nothing is released
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { avroSchemas } from '../schemas/generated.ts'
import { topics, type Compatibility } from '../schemas/topics.ts'
import { incompatibilities, sameSchema, type SchemaVersion } from './schema-compatibility.ts'

const HISTORY = join(import.meta.dirname, '..', 'schemas', 'history')
const HOW_TO_RECORD = 'run `node scripts/check-schemas.ts --record`'

export interface SchemaFinding {
  readonly record: string
  /** `unrecorded`: compatible, and only `--record` is missing. */
  readonly kind: 'incompatible' | 'unrecorded'
  readonly message: string
}

/** Compares the current schemas with the released ones in `history`. */
export function schemaFindings(
  current: Readonly<Record<string, unknown>>,
  modeOf: (record: string) => Compatibility,
  history: string,
): SchemaFinding[] {
  const gone = foldersOf(history).filter((record) => !(record in current))
  return [
    ...gone.map((record) => {
      return incompatible(
        record,
        `was released and is gone; if its topics are retired, delete schemas/history/${record}`,
      )
    }),
    ...Object.entries(current).flatMap(([record, schema]) => {
      const versions = versionsOf(history, record)
      const broken = incompatibilities(modeOf(record), schema, versions)
      if (broken.length > 0) return broken.map((message) => incompatible(record, `${modeOf(record)}: ${message}`))
      const newest = versions.at(-1)
      if (newest !== undefined && sameSchema(newest.schema, schema)) return []
      const message = newest === undefined ? 'is new' : `differs from version ${newest.version}, compatibly`
      return [{ record, kind: 'unrecorded', message: `${message}: ${HOW_TO_RECORD}` } as const]
    }),
  ]
}

/** Adds the schemas of the records as their next versions. */
export function recordVersions(
  current: Readonly<Record<string, unknown>>,
  records: readonly string[],
  history: string,
): void {
  for (const record of records) {
    const version = (versionsOf(history, record).at(-1)?.version ?? 0) + 1
    mkdirSync(join(history, record), { recursive: true })
    const file = join(history, record, `${String(version).padStart(3, '0')}.avsc`)
    writeFileSync(file, `${JSON.stringify(current[record], null, 2)}\n`, { flag: 'wx' })
  }
}

/** Mode of a record's subject: that of its topics; changelog values and nested records are read by old and new alike. */
export function compatibilityOf(record: string): Compatibility {
  const modes = Object.values(topics)
    .filter(({ schema }) => schema === record)
    .map(({ compatibility }) => compatibility)
  return modes.length > 0 && modes.every((mode) => mode === 'BACKWARD_TRANSITIVE')
    ? 'BACKWARD_TRANSITIVE'
    : 'FULL_TRANSITIVE'
}

function incompatible(record: string, message: string): SchemaFinding {
  return { record, kind: 'incompatible', message }
}

function foldersOf(history: string): string[] {
  return existsSync(history) ? readdirSync(history).sort() : []
}

function versionsOf(history: string, record: string): SchemaVersion[] {
  const folder = join(history, record)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((file) => ({
      version: Number.parseInt(file, 10),
      schema: JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown,
    }))
}

function main(options: readonly string[]): void {
  if (options.includes('--reset')) rmSync(HISTORY, { recursive: true, force: true })
  const findings = schemaFindings(avroSchemas, compatibilityOf, HISTORY)
  const broken = findings.filter(({ kind }) => kind === 'incompatible')
  const recording = options.includes('--record') && broken.length === 0
  for (const { record, message } of recording ? [] : findings) process.stdout.write(`${record} ${message}\n`)
  if (recording) {
    const records = findings.map(({ record }) => record)
    recordVersions(avroSchemas, records, HISTORY)
    process.stdout.write(`recorded ${records.length} schemas${records.map((record) => `\n  ${record}`).join('')}\n`)
  } else if (findings.length > 0) process.exitCode = 1
  else process.stdout.write(`${Object.keys(avroSchemas).length} schemas fit all their released versions\n`)
}

if (import.meta.main) main(process.argv.slice(2))
