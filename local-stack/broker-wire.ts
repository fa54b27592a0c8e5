import { type Address, ask } from './health.ts'
import { WireReader, WireWriter } from './wire-format.ts'

/** Requests that no client library of ours offers: key and version, as of Kafka 4. */
const METADATA = { key: 3, version: 1, flexible: false } as const
const WRITE_TXN_MARKERS = { key: 27, version: 1, flexible: true } as const
const DESCRIBE_PRODUCERS = { key: 61, version: 0, flexible: true } as const
type Api = typeof METADATA | typeof WRITE_TXN_MARKERS | typeof DESCRIBE_PRODUCERS

const UNKNOWN_TOPIC = 3
const CLIENT_ID = 'local-stack'
const CORRELATION_ID = 1
const ANSWER_WITHIN_MS = 10_000

/** A transaction that is open in a partition. */
export interface OpenTransaction {
  readonly topic: string
  readonly partition: number
  readonly producerId: number
  readonly producerEpoch: number
  /** Of the last marker of this producer there; -1 for none. */
  readonly coordinatorEpoch: number
  /** Offset of its first record: readers of committed records wait here. */
  readonly startOffset: number
}

/** Says of an open transaction how it ended. */
export interface TransactionMarker extends OpenTransaction {
  readonly committed: boolean
}

/** Every topic, internal ones too, with its partitions. Plaintext only, as all here. */
export async function partitionsOf(broker: Address): Promise<ReadonlyMap<string, readonly number[]>> {
  const answer = await request(broker, METADATA, new WireWriter().int32(-1))
  answer.list(() => [answer.int32(), answer.text(), answer.int32(), answer.text()]) // brokers
  answer.int32() // controller
  const topics = answer.list(() => {
    answer.int16()
    const name = answer.text() ?? ''
    answer.int8()
    return [name, answer.list(() => partitionIndex(answer))] as const
  })
  return new Map(topics)
}

function partitionIndex(answer: WireReader): number {
  answer.int16()
  const index = answer.int32()
  answer.int32() // leader
  answer.list(() => answer.int32()) // replicas
  answer.list(() => answer.int32()) // in sync
  return index
}

/**
 * What is open in these partitions; a topic that was deleted meanwhile has nothing.
 *
 * @throws Error when the broker cannot tell of a partition, as before it leads it.
 */
export async function openTransactions(
  broker: Address,
  partitions: ReadonlyMap<string, readonly number[]>,
): Promise<readonly OpenTransaction[]> {
  const body = new WireWriter().compactList([...partitions], (writer, [topic, indexes]) =>
    writer
      .compactText(topic)
      .compactList(indexes, (inner, index) => inner.int32(index))
      .noTags(),
  )
  const answer = await request(broker, DESCRIBE_PRODUCERS, body.noTags())
  answer.int32() // throttled
  const found = answer.compactList(() => {
    const topic = answer.compactText() ?? ''
    const producers = answer.compactList(() => partitionProducers(answer, topic))
    answer.tags()
    return producers.flat()
  })
  return found.flat().filter(({ startOffset }) => startOffset >= 0)
}

function partitionProducers(answer: WireReader, topic: string): OpenTransaction[] {
  const partition = answer.int32()
  const error = answer.int16()
  answer.compactText() // in words
  const producers = answer.compactList(() => {
    const [producerId, producerEpoch] = [answer.int64(), answer.int32()]
    answer.int32() // last sequence
    answer.int64() // last timestamp
    const [coordinatorEpoch, startOffset] = [answer.int32(), answer.int64()]
    answer.tags()
    return { topic, partition, producerId, producerEpoch, coordinatorEpoch, startOffset }
  })
  answer.tags()
  if (error !== 0 && error !== UNKNOWN_TOPIC) throw new Error(`${topic}/${partition}: error ${error} of its producers`)
  return producers
}

/** @throws Error with Kafka's number of the error. */
export async function writeMarker(broker: Address, { topic, partition, ...marker }: TransactionMarker): Promise<void> {
  const body = new WireWriter().compactList([marker], (writer) =>
    writer
      .int64(marker.producerId)
      .int16(marker.producerEpoch)
      .int8(marker.committed ? 1 : 0)
      .compactList([topic], (inner) =>
        inner
          .compactText(topic)
          .compactList([partition], (innermost) => innermost.int32(partition))
          .noTags(),
      )
      .int32(Math.max(0, marker.coordinatorEpoch))
      .noTags(),
  )
  const answer = await request(broker, WRITE_TXN_MARKERS, body.noTags())
  const codes = answer.compactList(() => {
    answer.int64() // producer
    const ofTopics = answer.compactList(() => {
      answer.compactText()
      const ofPartitions = answer.compactList(() => partitionError(answer))
      answer.tags()
      return ofPartitions
    })
    answer.tags()
    return ofTopics.flat()
  })
  const code = codes.flat().find((each) => each !== 0)
  if (code !== undefined) throw new Error(`the broker refused a marker for ${topic}/${partition}: error ${code}`)
}

function partitionError(answer: WireReader): number {
  answer.int32()
  const code = answer.int16()
  answer.tags()
  return code
}

/** @throws Error when no whole answer came. */
async function request(broker: Address, { key, version, flexible }: Api, body: WireWriter): Promise<WireReader> {
  const header = new WireWriter().int16(key).int16(version).int32(CORRELATION_ID).text(CLIENT_ID)
  if (flexible) header.noTags()
  const bytes = Buffer.concat([header.bytes(), body.bytes()])
  const framed = Buffer.concat([new WireWriter().int32(bytes.length).bytes(), bytes])
  const isWhole = (answer: Buffer): boolean => answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)
  const received = await ask(broker, framed, isWhole, ANSWER_WITHIN_MS)
  if (received === undefined) throw new Error(`${broker.host}:${broker.port} did not answer a request of kind ${key}`)
  const answer = new WireReader(received.subarray(4))
  answer.int32() // correlation id
  if (flexible) answer.tags()
  return answer
}
