import { type Broker, NumericMap, ProduceAcks, produceV9 } from '@platformatic/kafka'
import { request } from '../../platform/open-transactions.ts'

interface Batch {
  readonly topic: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Sequence number of its only record. */
  readonly sequence: number
  readonly value: string
}

const WITHIN_MS = 10_000

/** Appends a record of a transaction to partition 0 of a topic, of which no coordinator was told. */
export async function appendUnverified(broker: Broker, { topic, value, sequence, ...producer }: Batch): Promise<void> {
  const options = {
    transactionalId: 'any',
    producerId: BigInt(producer.producerId),
    producerEpoch: producer.producerEpoch,
    sequences: new NumericMap([[`${topic}:0`, sequence]]),
  }
  const records = [{ topic, partition: 0, value: Buffer.from(value) }]
  await request(broker, (connection) => produceV9.api.async(connection, ProduceAcks.ALL, WITHIN_MS, records, options))
}
