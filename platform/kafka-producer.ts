import Kafka from '@confluentinc/kafka-javascript'
import { KafkaFault, promised, QUEUE_FULL, TIMED_OUT } from './kafka-fault.ts'
import { connectionSettings, type KafkaConfig } from './kafka-connection.ts'
import type { GroupMetadata, PartitionOffset } from './kafka-consumer.ts'

/** A record ready to send: encoded, with its partition decided or left to the murmur2 partitioner (null). */
export interface OutgoingRecord {
  readonly topic: string
  readonly partition: number | null
  readonly key: Buffer | string | null
  readonly value: Buffer | null
}

/** The calls of a transaction. Every one may hang or fail; {@link commitBatch} says what follows. */
export interface TransactionalProducer {
  begin(): Promise<void>
  sendAll(records: readonly OutgoingRecord[]): Promise<void>
  sendOffsets(offsets: readonly PartitionOffset[], group: GroupMetadata): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

// Librdkafka's own limits are kept longer than our step deadline, which is the one that decides.
const NATIVE_TIMEOUT_MS = 60_000

const shared = {
  'enable.idempotence': true,
  'linger.ms': 2,
  'queue.buffering.max.messages': 1_000_000,
  'queue.buffering.max.kbytes': 1_048_576,
  'message.max.bytes': 10_000_000,
} as const

// murmur2, as Java and kafkajs: librdkafka's default puts keys elsewhere. It is a setting of the topic.
const topicSettings = { partitioner: 'murmur2_random' } as const

type NativeProducer = InstanceType<typeof Kafka.Producer>

async function connect(settings: Record<string, string | number | boolean>): Promise<NativeProducer> {
  const producer = new Kafka.Producer(settings, topicSettings)
  await promised('connecting a producer', (cb) => producer.connect({ timeout: 10_000 }, cb))
  producer.setPollInterval(250)
  return producer
}

function closeProducer(producer: NativeProducer): Promise<void> {
  return promised<undefined>('closing a producer', (cb) => producer.disconnect(5000, cb as never))
}

/** Queues a record; waits while the local queue is full. */
async function enqueue(producer: NativeProducer, record: OutgoingRecord): Promise<void> {
  for (;;) {
    try {
      producer.produce(record.topic, record.partition, record.value, record.key)
      return
    } catch (cause) {
      const fault = new KafkaFault(`sending to ${record.topic}`, cause as Error)
      if (fault.code !== QUEUE_FULL) throw fault
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/**
 * Opens a transactional producer and fences every earlier one of the same id.
 *
 * @throws KafkaFault when no broker answers within 30 s.
 */
export async function openTransactionalProducer(
  config: KafkaConfig & { readonly TRANSACTION_TIMEOUT_MS: number },
  transactionalId: string,
): Promise<TransactionalProducer & AsyncDisposable> {
  const producer = await connect({
    ...connectionSettings(config),
    ...shared,
    'client.id': transactionalId,
    'transactional.id': transactionalId,
    'transaction.timeout.ms': config.TRANSACTION_TIMEOUT_MS,
    // The default of 100 ms costs its length whenever the markers of the last transaction are still being written.
    'retry.backoff.ms': 5,
  })
  try {
    await promised('initialising transactions', (cb) => producer.initTransactions(30_000, cb))
  } catch (cause) {
    await closeProducer(producer)
    throw cause
  }
  return {
    begin: () => promised('beginning a transaction', (cb) => producer.beginTransaction(cb)),
    sendAll: async (records) => {
      for (const record of records) await enqueue(producer, record)
    },
    sendOffsets: (offsets, group) => {
      group.assertCurrent()
      return promised('sending offsets', (cb) =>
        producer.sendOffsetsToTransaction([...offsets], group.consumer, NATIVE_TIMEOUT_MS, cb),
      )
    },
    commit: () => promised('committing', (cb) => producer.commitTransaction(NATIVE_TIMEOUT_MS, cb)),
    abort: () => promised('aborting', (cb) => producer.abortTransaction(NATIVE_TIMEOUT_MS, cb)),
    [Symbol.asyncDispose]: () => closeProducer(producer),
  }
}

export interface IdempotentProducer extends AsyncDisposable {
  /** Queues a record; the promise waits only while the local queue is full. */
  send(record: OutgoingRecord): Promise<void>
  /** Resolves when every queued record is acknowledged. */
  flush(): Promise<void>
}

/** Waits for a broker that is away: every record is acknowledged or, after `message.timeout.ms`, has failed. */
async function flushed(producer: InstanceType<typeof Kafka.Producer>): Promise<void> {
  try {
    await promised('flushing', (cb) => producer.flush(NATIVE_TIMEOUT_MS, cb))
  } catch (error) {
    if (!(error instanceof KafkaFault && error.code === TIMED_OUT)) throw error
    await flushed(producer)
  }
}

/** Opens a producer without transactions, for publishers. Delivery failures are thrown by the next flush. */
export async function openIdempotentProducer(config: KafkaConfig, clientId: string): Promise<IdempotentProducer> {
  const producer = new Kafka.Producer(
    { ...connectionSettings(config), ...shared, 'client.id': clientId, 'linger.ms': 10, dr_cb: true },
    topicSettings,
  )
  await promised('connecting a producer', (cb) => producer.connect({ timeout: 10_000 }, cb))
  producer.setPollInBackground(true)
  const failures: KafkaFault[] = []
  producer.on('delivery-report', (error, report) => {
    // The callback gets null on success, whatever its type says.
    if (error as unknown) failures.push(new KafkaFault(`publishing to ${report.topic}`, error))
  })
  return {
    send: (record) => enqueue(producer, record),
    flush: async () => {
      await flushed(producer)
      const failure = failures.shift()
      if (failure !== undefined) throw failure
    },
    [Symbol.asyncDispose]: () => closeProducer(producer),
  }
}
