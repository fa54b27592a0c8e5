import { Reader } from '@platformatic/kafka'

/** What a transaction's coordinator remembers it by. */
export const TRANSACTION_LOG = '__transaction_state'

export type TransactionState = 'empty' | 'ongoing' | 'prepare-commit' | 'prepare-abort' | 'complete' | 'other'

const STATES: readonly TransactionState[] = [
  'empty',
  'ongoing',
  'prepare-commit',
  'prepare-abort',
  'complete', // committed
  'complete', // aborted
]

/** One change of one producer's transaction. */
export interface TransactionChange {
  readonly producerId: number
  readonly producerEpoch: number
  readonly state: TransactionState
  /** What the transaction writes to (`topic/partition`), while it is under way. */
  readonly partitions: ReadonlySet<string>
}

/**
 * Reads a record of the coordinator's log.
 *
 * @param value Kafka's TransactionLogValue, version 0 or 1; null when the producer is forgotten.
 * @returns undefined for a record that says nothing of a transaction.
 */
export function transactionChange(value: Buffer | null): TransactionChange | undefined {
  if (value === null) return undefined
  const reader = Reader.from(value)
  const isCompact = reader.readInt16() > 0
  const [producerId, producerEpoch] = [Number(reader.readInt64()), reader.readInt16()]
  reader.readInt32() // timeout
  const state = STATES[reader.readInt8()] ?? 'other'
  const partitions = reader.readArray(() => topicPartitions(reader, isCompact), isCompact, isCompact)
  return { producerId, producerEpoch, state, partitions: new Set(partitions.flat()) }
}

function topicPartitions(reader: Reader, isCompact: boolean): string[] {
  const topic = reader.readString(isCompact)
  return reader.readArray(() => `${topic}/${reader.readInt32()}`, isCompact, false)
}
