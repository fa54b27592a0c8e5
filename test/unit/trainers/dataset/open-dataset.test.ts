import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { storedFiles } from '../../../../trainers/dataset/dataset-files.ts'
import { type DatasetRow, type Span, SPANS } from '../../../../trainers/dataset/dataset-row.ts'
import { type Dataset, openDataset } from '../../../../trainers/dataset/open-dataset.ts'
import { exampleRow, writeDataset } from '../../../support/datasets.ts'
import { duckdbRows } from '../../../support/duckdb.ts'
import { MemoryObjectStore } from '../../../support/memory-object-store.ts'

const root = mkdtempSync(join(tmpdir(), 'dataset-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const ROWS: readonly DatasetRow[] = [
  ...Array.from({ length: 60 }, (_, i) => exampleRow(i, 'fit')),
  ...Array.from({ length: 10 }, (_, i) => exampleRow(60 + i, 'stop')),
  exampleRow(70, 'calibrate', { text: 'Ünïcode 影 🎬\u0000', values: [-0, 5e-324, 0.1 + 0.2, 1e308, 2 ** 53] }),
  exampleRow(71, 'calibrate', { offset: 2 ** 53 - 1, text: '', values: [] }),
]

async function rowsOf(dataset: Dataset, span: Span): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = []
  for await (const row of dataset.rows(span)) rows.push(row)
  return rows
}

test('rows are read back as they were written, by span and in order', async () => {
  const folder = join(root, 'whole')
  const manifest = await writeDataset(folder, ROWS)
  const dataset = await openDataset(folder)
  expect(dataset.manifest).toEqual(manifest)
  for (const span of SPANS) expect(await rowsOf(dataset, span)).toEqual(ROWS.filter((row) => row.span === span))
})

test('a span may have many files; together they hold its rows in order', async () => {
  const folder = join(root, 'many')
  const long = ROWS.map((row) => ({ ...row, text: `${row.text} ${row.reviewId.repeat(400_000)}` }))
  const { files } = await writeDataset(folder, long, 1)
  expect(files.filter(({ span }) => span === 'fit').length).toBeGreaterThan(3)
  const read = await rowsOf(await openDataset(folder), 'fit')
  expect(read.map(({ reviewId }) => reviewId)).toEqual(ROWS.slice(0, 60).map(({ reviewId }) => reviewId))
})

test('columns have the names and types that the trainer reads', async () => {
  const folder = join(root, 'columns')
  await writeDataset(folder, ROWS)
  const described = await duckdbRows(`describe select * from '${folder}/fit-*.parquet'`)
  expect(Object.fromEntries(described.map((row) => [row['column_name'], row['column_type']]))).toEqual({
    review_id: 'VARCHAR',
    user_id: 'VARCHAR',
    movie_id: 'VARCHAR',
    written_at_ms: 'BIGINT',
    appended_at_ms: 'BIGINT',
    partition: 'INTEGER',
    offset: 'BIGINT',
    span: 'VARCHAR',
    label: 'BOOLEAN',
    label_source: 'VARCHAR',
    label_appended_at_ms: 'BIGINT',
    text: 'VARCHAR',
    values: 'DOUBLE[]',
    sentences:
      'STRUCT("start" INTEGER, "end" INTEGER, cues INTEGER, plotOverlapPermille INTEGER, endingOverlapPermille INTEGER, banner BOOLEAN)[]',
  })
})

test('equal rows give the same id, whenever they are written; any other row gives another', async () => {
  const first = await writeDataset(join(root, 'one'), ROWS)
  const again = await writeDataset(join(root, 'two'), ROWS)
  expect(again.id).toBe(first.id)
  const [changed = exampleRow(0, 'fit'), ...others] = ROWS
  const other = await writeDataset(join(root, 'three'), [{ ...changed, label: !changed.label }, ...others])
  expect(other.id).not.toBe(first.id)
})

test.each([
  {
    name: 'a flipped bit',
    damage: (folder: string) => {
      const bytes = readFileSync(join(folder, 'fit-00000.parquet'))
      bytes[100] = (bytes[100] as number) ^ 1
      writeFileSync(join(folder, 'fit-00000.parquet'), bytes)
    },
    says: /fit-00000\.parquet differs from the SHA-256/,
  },
  {
    name: 'a missing file',
    damage: (folder: string) => rmSync(join(folder, 'fit-00000.parquet')),
    says: /fit-00000\.parquet: .*no such file/,
  },
  {
    name: 'a file of another span under its name',
    damage: (folder: string) => cpSync(join(folder, 'stop-00000.parquet'), join(folder, 'fit-00000.parquet')),
    says: /fit-00000\.parquet differs/,
  },
  {
    name: 'a changed manifest',
    damage: (folder: string) => {
      const path = join(folder, 'manifest.json')
      writeFileSync(path, readFileSync(path, 'utf8').replace('"maturityMs": 0', '"maturityMs": 1'))
    },
    says: /says that it is [0-9a-f]{16}, its content is [0-9a-f]{16}/,
  },
  {
    name: 'a folder that was never finished',
    damage: (folder: string) => rmSync(join(folder, 'manifest.json')),
    says: /manifest\.json: .*no such file/,
  },
  {
    name: 'a manifest of something else',
    damage: (folder: string) => writeFileSync(join(folder, 'manifest.json'), '{"version":"x"}'),
    says: /featureService/,
  },
])('$name is refused', async ({ name, damage, says }) => {
  const folder = join(root, name)
  await writeDataset(folder, ROWS)
  damage(folder)
  const reading = (async () => rowsOf(await openDataset(folder), 'fit'))()
  await expect(reading).rejects.toMatchObject({
    code: 'SPL_DATASET_INVALID',
    message: expect.stringMatching(says) as string,
  })
})

test('files on S3 are read like those in a folder', async () => {
  const folder = join(root, 'stored')
  await writeDataset(folder, ROWS)
  const store = new MemoryObjectStore()
  for (const name of readdirSync(folder))
    await store.putIfAbsent(`offline/datasets/x/${name}`, readFileSync(join(folder, name)))
  await store.putIfAbsent('offline/datasets/x/fit-00000.parquet.more', Buffer.from('another object'))
  const dataset = await openDataset(storedFiles(store, 'offline/datasets/x'))
  expect(await rowsOf(dataset, 'stop')).toEqual(ROWS.filter(({ span }) => span === 'stop'))
  await store.remove('offline/datasets/x/stop-00000.parquet')
  await expect(rowsOf(dataset, 'stop')).rejects.toThrow('SPL_DATASET_INVALID')
})
