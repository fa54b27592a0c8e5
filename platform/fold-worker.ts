import type { Processor, ReadonlyStores, Step, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { type BatchWorker, type ComputedOutput, OutputCollector } from './batch-worker.ts'
import { type Applied, Changelog } from './changelog.ts'
import { type InputRecord, topicId } from './input-record.ts'
import { PartitionReader, type PartitionOffset, type TopicPartition, type Watermarks } from './kafka-consumer.ts'
import { KafkaFault } from './kafka-fault.ts'
import type { RecordCodec } from './record-codec.ts'
import { restoreFrom } from './restore-from.ts'
import type { Snapshots } from './snapshot-taker.ts'
import { SpoilerError } from './spoiler-error.ts'
import type { StateFiles } from './state-files.ts'
import { NOTHING_KEPT, PartitionState, type SyncPoint } from './state-store.ts'
import type { Restored } from './telemetry.ts'

/** Of a changelog, as the broker has it. */
export interface ChangelogFacts {
  readonly topicId: string
  /** So long a deletion stands in the log before it may vanish with what it deleted, ms. */
  readonly tombstonesKeptMs: number
}

export interface FoldDeps {
  readonly codec: RecordCodec
  /** Watermarks under read_uncommitted. */
  readonly watermarks: (input: TopicPartition) => Promise<Watermarks>
  readonly openReader: () => Promise<PartitionReader>
  readonly changelogFacts: (topic: string) => Promise<ChangelogFacts>
  readonly states: StateFiles
  readonly nowMs: () => number
  readonly onRestored: (restored: Restored) => void
  /** False for a fold whose state nobody restores: no changelog is made. True by default. */
  readonly isLogged?: boolean
  /** Left out: nobody copies the state. */
  readonly snapshots?: Snapshots
}

/** Runs a processor over the partitions assigned to it. */
export class FoldWorker<In, Stores> implements BatchWorker, Disposable {
  readonly stateful: boolean
  readonly #processor: Processor<In, Stores>
  readonly #deps: FoldDeps
  readonly #changelog: Changelog<Stores>
  readonly #states = new Map<number, PartitionState<Stores>>()

  constructor(processor: Processor<In, Stores>, deps: FoldDeps) {
    this.#processor = processor
    this.#deps = deps
    this.#changelog = new Changelog(processor.name, processor.stores, deps.codec)
    this.stateful = Object.keys(processor.stores).length > 0
  }

  async restore({ partition }: TopicPartition): Promise<Applied | null> {
    if (!this.stateful) {
      // a stateless fold reads several topics; its partitions share nothing that a record could see
      const state =
        this.#states.get(partition) ?? new PartitionState<Stores>([], { file: NOTHING_KEPT, codec: this.#changelog })
      this.#states.set(partition, state)
      return null
    }
    this.#close(partition) // a restore that failed is tried again
    const state = await this.#open(partition)
    return state.appliedOffset === null ? null : { offset: state.appliedOffset, streamTimeMs: state.streamTimeMs }
  }

  release({ partition }: TopicPartition): void {
    if (this.stateful) this.#close(partition)
  }

  async compute(records: readonly InputRecord[], next: readonly PartitionOffset[]): Promise<ComputedOutput> {
    for (const { partition } of next) await this.#catchUp(partition)
    const output = new OutputCollector(this.#deps.codec, this.#processor.name)
    for (const record of records) await this.#fold(record, output)
    const changes =
      this.stateful && (this.#deps.isLogged ?? true)
        ? next.flatMap((position) =>
            this.#changelog.records(position.partition, this.#state(position.partition), position),
          )
        : []
    return { outgoing: [...output.outgoing(), ...changes], drops: output.drops, rejects: output.rejects }
  }

  commit(next: readonly PartitionOffset[]): void {
    for (const { partition, offset } of next) {
      const state = this.#state(partition)
      const beforeMs = state.streamTimeMs
      try {
        state.commit(offset)
      } catch (error) {
        // the next batch waits until the disk has taken this one
        if (!(error instanceof SpoilerError && error.onError === 'retry')) throw error
      }
      if (this.stateful) this.#deps.snapshots?.committed(partition, state, beforeMs)
    }
  }

  discard(): void {
    for (const state of this.#states.values()) state.discard()
  }

  [Symbol.dispose](): void {
    for (const partition of [...this.#states.keys()]) this.#close(partition)
  }

  async #open(partition: number): Promise<PartitionState<Stores>> {
    const { states, changelogFacts, openReader, onRestored, nowMs } = this.#deps
    const { topic } = this.#changelog
    const startedMs = nowMs()
    const { topicId, tombstonesKeptMs } = await changelogFacts(topic)
    const schemaIds = this.#changelog.schemaIds()
    const file = await states.open({ changelog: topic, topicId, partition, schemaIds })
    const names = Object.keys(schemaIds) as (keyof Stores & string)[]
    const state = new PartitionState<Stores>(names, { file, codec: this.#changelog })
    this.#states.set(partition, state)

    const { low, sync } = await this.#edges(partition)
    const tail = restoreFrom(state.syncedTo, { low, end: sync, tombstonesKeptMs })
    if (tail.because !== null) state.reset()
    await using reader = await openReader()
    const records = await this.#changelog.restore(state, reader, { partition, from: tail.offset, sync })
    onRestored({ partition, records, because: tail.because, ms: nowMs() - startedMs })
    return state
  }

  async #edges(partition: number): Promise<{ low: number; sync: SyncPoint }> {
    const { watermarks, nowMs } = this.#deps
    const syncedAtMs = nowMs() // before the broker is asked: what it says is not older
    const { low, high } = await watermarks({ topic: this.#changelog.topic, partition })
    return { low, sync: { changelogOffset: high, syncedAtMs } }
  }

  /**
   * Brings to disk what it refused before, and remembers now and then up to where the changelog is in the state. All
   * that is committed before its end is: by us, since no transaction of ours is open, and by nobody else, since whoever
   * had the partition before us cannot commit any more.
   */
  async #catchUp(partition: number): Promise<void> {
    if (!this.stateful) return
    const state = this.#state(partition)
    state.flush()
    if (!state.needsSync(this.#deps.nowMs())) return
    try {
      state.synced((await this.#edges(partition)).sync)
    } catch (error) {
      if (!(error instanceof KafkaFault)) throw error // a broker that is away shows when the batch is committed
    }
  }

  #close(partition: number): void {
    const state = this.#states.get(partition)
    this.#states.delete(partition)
    state?.[Symbol.dispose]()
  }

  async #fold(input: InputRecord, output: OutputCollector): Promise<void> {
    const state = this.#state(input.partition)
    const { schema, publicInput } = topics[topicId(input.topic)]
    const { codec } = this.#deps
    const decoded =
      codec.decodeKnown<In>(schema, input.value, publicInput) ??
      (await codec.decode<In>(schema, input.value, publicInput))
    try {
      this.#advanceTime(input, state, output) // also with poison: time is a matter of the log
      if ('poison' in decoded) {
        output.reject(input, decoded.poison, decoded.cause)
        return
      }
      const record = streamRecord(input, decoded.value)
      this.#apply(this.#processor.onRecord(record, readonly(state), state.currentTimeMs), state, output, input)
    } catch (cause) {
      if (cause instanceof SpoilerError) throw cause // not the record's fault
      output.reject(input, 'SPL_PROCESSING_FAILED', (cause as Error).stack ?? String(cause))
    }
  }

  #advanceTime(input: InputRecord, state: PartitionState<Stores>, output: OutputCollector): void {
    const before = state.currentTimeMs
    state.advanceTime(input.appendedAtMs)
    if (state.currentTimeMs === before || this.#processor.onStreamTime === undefined) return
    this.#apply(this.#processor.onStreamTime(state.currentTimeMs, readonly(state)), state, output, input)
  }

  #apply(step: Step<Stores>, state: PartitionState<Stores>, output: OutputCollector, input: InputRecord): void {
    output.forwardAll(step.forwards) // first: it may throw, and then nothing of the step may remain
    for (const put of step.puts) state.put(put)
    for (const { reason } of step.drops) output.drop(reason)
    for (const { code, cause } of step.rejects) output.reject(input, code, cause)
  }

  #state(partition: number): PartitionState<Stores> {
    const state = this.#states.get(partition)
    if (state === undefined) throw new RangeError(`${this.#processor.name} has no state of partition ${partition}`)
    return state
  }
}

function streamRecord<V>({ key, topic, partition, offset, appendedAtMs }: InputRecord, value: V): StreamRecord<V> {
  return { key: key?.toString() ?? null, value, position: { topic, partition, offset }, appendedAtMs }
}

function readonly<Stores>(state: PartitionState<Stores>): ReadonlyStores<Stores> {
  return state.stores
}
