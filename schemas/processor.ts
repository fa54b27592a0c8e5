import type { ErrorCode } from './errors.ts'
import type { LogPosition, SchemaName } from './generated.ts'
import type { TopicId, ValueOf } from './topics.ts'

/** A record as a processor sees it. */
export interface StreamRecord<V> {
  readonly key: string | null
  readonly value: V
  readonly position: LogPosition
  /** Append time given by the broker, Unix milliseconds. */
  readonly appendedAtMs: number
}

/** Key of a store entry. Parts hold no control characters (intake refuses them). */
export type StoreKey = string | readonly string[]

/** A read-only keyed map. `entries` goes from the entry put longest ago to the newest. */
export interface ReadonlyStore<V> {
  get(key: StoreKey): V | undefined
  has(key: StoreKey): boolean
  entries(): IterableIterator<readonly [key: readonly string[], value: V]>
}
export type ReadonlyStores<Stores> = { readonly [S in keyof Stores]: ReadonlyStore<Stores[S]> }

/** Says how a store's values stand in the changelog. */
export interface StoreDeclaration<V> {
  readonly schema: SchemaName
  /** To the Avro record `schema`, and back. Left out when the value is that record. */
  readonly toRecord?: (value: V) => unknown
  readonly fromRecord?: (record: never) => V
}

/** A null value deletes. A put moves the entry to the newest end. */
export type Put<Stores> = {
  readonly [S in keyof Stores]: { readonly store: S; readonly key: StoreKey; readonly value: Stores[S] | null }
}[keyof Stores]

/** An output record. Its key follows from the topic's declaration. */
export type Forward = { readonly [T in TopicId]: { readonly to: T; readonly value: ValueOf<T> } }[TopicId]

export type DropReason = 'late' | 'duplicate'

/** What the runtime must do. Plain data: nothing has happened yet. */
export interface Step<Stores> {
  readonly puts: readonly Put<Stores>[]
  readonly forwards: readonly Forward[]
  readonly drops: readonly { readonly reason: DropReason }[]
  /** Poison: the record goes to `dead-letters` with its original bytes. */
  readonly rejects: readonly { readonly code: ErrorCode; readonly cause: string }[]
}

/**
 * A fold over one partition of one log: `(record, stores, stream time) -> step`. Pure: no clock, no random number,
 * no look-up. `In` is what the runtime decoded; public inputs arrive as `unknown` and are validated by intake.
 */
export interface Processor<In, Stores> {
  readonly name: string
  readonly stores: { readonly [S in keyof Stores]: StoreDeclaration<Stores[S]> }
  onRecord(record: StreamRecord<In>, stores: ReadonlyStores<Stores>, streamTimeMs: number): Step<Stores>
  /** Called after stream time moved, before the record that moved it is folded. Never by the wall clock. */
  onStreamTime?(streamTimeMs: number, stores: ReadonlyStores<Stores>): Step<Stores>
}

export const NOTHING = { puts: [], forwards: [], drops: [], rejects: [] } as const satisfies Step<never>
