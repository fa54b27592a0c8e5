import type { Put, ReadonlyStore, StoreKey } from '../schemas/processor.ts'

/** Parts of a key are joined by a character that intake refuses in ids. */
const SEPARATOR = '\u001f'

export function joinKey(key: StoreKey): string {
  return typeof key === 'string' ? key : key.join(SEPARATOR)
}
export function splitKey(key: string): string[] {
  return key.split(SEPARATOR)
}

/** One store of one partition: committed entries, and over them what the running batch has put. */
class OverlaidStore<V> implements ReadonlyStore<V> {
  readonly committed = new Map<string, V>()
  readonly overlay = new Map<string, V | null>()

  get(key: StoreKey): V | undefined {
    const joined = joinKey(key)
    const over = this.overlay.get(joined)
    if (over === undefined) return this.committed.get(joined)
    return over ?? undefined
  }

  has(key: StoreKey): boolean {
    return this.get(key) !== undefined
  }

  *entries(): IterableIterator<readonly [key: readonly string[], value: V]> {
    for (const [key, value] of this.committed) if (!this.overlay.has(key)) yield [splitKey(key), value]
    for (const [key, value] of this.overlay) if (value !== null) yield [splitKey(key), value]
  }

  /** Moves the entry to the newest end, in the overlay as in the committed map. */
  put(key: StoreKey, value: V | null): void {
    const joined = joinKey(key)
    this.overlay.delete(joined)
    this.overlay.set(joined, value)
  }

  merge(): void {
    for (const [key, value] of this.overlay) applyEntry(this.committed, key, value)
    this.overlay.clear()
  }
}

function applyEntry<V>(entries: Map<string, V>, key: string, value: V | null): void {
  entries.delete(key)
  if (value !== null) entries.set(key, value)
}

/** A change of the running batch; a null value deletes. */
export interface StoreChange {
  readonly store: string
  readonly key: string
  readonly value: unknown
}

/**
 * The state of one partition of a fold: its stores, the stream time, and the offset up to which the input was folded.
 * A batch writes into an overlay; {@link commit} merges it, {@link discard} forgets it.
 */
export class PartitionState<Stores> {
  readonly stores: { readonly [S in keyof Stores]: OverlaidStore<Stores[S]> }
  /** Largest append time folded and committed, Unix milliseconds. */
  streamTimeMs = -Infinity
  /** Next input offset; null before the first commit. */
  appliedOffset: number | null = null
  #overlayTimeMs = -Infinity

  constructor(names: readonly (keyof Stores & string)[]) {
    const stores = Object.fromEntries(names.map((name) => [name, new OverlaidStore<never>()]))
    this.stores = stores as unknown as { readonly [S in keyof Stores]: OverlaidStore<Stores[S]> }
  }

  /** Stream time as the running batch sees it. */
  get currentTimeMs(): number {
    return Math.max(this.streamTimeMs, this.#overlayTimeMs)
  }

  advanceTime(appendedAtMs: number): void {
    this.#overlayTimeMs = Math.max(this.currentTimeMs, appendedAtMs)
  }

  put({ store, key, value }: Put<Stores>): void {
    this.stores[store].put(key, value)
  }

  /** Restores one committed entry. */
  restore(store: keyof Stores, key: string, value: Stores[keyof Stores] | null): void {
    applyEntry(this.stores[store].committed, key, value)
  }

  /** One change per entry of the overlay, oldest put first. */
  changes(): StoreChange[] {
    return Object.entries<OverlaidStore<unknown>>(this.stores).flatMap(([store, { overlay }]) =>
      [...overlay].map(([key, value]) => ({ store, key, value })),
    )
  }

  commit(appliedOffset: number): void {
    for (const store of Object.values<OverlaidStore<unknown>>(this.stores)) store.merge()
    this.streamTimeMs = this.currentTimeMs
    this.#overlayTimeMs = -Infinity
    this.appliedOffset = appliedOffset
  }

  discard(): void {
    for (const store of Object.values<OverlaidStore<unknown>>(this.stores)) store.overlay.clear()
    this.#overlayTimeMs = -Infinity
  }
}
