import type {
  Processor,
  Put,
  ReadonlyStore,
  ReadonlyStores,
  Step,
  StoreKey,
  StreamRecord,
} from '../schemas/processor.ts'
import { joinKey, splitKey } from './state-store.ts'

/** A keyed map that remembers the order of puts, as the stores of the runtime do. */
class MapStore<V> implements ReadonlyStore<V> {
  readonly #entries = new Map<string, V>()

  get(key: StoreKey): V | undefined {
    return this.#entries.get(joinKey(key))
  }

  has(key: StoreKey): boolean {
    return this.#entries.has(joinKey(key))
  }

  *entries(): IterableIterator<readonly [key: readonly string[], value: V]> {
    for (const [key, value] of this.#entries) yield [splitKey(key), value]
  }

  put(key: StoreKey, value: V | null): void {
    const joined = joinKey(key)
    this.#entries.delete(joined)
    if (value !== null) this.#entries.set(joined, value)
  }
}

/** Content of the stores, oldest entry first, and the stream time: all that a fold knows of its past. */
export interface FoldState {
  readonly stores: Readonly<Record<string, readonly (readonly [key: readonly string[], value: unknown])[]>>
  readonly streamTimeMs: number
}

const NO_PAST: FoldState = { stores: {}, streamTimeMs: -1 }

/**
 * Folds records of one partition in memory, without broker and clock, in the order and with the semantics of the
 * runtime: stream time is the largest append time seen, `onStreamTime` runs when it moves and before the record that
 * moved it. Nothing is kept when it is let go.
 */
export class MemoryFold<In, Stores> {
  readonly #processor: Processor<In, Stores>
  readonly #stores: Readonly<Record<string, MapStore<unknown>>>
  #streamTimeMs: number

  constructor(processor: Processor<In, Stores>, from: FoldState = NO_PAST) {
    this.#processor = processor
    this.#streamTimeMs = from.streamTimeMs
    this.#stores = Object.fromEntries(Object.keys(processor.stores).map((name) => [name, new MapStore<unknown>()]))
    for (const [name, store] of Object.entries(this.#stores))
      for (const [key, value] of from.stores[name] ?? []) store.put(key, value)
  }

  /** @returns what time has brought, if the record moved it, and what the record has. */
  next(record: StreamRecord<In>): readonly Step<Stores>[] {
    const stores = this.#stores as unknown as ReadonlyStores<Stores>
    const before = this.#streamTimeMs
    this.#streamTimeMs = Math.max(before, record.appendedAtMs)
    const aged = this.#streamTimeMs > before ? this.#processor.onStreamTime?.(this.#streamTimeMs, stores) : undefined
    if (aged !== undefined) this.#apply(aged)
    const step = this.#processor.onRecord(record, stores, this.#streamTimeMs)
    this.#apply(step)
    return aged === undefined ? [step] : [aged, step]
  }

  state(): FoldState {
    const stores = Object.entries(this.#stores).map(([name, store]) => [name, [...store.entries()]] as const)
    return { stores: Object.fromEntries(stores), streamTimeMs: this.#streamTimeMs }
  }

  #apply({ puts }: Step<Stores>): void {
    for (const { store, key, value } of puts as readonly Put<Record<string, unknown>>[])
      this.#stores[store]?.put(key, value)
  }
}
