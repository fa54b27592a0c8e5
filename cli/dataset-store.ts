import type { S3ObjectStore } from '../connectors/s3-object-store.ts'
import type { Config } from '../platform/config.ts'
import { type DatasetPlace, localPlace, storedPlace } from '../trainers/dataset/dataset-place.ts'

export interface DatasetStore {
  readonly store: S3ObjectStore
  readonly place: DatasetPlace
  /** Of a data set, for people: a path, or an S3 URI. */
  readonly addressOf: (id: string) => string
}

/**
 * Opens the place of data sets. The client of S3 takes a second to load: only who needs it waits for it.
 *
 * @param folder A local one instead of S3.
 */
export async function withDatasets<T>(
  config: Config,
  folder: string | undefined,
  work: (datasets: DatasetStore) => Promise<T>,
): Promise<T> {
  const { openS3ObjectStore } = await import('../connectors/s3-object-store.ts')
  using store = openS3ObjectStore(config)
  const place = folder === undefined ? storedPlace(store, config.S3_PREFIX) : localPlace(folder)
  const root = folder ?? `s3://${config.S3_BUCKET}/${place.name}`
  return await work({ store, place, addressOf: (id) => `${root}/${id}` })
}
