import type { ErrorCode } from '../schemas/errors.ts'
import type { DeadLetter } from '../schemas/generated.ts'
import type { Forward } from '../schemas/processor.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import type { Applied } from './changelog.ts'
import { type InputRecord, topicId } from './input-record.ts'
import type { PartitionOffset, TopicPartition } from './kafka-consumer.ts'
import type { OutgoingRecord } from './kafka-producer.ts'
import type { Poison, RecordCodec } from './record-codec.ts'
import { INTERNAL_RECORD_BYTES } from './record-limits.ts'
import { SpoilerError } from './spoiler-error.ts'

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
  /**
   * Brings back the state of a partition before its first record. Null when nothing shows that it was ever worked on;
   * without state, an offset that was certainly passed.
   */
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

  /**
   * Poison: the record goes on with its original bytes. What no topic holds stays where it stands, and the cause says so.
   *
   * @throws SpoilerError `stop` where it is not the record's fault: {@link assertNotForgotten}.
   */
  reject(record: InputRecord, code: ErrorCode, cause: string, attempts = 1): void {
    assertNotForgotten(record, { poison: code, cause })
    this.rejects[code] = (this.rejects[code] ?? 0) + 1
    const original = { key: record.key, value: record.value, headers: headersOf(record) }
    const left = fittingLetter(original)
    const letter: DeadLetter = {
      code,
      cause: left === original ? cause : `${cause}; left out here since it is too large, see the source`,
      component: this.#component,
      source: { topic: record.topic, partition: record.partition, offset: record.offset },
      appendedAtMs: record.appendedAtMs,
      attempts,
      ...left,
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

/**
 * A schema id that a registry does not know is the publisher's mistake on a public input, and poison. The other topics
 * are written by components alone, which take their ids from the registry: then it has forgotten them or is another one,
 * no record can be trusted to be readable, and a person has to decide.
 *
 * @throws SpoilerError SPL_SCHEMA_ID_UNKNOWN `stop`.
 */
export function assertNotForgotten(record: InputRecord, { poison, cause }: Poison): void {
  if (poison !== 'SPL_SCHEMA_ID_UNKNOWN' || topics[topicId(record.topic)].publicInput) return
  const lines = [
    `reading ${record.topic}/${record.partition} at offset ${record.offset}: ${cause}, and only components write there.`,
    'The registry has lost schemas, or it is another than the one that the record was written with. Point',
    'SCHEMA_REGISTRY_URL back to that one (`shield config` shows it), or restore the registry; then start again.',
  ]
  throw new SpoilerError(poison, lines.join('\n'), { onError: 'stop' })
}

type Original = Pick<DeadLetter, 'key' | 'value' | 'headers'>

/** Of a letter's own fields: code, cause, component and position. */
const LETTER_FIELDS_BYTES = 16_384

function headersOf({ headers }: InputRecord): DeadLetter['headers'] {
  const entries = headers.flatMap((header) => Object.entries(header))
  return Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value)]))
}

/** The value goes first, then everything: a publisher that compresses can send more than a topic takes. */
function fittingLetter(original: Original): Original {
  const withoutValue = { ...original, value: null }
  return [original, withoutValue].find(fits) ?? { key: null, value: null, headers: {} }
}

function fits({ key, value, headers }: Original): boolean {
  const inHeaders = Object.entries(headers).map(([name, bytes]) => name.length * 3 + bytes.length + 10)
  const sum = [key?.length ?? 0, value?.length ?? 0, ...inHeaders].reduce((total, bytes) => total + bytes, 0)
  return sum + LETTER_FIELDS_BYTES <= INTERNAL_RECORD_BYTES
}
