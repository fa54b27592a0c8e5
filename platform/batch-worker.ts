import type { ErrorCode } from '../schemas/errors.ts'
import type { DeadLetter } from '../schemas/generated.ts'
import type { Forward } from '../schemas/processor.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import type { Applied } from './changelog.ts'
import type { InputRecord } from './input-record.ts'
import type { PartitionOffset, TopicPartition } from './kafka-consumer.ts'
import type { OutgoingRecord } from './kafka-producer.ts'
import type { RecordCodec } from './record-codec.ts'

/** What a batch did, for metrics. */
export interface BatchCounts {
  readonly drops: Readonly<Record<string, number>>
  readonly rejects: Readonly<Record<string, number>>
}

export interface ComputedOutput extends BatchCounts {
  /** Outputs first, then changelog records. */
  readonly outgoing: readonly OutgoingRecord[]
}

/** Turns polled records into outputs, and keeps whatever state that takes. A stream task owns it. */
export interface BatchWorker {
  readonly stateful: boolean
  /** Brings back the state of a partition before its first record. Null when there is none yet. */
  restore(input: TopicPartition): Promise<Applied | null>
  release(input: TopicPartition): void
  /**
   * Computes everything that the batch will make visible, without making anything visible.
   *
   * @throws SpoilerError with `onError: 'retry'` when a dependency is down: the same batch is computed again.
   */
  compute(records: readonly InputRecord[], next: readonly PartitionOffset[]): Promise<ComputedOutput>
  /** The batch is visible. */
  commit(next: readonly PartitionOffset[]): void
  /** The batch is not visible, and will be computed again or by another. */
  discard(): void
}

/** Gathers the outputs of a batch; of several rows for one key of a compacted topic only the newest is sent. */
export class OutputCollector {
  readonly #codec: RecordCodec
  readonly #component: string
  readonly #outgoing: OutgoingRecord[] = []
  readonly #newest = new Map<string, { readonly to: TopicId; readonly key: string; readonly value: unknown }>()
  readonly drops: Record<string, number> = {}
  readonly rejects: Record<string, number> = {}

  constructor(codec: RecordCodec, component: string) {
    this.#codec = codec
    this.#component = component
  }

  forward(output: Forward): void {
    this.forwardAll([output])
  }

  /** All outputs of a step or, when one of them cannot be encoded, none. */
  forwardAll(outputs: readonly Forward[]): void {
    const ready = outputs.map(({ to, value }) => {
      const topic = topics[to]
      const key = (topic.key as (value: unknown) => string)(value)
      return topic.cleanup === 'compact' ? { to, key, value } : this.#encode(to, key, value)
    })
    for (const output of ready) {
      if ('to' in output) this.#newest.set(`${output.to}/${output.key}`, output)
      else this.#outgoing.push(output)
    }
  }

  drop(reason: string): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1
  }

  /** Poison: the record goes on with its original bytes, and nothing of it is lost. */
  reject(record: InputRecord, code: ErrorCode, cause: string, attempts = 1): void {
    this.rejects[code] = (this.rejects[code] ?? 0) + 1
    const letter: DeadLetter = {
      code,
      cause,
      component: this.#component,
      source: { topic: record.topic, partition: record.partition, offset: record.offset },
      appendedAtMs: record.appendedAtMs,
      attempts,
      key: record.key,
      value: record.value,
      headers: Object.fromEntries(
        record.headers.flatMap((header) => Object.entries(header).map(([name, value]) => [name, Buffer.from(value)])),
      ),
    }
    this.forward({ to: 'deadLetters', value: letter })
  }

  outgoing(): OutgoingRecord[] {
    return [...this.#outgoing, ...[...this.#newest.values()].map(({ to, key, value }) => this.#encode(to, key, value))]
  }

  #encode(to: TopicId, key: string, value: unknown): OutgoingRecord {
    const { name, schema } = topics[to]
    return { topic: name, partition: null, key, value: this.#codec.encode({ subject: `${name}-value`, schema }, value) }
  }
}
