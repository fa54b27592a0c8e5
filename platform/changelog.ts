import type { Message } from '@confluentinc/kafka-javascript'
import type { AppliedOffset } from '../schemas/generated.ts'
import type { StoreDeclaration } from '../schemas/processor.ts'
import { type PartitionOffset, PartitionReader } from './kafka-consumer.ts'
import type { OutgoingRecord } from './kafka-producer.ts'
import type { RecordCodec, Subject } from './record-codec.ts'
import { SpoilerError } from './spoiler-error.ts'
import type { EncodedChange } from './state-file.ts'
import type { PartitionState, StateCodec, SyncPoint } from './state-store.ts'

/** Stands between the store's name and the entry's key; no id may hold it. */
const SEPARATOR = '\u001e'
const APPLIED_KEY = `${SEPARATOR}applied`
/** Records of a restore that are in memory, and on the event loop, at a time. */
const RESTORED_AT_A_TIME = 2_000

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
export class Changelog<Stores> implements StateCodec {
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
    const { topic } = this
    const changes = state.changes().map(({ store, key, value }) => {
      return { topic, partition, key: `${store}${SEPARATOR}${key}`, value }
    })
    const applied: AppliedOffset = { topic: input.topic, offset: input.offset, streamTimeMs: state.currentTimeMs }
    const value = this.#codec.encode(this.#subject('applied'), applied)
    return [...changes, { topic, partition, key: APPLIED_KEY, value }]
  }

  encode(store: string, value: unknown): Buffer {
    const record = this.#declarations[store as keyof Stores].toRecord?.(value as never) ?? value
    return this.#codec.encode(this.#subject(store), record)
  }

  /** A value that {@link encode} made. */
  decode(store: string, bytes: Buffer): unknown {
    const decoded = this.#codec.decodeKnown<never>(this.#subject(store).schema, bytes, false)
    if (decoded !== undefined && 'value' in decoded)
      return this.#declarations[store as keyof Stores].fromRecord?.(decoded.value) ?? decoded.value
    throw new RangeError(`${this.topic}: a value of the store '${store}' cannot be read`)
  }

  /**
   * Reads a partition into a state, up to the high watermark: what lies between the last stable offset and it belongs
   * to a transaction that will be decided, and may be ours.
   *
   * @param from  First offset to read: everything before it is in the state.
   * @param sync  End of the partition under read_uncommitted, and when it was asked for.
   * @returns     Number of records read.
   */
  async restore(
    state: PartitionState<Stores>,
    reader: PartitionReader,
    { partition, from, sync }: { readonly partition: number; readonly from: number; readonly sync: SyncPoint },
  ): Promise<number> {
    const { topic } = this
    let folded: AppliedOffset | null = null
    let records = 0
    if (from < sync.changelogOffset) reader.assign([{ topic, partition, offset: from }])
    while (from < sync.changelogOffset && (reader.atEnd.get(`${topic}/${partition}`) ?? -1) < sync.changelogOffset) {
      const read = await reader.read({ timeoutMs: 100, maxRecords: RESTORED_AT_A_TIME })
      folded = (await this.#restoreRecords(state, read)) ?? folded
      records += read.length
    }
    const applied = folded === null ? null : { appliedOffset: folded.offset, streamTimeMs: folded.streamTimeMs }
    state.restored(applied, sync)
    return records
  }

  /** Null when the records do not tell how far they were folded. */
  async #restoreRecords(
    state: PartitionState<Stores>,
    records: readonly Pick<Message, 'key' | 'value'>[],
  ): Promise<AppliedOffset | null> {
    let applied: AppliedOffset | null = null
    const changes: EncodedChange[] = []
    for (const { key, value } of records) {
      if (String(key) === APPLIED_KEY) applied = await this.#decoded<AppliedOffset>('applied', value)
      else changes.push(await this.#change(String(key), value))
    }
    state.restore(changes)
    return applied
  }

  async #change(joined: string, bytes: Buffer | null): Promise<EncodedChange> {
    const [store, ...rest] = joined.split(SEPARATOR) as [string, ...string[]]
    const key = rest.join(SEPARATOR)
    const subject = this.#subject(store) // stops at a store that is not declared, tombstones included
    if (bytes === null) return { store, key, value: null }
    const record = await this.#decoded(store, bytes)
    // on disk all values of a store have the schema of today
    const isOfToday = bytes.readInt32BE(1) === this.#codec.idOf(subject)
    return { store, key, value: isOfToday ? bytes : this.#codec.encode(subject, record) }
  }

  async #decoded<V>(store: string, bytes: Buffer | null): Promise<V> {
    const decoded = await this.#codec.decode<V>(this.#subject(store).schema, bytes, false)
    if ('value' in decoded) return decoded.value
    throw new SpoilerError(decoded.poison, `restoring ${this.topic}: ${decoded.cause}`, { onError: 'stop' })
  }

  /** Schema id of every store's values. */
  schemaIds(): Record<string, number> {
    const ids = Object.keys(this.#declarations).map((store) => [store, this.#codec.idOf(this.#subject(store)) ?? -1])
    return Object.fromEntries(ids) as Record<string, number>
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
