import {
  type Broker,
  Connection,
  createAPI,
  describeProducersV0,
  metadataV12,
  ResponseError,
  Writer,
} from '@platformatic/kafka'

const UNKNOWN_TOPIC = 3
const CLIENT_ID = 'spoiler-shield-transactions'
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

/** WriteTxnMarkers, which the library lacks; its answer is Kafka's number of each partition's error, 0 for none. */
const writeTxnMarkersV1 = createAPI<[marker: TransactionMarker], readonly number[]>(
  27,
  1,
  ({ topic, partition, ...marker }: TransactionMarker) =>
    Writer.create()
      .appendArray([marker], (writer) =>
        writer
          .appendInt64(BigInt(marker.producerId))
          .appendInt16(marker.producerEpoch)
          .appendBoolean(marker.committed)
          .appendArray([topic], (inner) =>
            inner
              .appendString(topic)
              .appendArray([partition], (innermost) => innermost.appendInt32(partition), true, false),
          )
          .appendInt32(Math.max(0, marker.coordinatorEpoch)),
      )
      .appendTaggedFields(),
  (_correlationId, _key, _version, answer) => {
    const codes = answer.readArray(() => {
      answer.readInt64() // producer
      const ofTopics = answer.readArray(() => {
        answer.readString()
        return answer.readArray(() => {
          answer.readInt32() // partition
          return answer.readInt16()
        })
      })
      return ofTopics.flat()
    })
    return codes.flat()
  },
)

/**
 * Every topic, internal ones too, with its partitions. Plaintext only, as the local stack's broker.
 *
 * @throws Error when a partition has no leader.
 */
export async function partitionsOf(broker: Broker): Promise<ReadonlyMap<string, readonly number[]>> {
  const { topics } = await request(broker, (connection) => metadataV12.api.async(connection, null))
  return new Map(
    topics.map(({ name, partitions }) => [name ?? '', partitions.map(({ partitionIndex }) => partitionIndex)]),
  )
}

/**
 * What is open in these partitions; a topic that was deleted meanwhile has nothing.
 *
 * @throws Error when the broker cannot tell of a partition, as before it leads it.
 */
export async function openTransactions(
  broker: Broker,
  partitions: ReadonlyMap<string, readonly number[]>,
): Promise<readonly OpenTransaction[]> {
  const asked = [...partitions].map(([name, indexes]) => ({ name, partitionIndexes: [...indexes] }))
  const { topics } = await request(broker, (connection) => describeProducers(connection, asked))
  return topics.flatMap((topic) => topic.partitions.flatMap((partition) => openIn(topic.name, partition)))
}

/** The answer with its errors in it: in what the library throws, topics hide each other's errors. */
async function describeProducers(
  connection: Connection,
  topics: describeProducersV0.DescribeProducersRequestTopic[],
): Promise<describeProducersV0.DescribeProducersResponse> {
  try {
    return await describeProducersV0.api.async(connection, topics)
  } catch (error) {
    if (error instanceof ResponseError) return error.response as describeProducersV0.DescribeProducersResponse
    throw error
  }
}

function openIn(
  topic: string,
  { partitionIndex: partition, errorCode, activeProducers }: describeProducersV0.DescribeProducersResponsePartition,
): OpenTransaction[] {
  if (errorCode !== 0 && errorCode !== UNKNOWN_TOPIC)
    throw new Error(`${topic}/${partition}: error ${errorCode} of its producers`)
  return activeProducers
    .filter(({ currentTxnStartOffset }) => currentTxnStartOffset >= 0n)
    .map(({ producerId, producerEpoch, coordinatorEpoch, currentTxnStartOffset }) => ({
      topic,
      partition,
      producerId: Number(producerId),
      producerEpoch,
      coordinatorEpoch,
      startOffset: Number(currentTxnStartOffset),
    }))
}

/** @throws Error with Kafka's number of the error. */
export async function writeMarker(broker: Broker, marker: TransactionMarker): Promise<void> {
  const codes = await request(broker, (connection) => writeTxnMarkersV1.async(connection, marker))
  const code = codes.find((each) => each !== 0)
  if (code === undefined) return
  throw new Error(`the broker refused a marker for ${marker.topic}/${marker.partition}: error ${code}`)
}

/** Sends on a connection of its own. @throws Error when no whole answer came in time. */
export async function request<T>({ host, port }: Broker, send: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection(CLIENT_ID, { connectTimeout: ANSWER_WITHIN_MS, requestTimeout: ANSWER_WITHIN_MS })
  connection.on('error', () => undefined) // else it would end the process; who waits for an answer is told as well
  try {
    await connection.connect(host, port)
    return await send(connection)
  } finally {
    await connection.close()
  }
}
