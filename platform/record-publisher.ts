import { type TopicId, topics, type ValueOf } from '../schemas/topics.ts'
import type { KafkaConfig } from './kafka-connection.ts'
import { openIdempotentProducer } from './kafka-producer.ts'
import type { RecordCodec } from './record-codec.ts'

export interface KafkaRecordPublisher extends AsyncDisposable {
  /** Queues a value; waits while the local queue is full. */
  publish<T extends TopicId>(topic: T, value: ValueOf<T>): Promise<void>
  /** Resolves when everything queued is acknowledged. @throws KafkaFault when a record was not. */
  flush(): Promise<void>
}

/** Publishes values to declared topics, in registry Avro, keyed as declared. */
export async function openRecordPublisher(
  config: KafkaConfig,
  codec: RecordCodec,
  clientId: string,
): Promise<KafkaRecordPublisher> {
  const producer = await openIdempotentProducer(config, clientId)
  return {
    publish: (id, value) => {
      const { name, schema, key } = topics[id]
      const bytes = codec.encode({ subject: `${name}-value`, schema }, value)
      return producer.send({ topic: name, partition: null, key: (key as (v: unknown) => string)(value), value: bytes })
    },
    flush: () => producer.flush(),
    [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
  }
}
