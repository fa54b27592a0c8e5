import { tmpdir } from 'node:os'
import type { DatasetFiles } from './dataset-files.ts'
import { SPANS } from './dataset-row.ts'
import { LeakGuard } from './leak-guard.ts'
import { type DatasetManifest, invalidDataset } from './manifest.ts'
import { openDataset } from './open-dataset.ts'

/**
 * Reads a whole data set and proves its manifest, the hash of every file, the order and number of the rows, and that
 * nothing leaks between the spans. Memory: one file; what is compared with all rows is sorted on disk.
 *
 * @param sortFolder For that; nothing is left in it.
 * @throws SpoilerError SPL_DATASET_INVALID, SPL_DATASET_LEAK; of files on S3 also SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function verifyDataset(
  files: DatasetFiles,
  signal: AbortSignal,
  sortFolder = tmpdir(),
): Promise<DatasetManifest> {
  const { manifest, rows } = await openDataset(files)
  using guard = new LeakGuard({ by: manifest.split.by, spans: manifest.spans }, sortFolder)
  for (const span of SPANS) {
    const found = { rows: 0, positives: 0 }
    for await (const row of rows(span)) {
      signal.throwIfAborted()
      if (row.span !== span) throw invalidDataset(files.place, `a row of ${row.span} stands in a file of ${span}`)
      guard.check(row)
      found.rows += 1
      found.positives += row.label ? 1 : 0
    }
    const says = manifest.spans.find((one) => one.span === span)
    if (says?.rows !== found.rows || says.positives !== found.positives)
      throw invalidDataset(
        files.place,
        `${span} holds ${found.rows} rows, ${found.positives} positives: not as it says`,
      )
  }
  guard.end()
  return manifest
}
