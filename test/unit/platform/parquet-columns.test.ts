import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OFFLINE_TOPICS } from '../../../connectors/offline-topics.ts'
import { type AvroSchema, parquetColumns, plainColumn, timeColumn } from '../../../platform/parquet-columns.ts'
import { ParquetFile, readFooter, readRows } from '../../../platform/parquet-file.ts'
import { avroSchemas } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { SeededRandom } from '../../../stats/random.ts'
import { duckdbRows } from '../../support/duckdb.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { randomAvro } from '../../support/random-avro.ts'
import { parquetRows } from '../../support/parquet-rows.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parquet-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const ROWS = 150
type Value = Readonly<Record<string, unknown>>

/** DuckDB writes whole numbers of 64 bits and times as text. */
function asWritten(read: unknown, name = ''): unknown {
  if (Array.isArray(read)) return read.map((item) => asWritten(item))
  if (typeof read === 'string' && name.endsWith('AtMs')) return Date.parse(`${read.replace(' ', 'T').slice(0, -3)}Z`)
  if (typeof read === 'string' && ['offset', 'deploymentEpoch', 'units'].includes(name)) return Number(read)
  if (typeof read !== 'object' || read === null) return read
  return Object.fromEntries(Object.entries(read).map(([key, item]) => [key, asWritten(item, key)]))
}

function parquetOf(schema: AvroSchema, values: readonly Value[]): Uint8Array {
  const columns = parquetColumns(schema)
  const file = new ParquetFile(columns)
  for (const [i, value] of values.entries()) {
    file.append(columns.map(({ name }) => value[name]))
    if (i % 40 === 39) file.encode()
  }
  return file.finish({ from: 'a test' })
}

describe('values of every kept topic are read back as they were by DuckDB', () => {
  test.each(OFFLINE_TOPICS.map((id) => topics[id]))('$name', async ({ name, schema }) => {
    const random = new SeededRandom(20_261_121)
    const avroSchema = avroSchemas[schema] as AvroSchema
    const values = Array.from({ length: ROWS }, () => randomAvro(avroSchema, random) as Value)
    const path = join(folder, `${name}.parquet`)
    writeFileSync(path, parquetOf(avroSchema, values))
    const read = await duckdbRows(`select * from '${path}'`)
    expect(read.map((row) => asWritten(row))).toEqual(values)
  })
})

test('lists have a child named item, times are UTC milliseconds: as Feast infers types', async () => {
  const path = join(folder, 'types.parquet')
  const file = new ParquetFile([
    plainColumn('__offset', 'long'),
    timeColumn('__appended_at'),
    ...parquetColumns(avroSchemas.ReviewFeatures),
  ])
  writeFileSync(path, file.finish({}))
  const leaves = await duckdbRows(`select name, type, converted_type, logical_type from parquet_schema('${path}')`)
  const leaf = (name: string) => leaves.find((element) => element['name'] === name)
  expect(leaf('__offset')).toMatchObject({ type: 'INT64' })
  for (const name of ['__appended_at', 'writtenAtMs', 'reviewAppendedAtMs']) {
    expect(leaf(name)).toMatchObject({ type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' })
    expect(leaf(name)?.['logical_type']).toContain('isAdjustedToUTC=1')
  }
  expect(leaf('text')).toMatchObject({ type: 'BYTE_ARRAY', converted_type: 'UTF8' })
  const at = leaves.findIndex(({ name }) => name === 'values')
  expect(leaves.slice(at, at + 3).map(({ name, type }) => [name, type])).toEqual([
    ['values', null],
    ['list', null],
    ['item', 'DOUBLE'],
  ])
})

test('offsets beyond 2^53, numbers that are not finite, and texts of every script survive', async () => {
  const columns = [
    plainColumn('offset', 'long'),
    ...parquetColumns({
      type: 'record',
      name: 'Odd',
      fields: [
        { name: 'number', type: 'double' },
        { name: 'text', type: ['null', 'string'] },
      ],
    }),
  ]
  const file = new ParquetFile(columns)
  const rows = [
    [2 ** 53 - 1, Infinity, 'Ünïcode 影 🎬\u0000'],
    [0, -0, null],
    [1, 5e-324, ''],
  ]
  for (const row of rows) file.append(row)
  const read = await parquetRows(file.finish({}))
  expect(read.map(({ offset, number, text }) => [Number(offset), number, text ?? null])).toEqual(rows)
})

test('readRows gives back what was written, by row groups: also nested records that are null, and only what is asked for', async () => {
  const values = [
    { label: EXAMPLE.label, times: [], note: null },
    { label: null, times: [EXAMPLE.review.writtenAtMs], note: 'Ünï' },
    { label: null, times: [], note: null },
  ]
  const file = new ParquetFile(
    parquetColumns({
      type: 'record',
      name: 'Odd',
      fields: [
        { name: 'label', type: ['null', avroSchemas.ReviewLabel] },
        { name: 'times', type: { type: 'array', items: 'long' } },
        { name: 'note', type: ['null', 'string'] },
      ],
    }),
  )
  for (const { label, times, note } of values) {
    file.append([label, times, note])
    file.encode()
  }
  const bytes = file.finish({})
  const read = (start: number, end: number) => Promise.resolve(bytes.subarray(start, end))
  expect(await Array.fromAsync(readRows({ sizeBytes: bytes.length, read }))).toEqual(values)
  const notes = await Array.fromAsync(readRows({ sizeBytes: bytes.length, read }, ['note']))
  expect(notes).toEqual(values.map(({ note }) => ({ note })))
})

test('the footer is found by its end alone, also when it is longer than one read', async () => {
  const schema: AvroSchema = { type: 'record', name: 'One', fields: [{ name: 'n', type: 'int' }] }
  const file = new ParquetFile(parquetColumns(schema))
  file.append([1])
  const long = 'x'.repeat(200_000)
  const bytes = file.finish({ long })
  let reads = 0
  const footer = await readFooter(bytes.length, (start, end) => {
    reads += 1
    return Promise.resolve(bytes.slice(start, end))
  })
  expect(footer).toEqual({ rows: 1, metadata: { long } })
  expect(reads).toBe(2)
})

test.each<{ name: string; type: AvroSchema; says: string }>([
  { name: 'a union of two types', type: ['string', 'int'], says: 'a union of more than null and one type' },
  { name: 'an unknown type', type: 'fixed', says: "no Parquet type for Avro's fixed" },
])('$name is refused when the columns are made, not when a record comes', ({ type, says }) => {
  const schema: AvroSchema = { type: 'record', name: 'Odd', fields: [{ name: 'odd', type }] }
  expect(() => parquetColumns(schema)).toThrow(says)
})
