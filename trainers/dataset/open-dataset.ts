import { createHash } from 'node:crypto'
import { readRows } from '../../platform/parquet-file.ts'
import { type FeatureService, featureServiceOf } from '../../schemas/feature-services.ts'
import { type DatasetFiles, localFiles } from './dataset-files.ts'
import { type DatasetRow, rowOf, type Span } from './dataset-row.ts'
import { type DatasetFile, type DatasetManifest, invalidDataset, MANIFEST_FILE, parseManifest } from './manifest.ts'

export interface Dataset {
  readonly manifest: DatasetManifest
  /**
   * Rows of a span in their order, one file in memory at a time.
   *
   * @throws SpoilerError SPL_DATASET_INVALID at the first file that differs from the manifest.
   */
  readonly rows: (span: Span) => AsyncGenerator<DatasetRow>
}

export function rowsIn({ spans }: DatasetManifest, span: Span): number {
  return spans.find((one) => one.span === span)?.rows ?? 0
}

/** @throws SpoilerError SPL_DATASET_INVALID for a feature service that this code does not have, or has otherwise. */
export function serviceOf({ id, featureService, features }: DatasetManifest): FeatureService {
  const service = featureServiceOf(featureService)
  const same =
    service?.features.length === features.length && service.features.every(({ name }, i) => name === features[i])
  if (same) return service
  throw invalidDataset(
    id,
    `its rows are of ${featureService} with ${features.length} features, which this version does not know`,
  )
}

/**
 * Opens a data set: the manifest is proved by its content hash at once, each file by its SHA-256 when it is read; what
 * is proved is what is used.
 *
 * @param from A local folder, or the files themselves.
 * @throws SpoilerError SPL_DATASET_INVALID; of files on S3 also SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function openDataset(from: string | DatasetFiles): Promise<Dataset> {
  const files = typeof from === 'string' ? localFiles(from) : from
  const manifest = parseManifest(Buffer.from(await files.read(MANIFEST_FILE)).toString('utf8'), files.place)
  return {
    manifest,
    rows: async function* (span) {
      for (const file of manifest.files) if (file.span === span) yield* rowsOf(files, file)
    },
  }
}

async function* rowsOf(files: DatasetFiles, file: DatasetFile): AsyncGenerator<DatasetRow> {
  const bytes = await verifiedBytes(files, file)
  const read = (start: number, end: number): Promise<Uint8Array> => Promise.resolve(bytes.subarray(start, end))
  for await (const cells of readRows({ sizeBytes: bytes.length, read })) yield rowOf(cells)
}

/** @throws SpoilerError SPL_DATASET_INVALID when the file differs from its SHA-256. */
export async function verifiedBytes(files: DatasetFiles, { name, sha256 }: DatasetFile): Promise<Uint8Array> {
  const bytes = await files.read(name)
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== sha256) throw invalidDataset(files.place, `${name} differs from the SHA-256 in the manifest`)
  return bytes
}
