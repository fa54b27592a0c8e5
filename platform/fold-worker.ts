import type { Processor, ReadonlyStores, Step, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { type BatchWorker, type ComputedOutput, OutputCollector } from './batch-worker.ts'
import { type Applied, Changelog } from './changelog.ts'
import { type InputRecord, topicId } from './input-record.ts'
import { PartitionReader, type PartitionOffset, type TopicPartition, type Watermarks } from './kafka-consumer.ts'
import type { RecordCodec } from './record-codec.ts'
import { SpoilerError } from './spoiler-error.ts'
import { PartitionState } from './state-store.ts'

interface FoldDeps {
  readonly codec: RecordCodec
  /** Watermarks under read_uncommitted. */
  readonly watermarks: (input: TopicPartition) => Promise<Watermarks>
  readonly openReader: () => Promise<PartitionReader>
}

/** Runs a processor over the partitions assigned to it. */
export class FoldWorker<In, Stores> implements BatchWorker {
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
    const state = this.#newState()
    if (this.stateful) {
      const { topic } = this.#changelog
      const { low, high } = await this.#deps.watermarks({ topic, partition })
      await using reader = await this.#deps.openReader()
      await this.#changelog.restore(state, reader, { topic, partition, low, offset: high })
    }
    // a stateless fold reads several topics; its partitions share nothing that a record could see
    if (this.stateful || !this.#states.has(partition)) this.#states.set(partition, state)
    return state.appliedOffset === null ? null : { offset: state.appliedOffset, streamTimeMs: state.streamTimeMs }
  }

  release({ partition }: TopicPartition): void {
    if (this.stateful) this.#states.delete(partition)
  }

  async compute(records: readonly InputRecord[], next: readonly PartitionOffset[]): Promise<ComputedOutput> {
    const output = new OutputCollector(this.#deps.codec, this.#processor.name)
    for (const record of records) await this.#fold(record, output)
    const changes = this.stateful
      ? next.flatMap((position) =>
          this.#changelog.records(position.partition, this.#state(position.partition), position),
        )
      : []
    return { outgoing: [...output.outgoing(), ...changes], drops: output.drops, rejects: output.rejects }
  }

  commit(next: readonly PartitionOffset[]): void {
    for (const { partition, offset } of next) this.#state(partition).commit(offset)
  }

  discard(): void {
    for (const state of this.#states.values()) state.discard()
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
      if (cause instanceof SpoilerError) throw cause
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

  #newState(): PartitionState<Stores> {
    return new PartitionState(Object.keys(this.#processor.stores) as (keyof Stores & string)[])
  }
}

function streamRecord<V>({ key, topic, partition, offset, appendedAtMs }: InputRecord, value: V): StreamRecord<V> {
  return { key: key?.toString() ?? null, value, position: { topic, partition, offset }, appendedAtMs }
}

function readonly<Stores>(state: PartitionState<Stores>): ReadonlyStores<Stores> {
  return state.stores
}
