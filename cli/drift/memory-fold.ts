import type {
  Forward,
  Processor,
  Put,
  ReadonlyStore,
  ReadonlyStores,
  Step,
  StoreKey,
  StreamRecord,
} from '../../schemas/processor.ts'

const SEPARATOR = '\u001f'

/** A keyed map that remembers the order of puts, as the stores of the runtime do. */
class MapStore<V> implements ReadonlyStore<V> {
  readonly #entries = new Map<string, V>()

  get(key: StoreKey): V | undefined {
    return this.#entries.get(joined(key))
  }

  has(key: StoreKey): boolean {
    return this.#entries.has(joined(key))
  }

  *entries(): IterableIterator<readonly [key: readonly string[], value: V]> {
    for (const [key, value] of this.#entries) yield [key.split(SEPARATOR), value]
  }

  put(key: StoreKey, value: V | null): void {
    this.#entries.delete(joined(key))
    if (value !== null) this.#entries.set(joined(key), value)
  }
}

function joined(key: StoreKey): string {
  return typeof key === 'string' ? key : key.join(SEPARATOR)
}

/** Folds records of one partition in memory, with the semantics of the runtime. Nothing is kept when it is let go. */
export class MemoryFold<In, Stores> {
  readonly #processor: Processor<In, Stores>
  readonly #stores: Readonly<Record<string, MapStore<unknown>>>
  #streamTimeMs = -1

  constructor(processor: Processor<In, Stores>) {
    this.#processor = processor
    this.#stores = Object.fromEntries(Object.keys(processor.stores).map((name) => [name, new MapStore<unknown>()]))
  }

  /** @returns what it forwards. */
  next(record: StreamRecord<In>): readonly Forward[] {
    const stores = this.#stores as unknown as ReadonlyStores<Stores>
    const before = this.#streamTimeMs
    this.#streamTimeMs = Math.max(before, record.appendedAtMs)
    const aged = this.#streamTimeMs > before ? this.#processor.onStreamTime?.(this.#streamTimeMs, stores) : undefined
    const earlier = aged === undefined ? [] : this.#applied(aged)
    return [...earlier, ...this.#applied(this.#processor.onRecord(record, stores, this.#streamTimeMs))]
  }

  #applied({ puts, forwards }: Step<Stores>): readonly Forward[] {
    for (const { store, key, value } of puts as readonly Put<Record<string, unknown>>[])
      this.#stores[store]?.put(key, value)
    return forwards
  }
}
