import type { Put, ReadonlyStore, StoreKey } from '../schemas/processor.ts'
import { EntryCache } from './entry-cache.ts'
import type { EncodedChange, StateCopy, StateFile, StatePosition } from './state-file.ts'

/** Parts of a key are joined by a character that intake refuses in ids. */
const SEPARATOR = '\u001f'
/** Of each store of a partition, encoded: a few thousand movies, or some ten thousand users. Objects take several times as much. */
const CACHED_BYTES = 1_048_576
/** Oldest entries of a store that are read at a time. */
const CHUNK = 64
/** The position in the changelog is asked for after so many changes, or so much time: a restart reads little more. */
const SYNC_CHANGES = 10_000
const SYNC_MS = 60_000

export function joinKey(key: StoreKey): string {
  return typeof key === 'string' ? key : key.join(SEPARATOR)
}
export function splitKey(key: string): string[] {
  return key.split(SEPARATOR)
}

/** Values of the stores as they stand in the changelog and on disk. */
export interface StateCodec {
  encode(store: string, value: unknown): Buffer
  decode(store: string, bytes: Buffer): unknown
}

/** Where committed entries are kept. */
export type StateStorage = Pick<StateFile, 'position' | 'get' | 'after' | 'write' | 'reset'> &
  Disposable & { copyTo(path: string): StateCopy | null }

/** For a fold without stores: of its state only the stream time counts, and only while the process lives. */
export const NOTHING_KEPT: StateStorage = {
  position: null,
  get: () => undefined,
  after: () => [],
  write: () => undefined,
  reset: () => undefined,
  copyTo: () => null,
  [Symbol.dispose]: () => undefined,
}

interface StoreDeps {
  readonly name: string
  readonly file: StateStorage
  readonly codec: StateCodec
}

interface Decoded<V> {
  readonly order: number
  readonly key: string
  readonly value: V
}

/** One store of one partition: committed entries on disk, and over them what the running batch has put. */
class OverlaidStore<V> implements ReadonlyStore<V> {
  readonly overlay = new Map<string, V | null>()
  readonly #deps: StoreDeps
  readonly #cache = new EntryCache<V>(CACHED_BYTES)
  /** The oldest committed entries that the batch has not put, since folds ask for them again with every record. */
  #oldest: { readonly entries: readonly Decoded<V>[]; readonly keys: ReadonlySet<string> } | undefined

  constructor(deps: StoreDeps) {
    this.#deps = deps
  }

  get(key: StoreKey): V | undefined {
    const joined = joinKey(key)
    const over = this.overlay.get(joined)
    return over === undefined ? this.#committed(joined) : (over ?? undefined)
  }

  has(key: StoreKey): boolean {
    return this.get(key) !== undefined
  }

  *entries(): IterableIterator<readonly [key: readonly string[], value: V]> {
    for (const { key, value } of this.#allCommitted()) if (!this.overlay.has(key)) yield [splitKey(key), value]
    for (const [key, value] of this.overlay) if (value !== null) yield [splitKey(key), value]
  }

  /** Moves the entry to the newest end, in the overlay as on disk. */
  put(key: StoreKey, value: V | null): void {
    const joined = joinKey(key)
    this.overlay.delete(joined)
    this.overlay.set(joined, value)
  }

  changes(): EncodedChange[] {
    const { name: store, codec } = this.#deps
    return [...this.overlay].map(([key, value]) => {
      return { store, key, value: value === null ? null : codec.encode(store, value) }
    })
  }

  /** An entry is on disk now as it was in the overlay, or as a restore has brought it. */
  written({ key, value: bytes }: EncodedChange): void {
    const value = this.overlay.get(key)
    if (bytes !== null && value != null) this.#cache.set(key, value, bytes.length)
    else this.#cache.delete(key)
    // a new entry stands behind the oldest, unless these are all
    if (this.#oldest !== undefined && (this.#oldest.keys.size < CHUNK || this.#oldest.keys.has(key)))
      this.#oldest = undefined
  }

  /** What the batch has put never was. */
  discard(): void {
    this.overlay.clear()
    this.#oldest = undefined
  }

  #committed(key: string): V | undefined {
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const { file, name } = this.#deps
    const bytes = file.get(name, key)
    if (bytes === undefined) return undefined
    const value = this.#decode(bytes)
    this.#cache.set(key, value, bytes.length)
    return value
  }

  *#allCommitted(): IterableIterator<Decoded<V>> {
    let chunk = this.#oldestChunk()
    for (;;) {
      yield* chunk
      const last = chunk.at(-1)
      if (last === undefined || chunk.length < CHUNK) return
      chunk = this.#after(last.order)
    }
  }

  /** Leaves behind what the batch has put anew or deleted: else every record of it would read all of that again. */
  #oldestChunk(): readonly Decoded<V>[] {
    let chunk = this.#oldest?.entries ?? this.#after(0)
    while (chunk.length === CHUNK && chunk.every(({ key }) => this.overlay.has(key)))
      chunk = this.#after((chunk.at(-1) as Decoded<V>).order)
    if (chunk !== this.#oldest?.entries) this.#oldest = { entries: chunk, keys: new Set(chunk.map(({ key }) => key)) }
    return chunk
  }

  #after(order: number): Decoded<V>[] {
    const { file, name } = this.#deps
    return file.after(name, order, CHUNK).map((entry) => ({ ...entry, value: this.#decode(entry.value) }))
  }

  #decode(bytes: Buffer): V {
    return this.#deps.codec.decode(this.#deps.name, bytes) as V
  }
}

/** Where the state stands after a restore, or where the changelog was seen to stand. */
export type SyncPoint = Pick<StatePosition, 'changelogOffset' | 'syncedAtMs'>

interface StateDeps {
  readonly file: StateStorage
  readonly codec: StateCodec
}

/**
 * The state of one partition of a fold: its stores, the stream time, and the offset up to which the input was folded.
 * A batch writes into an overlay; {@link commit} brings it to disk, {@link discard} forgets it.
 */
export class PartitionState<Stores> implements Disposable {
  readonly stores: { readonly [S in keyof Stores]: OverlaidStore<Stores[S]> }
  readonly #file: StateStorage
  readonly #byName: ReadonlyMap<string, OverlaidStore<unknown>>
  #position: StatePosition
  #overlayTimeMs = -Infinity
  #changes: readonly EncodedChange[] | undefined
  /** Committed, but the disk has refused it so far: the overlay stays until it is there. */
  #isUnwritten = false
  #changesSinceSync = 0

  constructor(names: readonly (keyof Stores & string)[], { file, codec }: StateDeps) {
    this.#file = file
    this.#position = file.position ?? NOTHING_FOLDED
    this.#byName = new Map(names.map((name) => [name, new OverlaidStore<unknown>({ name, file, codec })]))
    this.stores = Object.fromEntries(this.#byName) as { readonly [S in keyof Stores]: OverlaidStore<Stores[S]> }
  }

  /** Largest append time folded and committed, Unix milliseconds. */
  get streamTimeMs(): number {
    return this.#position.streamTimeMs ?? -Infinity
  }

  /** Next input offset; null before the first commit. */
  get appliedOffset(): number | null {
    return this.#position.appliedOffset
  }

  /** Copies what is committed into a new file; null while the disk lacks the newest batch. */
  copyTo(path: string): StateCopy | null {
    return this.#isUnwritten ? null : this.#file.copyTo(path)
  }

  /** Up to where the state on disk is that of the changelog; null when it has to be restored from the beginning. */
  get syncedTo(): SyncPoint | null {
    return this.#file.position
  }

  /** True once so much has changed, or so much time has passed, that the next restore should not read all of it. */
  needsSync(nowMs: number): boolean {
    return this.#changesSinceSync >= SYNC_CHANGES || nowMs - this.#position.syncedAtMs >= SYNC_MS
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
    this.#changes = undefined
  }

  /** One change per entry of the overlay, oldest put first, encoded once. */
  changes(): readonly EncodedChange[] {
    this.#changes ??= [...this.#byName.values()].flatMap((store) => store.changes())
    return this.#changes
  }

  /**
   * The batch is visible to all: it goes to disk, with the applied offset.
   *
   * @throws SpoilerError SPL_STATE_UNAVAILABLE: nothing is lost, {@link flush} tries again.
   */
  commit(appliedOffset: number): void {
    this.#position = { ...this.#position, appliedOffset, streamTimeMs: finiteOrNull(this.currentTimeMs) }
    this.#overlayTimeMs = -Infinity
    this.#isUnwritten = true
    this.flush()
  }

  /** Writes what the disk refused at the commit. */
  flush(): void {
    if (!this.#isUnwritten) return
    const changes = this.changes()
    this.#file.write(changes, this.#position)
    this.#isUnwritten = false
    this.#changesSinceSync += changes.length
    for (const change of changes) this.#store(change).written(change)
    this.#changes = undefined
    for (const store of this.#byName.values()) store.overlay.clear()
  }

  discard(): void {
    this.#overlayTimeMs = -Infinity
    if (this.#isUnwritten) return
    this.#changes = undefined
    for (const store of this.#byName.values()) store.discard()
  }

  /** The state holds everything committed before an offset of its changelog. Reaches the disk with the next commit. */
  synced(point: SyncPoint): void {
    this.#position = { ...this.#position, ...point }
    this.#changesSinceSync = 0
  }

  /** Forgets everything: a restore begins from nothing. */
  reset(): void {
    this.#file.reset()
    this.#position = NOTHING_FOLDED
  }

  /** Restores committed entries. Until {@link restored} a crash leaves a state that is restored again. */
  restore(changes: readonly EncodedChange[]): void {
    this.#file.write(changes)
    for (const change of changes) this.#store(change).written(change)
  }

  /** The restore has read all of the changelog before an offset. */
  restored(applied: Pick<StatePosition, 'appliedOffset' | 'streamTimeMs'> | null, point: SyncPoint): void {
    const position = { ...this.#position, ...applied, ...point }
    this.#file.write([], position)
    this.#position = position
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]()
  }

  #store({ store }: EncodedChange): OverlaidStore<unknown> {
    const found = this.#byName.get(store)
    if (found === undefined) throw new RangeError(`no store '${store}'`)
    return found
  }
}

const NOTHING_FOLDED: StatePosition = { appliedOffset: null, streamTimeMs: null, changelogOffset: 0, syncedAtMs: 0 }

function finiteOrNull(timeMs: number): number | null {
  return Number.isFinite(timeMs) ? timeMs : null
}
