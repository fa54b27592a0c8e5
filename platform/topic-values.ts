import type { Logger } from 'pino'
import type { TopicId, ValueOf } from '../schemas/topics.ts'
import type { KafkaConfig } from './kafka-connection.ts'
import { KafkaFault } from './kafka-fault.ts'
import type { RecordCodec } from './record-codec.ts'
import { pause } from './retry.ts'
import { SpoilerError } from './spoiler-error.ts'
import { type ReadRecord, readTopic } from './topic-reader.ts'

const RETRY_MS = 1_000

/** The values of a topic up to its present end, in log order per partition. What cannot be decoded is left out. */
export async function* committedValues<T extends TopicId>(
  config: KafkaConfig,
  codec: RecordCodec,
  id: T,
): AsyncGenerator<ValueOf<T>> {
  for await (const { decoded } of readTopic(config, codec, id, { from: 'beginning', follow: false }))
    if ('value' in decoded) yield decoded.value
}

/**
 * The records of a topic from its beginning, and then as they come, until the signal aborts. After a dependency was
 * down it begins again: who reads must bear to see a record twice.
 *
 * @throws SpoilerError `stop`, such as SPL_TOPIC_MISSING.
 */
export async function* followTopic<T extends TopicId>(
  config: KafkaConfig,
  codec: RecordCodec,
  id: T,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): AsyncGenerator<ReadRecord<T>> {
  while (!signal.aborted) {
    try {
      yield* readTopic(config, codec, id, { from: 'beginning', follow: true, signal })
    } catch (error) {
      const passes = error instanceof KafkaFault || (error instanceof SpoilerError && error.onError === 'retry')
      if (!passes) throw error
      log.warn({ err: error, topic: id }, 'a dependency is down; reading again soon')
      await pause(RETRY_MS, signal)
    }
  }
}
