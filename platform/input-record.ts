import type { Message } from '@confluentinc/kafka-javascript'
import { type TopicId, topics } from '../schemas/topics.ts'
import type { TopicPartition } from './kafka-consumer.ts'

/** A record as it came from the broker. */
export interface InputRecord extends TopicPartition {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Append time given by the broker, Unix milliseconds. */
  readonly appendedAtMs: number
  readonly headers: readonly Readonly<Record<string, string | Buffer>>[]
}

export function inputRecord(message: Message): InputRecord {
  const { topic, partition, offset, key, value, timestamp, headers } = message
  return {
    topic,
    partition,
    offset,
    key: typeof key === 'string' ? Buffer.from(key) : (key ?? null),
    value,
    appendedAtMs: timestamp ?? 0,
    headers: headers ?? [],
  }
}

const BY_NAME: ReadonlyMap<string, TopicId> = new Map(
  (Object.keys(topics) as TopicId[]).map((id) => [topics[id].name, id]),
)

/** The declaration behind a topic's name. */
export function topicId(name: string): TopicId {
  const id = BY_NAME.get(name)
  if (id === undefined) throw new RangeError(`no topic '${name}' is declared in schemas/topics.ts`)
  return id
}
