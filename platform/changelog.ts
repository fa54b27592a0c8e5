import type { AppliedOffset } from '../schemas/generated.ts'
import type { StoreDeclaration } from '../schemas/processor.ts'
import { type PartitionOffset, PartitionReader } from './kafka-consumer.ts'
import type { OutgoingRecord } from './kafka-producer.ts'
import type { RecordCodec, Subject } from './record-codec.ts'
import { SpoilerError } from './spoiler-error.ts'
import type { PartitionState } from './state-store.ts'

/** Stands between the store's name and the entry's key; no id may hold it. */
const SEPARATOR = '\u001e'
const APPLIED_KEY = `${SEPARATOR}applied`

export type StoreDeclarations<Stores> = { readonly [S in keyof Stores]: StoreDeclaration<Stores[S]> }

export type StoreSchemas = Readonly<Record<string, Pick<StoreDeclaration<never>, 'schema'>>>

/** How far a partition of the input has been folded. */
export interface Applied {
  readonly offset: number
  readonly streamTimeMs: number
}

/**
 * The compacted topic that holds a fold's state: one record per changed entry, and one that tells how far the input
 * was folded. Its partitions are those of the input, whatever the keys.
 */
export class Changelog<Stores> {
  readonly topic: string
  readonly #declarations: StoreDeclarations<Stores>
  readonly #codec: RecordCodec
  readonly #subjects: Readonly<Record<string, Subject>>

  constructor(processor: string, declarations: StoreDeclarations<Stores>, codec: RecordCodec) {
    this.topic = changelogTopic(processor)
    this.#declarations = declarations
    this.#codec = codec
    this.#subjects = Object.fromEntries(changelogSubjects(processor, declarations).map((s) => [s.subject, s]))
  }

  /** The changes of the running batch and the offset up to which they hold. */
  records(partition: number, state: PartitionState<Stores>, input: PartitionOffset): OutgoingRecord[] {
    const changes = state.changes().map(({ store, key, value }) => {
      const declared = this.#declarations[store as keyof Stores]
      const record = value === null ? null : (declared.toRecord?.(value as never) ?? value)
      const encoded = record === null ? null : this.#codec.encode(this.#subject(store), record)
      return { topic: this.topic, partition, key: `${store}${SEPARATOR}${key}`, value: encoded }
    })
    const applied: AppliedOffset = { topic: input.topic, offset: input.offset, streamTimeMs: state.currentTimeMs }
    const value = this.#codec.encode(this.#subject('applied'), applied)
    return [...changes, { topic: this.topic, partition, key: APPLIED_KEY, value }]
  }

  /**
   * Reads a partition into an empty state, up to the high watermark: what lies between the last stable offset and it
   * belongs to a transaction that will be decided, and may be ours.
   *
   * @param highWatermark End of the partition under read_uncommitted.
   */
  async restore(
    state: PartitionState<Stores>,
    reader: PartitionReader,
    end: PartitionOffset & { low: number },
  ): Promise<void> {
    if (end.offset <= end.low) return
    const id = `${end.topic}/${end.partition}`
    reader.assign([{ topic: end.topic, partition: end.partition, offset: end.low }])
    while ((reader.atEnd.get(id) ?? -1) < end.offset) {
      for (const { key, value } of await reader.read({ timeoutMs: 100, maxRecords: 10_000 })) {
        await this.#restoreRecord(state, String(key), value)
      }
    }
  }

  async #restoreRecord(state: PartitionState<Stores>, key: string, bytes: Buffer | null): Promise<void> {
    const [store, ...rest] = key.split(SEPARATOR) as [string, ...string[]]
    if (key === APPLIED_KEY) {
      const applied = await this.#decode<AppliedOffset>('applied', bytes)
      state.appliedOffset = applied.offset
      state.streamTimeMs = applied.streamTimeMs
      return
    }
    this.#subject(store) // stops at a store that is not declared, tombstones included
    const name = store as keyof Stores
    if (bytes === null) {
      state.restore(name, rest.join(SEPARATOR), null)
      return
    }
    const record = await this.#decode<never>(store, bytes)
    const value = this.#declarations[name].fromRecord?.(record) ?? record
    state.restore(name, rest.join(SEPARATOR), value)
  }

  async #decode<V>(store: string, bytes: Buffer | null): Promise<V> {
    const decoded = await this.#codec.decode<V>(this.#subject(store).schema, bytes, false)
    if ('value' in decoded) return decoded.value
    throw new SpoilerError(decoded.poison, `restoring ${this.topic}: ${decoded.cause}`, { onError: 'stop' })
  }

  #subject(store: string): Subject {
    const subject = this.#subjects[`${this.topic}-${store}`]
    if (subject !== undefined) return subject
    throw new SpoilerError(
      'SPL_AVRO_INVALID',
      `reading ${this.topic}: it holds a store '${store}' that is not declared`,
      {
        onError: 'stop',
      },
    )
  }
}

export function changelogTopic(processor: string): string {
  return `${processor}-changelog`
}

/** Subjects under which a fold's state is registered. Empty for a stateless fold. */
export function changelogSubjects(processor: string, declarations: StoreSchemas): Subject[] {
  const stores = Object.entries(declarations)
  if (stores.length === 0) return []
  const subject = (name: string, schema: Subject['schema']): Subject => ({
    subject: `${changelogTopic(processor)}-${name}`,
    schema,
    compatibility: 'FULL_TRANSITIVE',
  })
  return [...stores.map(([name, { schema }]) => subject(name, schema)), subject('applied', 'AppliedOffset')]
}
