import { type DatasetFiles } from './dataset-files.ts'
import { type DatasetManifest, invalidDataset, MANIFEST_FILE, manifestText, parseManifest } from './manifest.ts'
import { verifiedBytes } from './open-dataset.ts'

export interface CopiedDataset {
  readonly manifest: DatasetManifest
  /** `exists`: the target is this data set already. */
  readonly outcome: 'written' | 'exists'
}

/**
 * Publishes a data set, or brings it here: the manifest last, so that a copy that was cut off is no data set; the same
 * call goes on with it.
 *
 * @throws SpoilerError SPL_DATASET_INVALID when a file of either side differs from its hash.
 */
export async function copyDataset(from: DatasetFiles, to: DatasetFiles): Promise<CopiedDataset> {
  const manifest = parseManifest(Buffer.from(await from.read(MANIFEST_FILE)).toString('utf8'), from.place)
  for (const file of manifest.files) {
    const bytes = await verifiedBytes(from, file)
    if ((await to.putIfAbsent(file.name, bytes)) === 'exists') await verifiedBytes(to, file)
  }
  const outcome = await to.putIfAbsent(MANIFEST_FILE, Buffer.from(manifestText(manifest)))
  if (outcome === 'written') return { manifest, outcome }
  const there = parseManifest(Buffer.from(await to.read(MANIFEST_FILE)).toString('utf8'), to.place)
  if (there.id === manifest.id) return { manifest: there, outcome }
  throw invalidDataset(to.place, `is data set ${there.id}, not ${manifest.id}`)
}
