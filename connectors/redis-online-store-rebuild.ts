import type { FeatureView, FencedRow } from './feast-rows.ts'
import type { OnlineStore, RowReference, WriteCount } from './redis-online-store.ts'

export interface RebuildOptions {
  readonly views: readonly FeatureView[]
  /**
   * Opens the rows of the compacted topics, from their beginning to an end that is fixed *by this call*: it is made
   * after the store was scanned, so that a row written meanwhile is either among the rows or not among the scanned.
   */
  readonly openRows: () => AsyncIterable<FencedRow>
  /** Also removes rows of these views that the topics do not have any more. */
  readonly removeMissing: boolean
  readonly batchRows?: number
}

export interface RebuildCount extends WriteCount {
  readonly removed: number
}

/**
 * Refills the online store from the compacted topics while it is in use: rows that are newer already stay.
 * Memory: with `removeMissing` one reference per stored row.
 *
 * @throws SpoilerError SPL_REDIS_UNAVAILABLE; it may be run again from the beginning.
 */
export async function rebuildOnlineStore(
  store: OnlineStore,
  { views, openRows, removeMissing, batchRows = 1_000 }: RebuildOptions,
): Promise<RebuildCount> {
  const missing = removeMissing ? await storedRows(store, views) : new Map<string, RowReference>()
  const count = { written: 0, stale: 0 }
  for await (const batch of batches(openRows(), batchRows)) {
    const { written, stale } = await store.write(batch)
    count.written += written
    count.stale += stale
    for (const row of batch) missing.delete(rowName(row))
  }
  // A row that was written anew since the scan has another fence and stays.
  let removed = 0
  for await (const batch of batches(missing.values(), batchRows)) removed += await store.remove(batch)
  return { ...count, removed }
}

async function storedRows(store: OnlineStore, views: readonly FeatureView[]): Promise<Map<string, RowReference>> {
  const stored = new Map<string, RowReference>()
  for await (const batch of store.scan(views)) for (const row of batch) stored.set(rowName(row), row)
  return stored
}

function rowName({ view, id }: Pick<RowReference, 'view' | 'id'>): string {
  return `${view.name}/${id}`
}

async function* batches<T>(rows: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
