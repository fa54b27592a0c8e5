import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { localFiles } from '../../../../trainers/dataset/dataset-files.ts'
import type { DatasetRow } from '../../../../trainers/dataset/dataset-row.ts'
import { type DatasetManifest, manifestText, sealedManifest } from '../../../../trainers/dataset/manifest.ts'
import { openDataset } from '../../../../trainers/dataset/open-dataset.ts'
import { verifyDataset } from '../../../../trainers/dataset/verify-dataset.ts'
import { writeDataset } from '../../../support/datasets.ts'
import { buildFromLogs, worldLogs } from '../../../support/world-dataset.ts'

const root = mkdtempSync(join(tmpdir(), 'verify-dataset-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const honest = join(root, 'honest')
const signal = new AbortController().signal
const verify = (folder: string): Promise<DatasetManifest> => verifyDataset(localFiles(folder), signal)

async function honestRows(): Promise<DatasetRow[]> {
  const dataset = await openDataset(honest)
  return (
    await Promise.all(
      (['fit', 'stop', 'calibrate', 'gate'] as const).map((span) => Array.fromAsync(dataset.rows(span))),
    )
  ).flat()
}

/** A data set of changed rows that says of itself what an honest one says: hashes and counts are right. */
async function forged(name: string, rows: readonly DatasetRow[]): Promise<string> {
  const folder = join(root, name)
  const written = await writeDataset(folder, rows)
  const { split, spans } = (await openDataset(honest)).manifest
  const { id: _, createdAt: __, ...content } = written
  const timed = content.spans.map((own) => ({ ...spans.find(({ span }) => span === own.span), ...pick(own) }))
  const manifest = sealedManifest({ ...content, split, spans: timed as DatasetManifest['spans'] }, 0)
  writeFileSync(join(folder, 'manifest.json'), manifestText(manifest))
  return folder
}

const pick = ({ span, rows, positives }: DatasetManifest['spans'][number]) => ({ span, rows, positives })

test('a data set that was built is whole', async () => {
  const { id } = await buildFromLogs(worldLogs(300), {}, { folder: honest, sortFolder: root })
  expect((await verify(honest)).id).toBe(id)
  await expect(verify(await forged('copy', await honestRows()))).resolves.toBeDefined()
})

test.each<{ name: string; forge: (rows: readonly DatasetRow[]) => DatasetRow[]; says: RegExp }>([
  {
    name: 'a review that stands in two spans',
    forge: (rows) => {
      const shared = rows.find(({ span }) => span === 'fit')
      return rows.map((row) =>
        row === rows.findLast(({ span }) => span === 'gate')
          ? { ...row, userId: shared?.userId ?? '', reviewId: shared?.reviewId ?? '' }
          : row,
      )
    },
    says: /SPL_DATASET_LEAK.*stands in the data set twice/,
  },
  {
    name: 'a label that was not known when the next span began',
    forge: (rows) =>
      rows.map((row, i) => (i === 0 ? { ...row, labelAppendedAtMs: rows.at(-1)?.appendedAtMs ?? 0 } : row)),
    says: /SPL_DATASET_LEAK.*has a label of a later span/,
  },
  {
    name: 'a row of the gate that was moved to what is fitted',
    forge: (rows) => rows.map((row, i) => (i === rows.length - 1 ? { ...row, span: 'fit' } : row)),
    says: /SPL_DATASET_LEAK.*outside the times of its span/,
  },
])('$name is caught from the files alone', async ({ name, forge, says }) => {
  await expect(verify(await forged(name.replaceAll(' ', '-'), forge(await honestRows())))).rejects.toThrow(says)
})

test('a file that was changed is caught', async () => {
  const folder = await forged('changed', await honestRows())
  const file = join(folder, 'gate-00000.parquet')
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
  writeFileSync(file, bytes)
  await expect(verify(folder)).rejects.toThrow(/SPL_DATASET_INVALID[^]*gate-00000.parquet differs/)
})
