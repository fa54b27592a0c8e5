import avro from 'avsc'
import { avroSchemas } from '../../schemas/generated.ts'
import type {
  DropReason,
  Forward,
  Processor,
  Put,
  ReadonlyStore,
  ReadonlyStores,
  Step,
  StoreDeclaration,
  StoreKey,
  StreamRecord,
} from '../../schemas/processor.ts'

const KEY_SEPARATOR = '\u0000'

/** A keyed map that remembers the order of puts, as the runtime's stores do. */
class MemoryStore<V> implements ReadonlyStore<V> {
  readonly #entries = new Map<string, V>()

  get(key: StoreKey): V | undefined {
    return this.#entries.get(idOf(key))
  }

  has(key: StoreKey): boolean {
    return this.#entries.has(idOf(key))
  }

  *entries(): IterableIterator<readonly [key: readonly string[], value: V]> {
    for (const [id, value] of this.#entries) yield [id.split(KEY_SEPARATOR), value]
  }

  put(key: StoreKey, value: V | null): void {
    this.#entries.delete(idOf(key))
    if (value !== null) this.#entries.set(idOf(key), value)
  }
}

function idOf(key: StoreKey): string {
  return typeof key === 'string' ? key : key.join(KEY_SEPARATOR)
}

/** Content of the stores, oldest entry first, and the stream time: all that a fold knows of its past. */
export interface FoldState {
  readonly stores: Readonly<Record<string, readonly (readonly [key: readonly string[], value: unknown])[]>>
  readonly streamTimeMs: number
}

export interface Driven {
  readonly output: readonly Forward[]
  readonly drops: readonly DropReason[]
  readonly rejects: readonly Step<never>['rejects'][number][]
  readonly state: FoldState
}

/**
 * Folds records through a processor, without broker and clock, in the order and with the semantics of the runtime:
 * stream time is the largest append time seen, `onStreamTime` runs when it moves and before the record that moved it.
 */
export function drive<In, Stores>(
  processor: Processor<In, Stores>,
  records: readonly StreamRecord<In>[],
  from: FoldState = { stores: {}, streamTimeMs: -1 },
): Driven {
  const fold = new Fold(processor, from)
  for (const record of records) fold.next(record)
  return fold.result()
}

/** The same, record by record. */
export class Fold<In, Stores> {
  readonly #processor: Processor<In, Stores>
  readonly #stores: Record<string, MemoryStore<unknown>> = {}
  readonly #output: Forward[] = []
  readonly #drops: DropReason[] = []
  readonly #rejects: Step<never>['rejects'][number][] = []
  #streamTimeMs: number

  constructor(processor: Processor<In, Stores>, from: FoldState = { stores: {}, streamTimeMs: -1 }) {
    this.#processor = processor
    this.#streamTimeMs = from.streamTimeMs
    for (const name of Object.keys(processor.stores)) {
      const store = new MemoryStore<unknown>()
      for (const [key, value] of from.stores[name] ?? []) store.put(key, value)
      this.#stores[name] = store
    }
  }

  next(record: StreamRecord<In>): Step<Stores> {
    const stores = this.#stores as unknown as ReadonlyStores<Stores>
    if (record.appendedAtMs > this.#streamTimeMs) {
      this.#streamTimeMs = record.appendedAtMs
      const step = this.#processor.onStreamTime?.(this.#streamTimeMs, stores)
      if (step !== undefined) this.#apply(step)
    }
    return this.#apply(this.#processor.onRecord(record, stores, this.#streamTimeMs))
  }

  result(): Driven {
    const stores = Object.entries(this.#stores).map(([name, store]) => [name, [...store.entries()]] as const)
    const state = { stores: Object.fromEntries(stores), streamTimeMs: this.#streamTimeMs }
    return { output: this.#output, drops: this.#drops, rejects: this.#rejects, state }
  }

  #apply(step: Step<Stores>): Step<Stores> {
    for (const put of step.puts as readonly Put<Record<string, unknown>>[])
      this.#stores[put.store]?.put(put.key, put.value)
    this.#output.push(...step.forwards)
    this.#drops.push(...step.drops.map((drop) => drop.reason))
    this.#rejects.push(...step.rejects)
    return step
  }
}

/** What a restart leaves of the state: every value written as the Avro record of its store, and read back. */
export function throughAvro<In, Stores>(processor: Processor<In, Stores>, state: FoldState): FoldState {
  const declarations = processor.stores as Record<string, StoreDeclaration<unknown>>
  const stores = Object.entries(state.stores).map(([name, entries]) => {
    const declaration = declarations[name] as StoreDeclaration<unknown>
    const type = avro.Type.forSchema(avroSchemas[declaration.schema] as never)
    const restored = entries.map(([key, value]) => {
      const bytes = type.toBuffer(declaration.toRecord?.(value) ?? value)
      const record = JSON.parse(JSON.stringify(type.fromBuffer(bytes))) as never
      return [key, declaration.fromRecord?.(record) ?? record] as const
    })
    return [name, restored] as const
  })
  return { streamTimeMs: state.streamTimeMs, stores: Object.fromEntries(stores) }
}
