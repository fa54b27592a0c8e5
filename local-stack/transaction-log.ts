import { WireReader } from './wire-format.ts'

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
  const reader = new WireReader(value)
  const version = reader.int16()
  const [producerId, producerEpoch] = [reader.int64(), reader.int16()]
  reader.int32() // timeout
  const state = STATES[reader.int8()] ?? 'other'
  const partitions = version === 0 ? plainPartitions(reader) : compactPartitions(reader)
  return { producerId, producerEpoch, state, partitions: new Set(partitions) }
}

function plainPartitions(reader: WireReader): string[] {
  const topics = reader.list(() => {
    const topic = reader.text()
    return reader.list(() => `${topic}/${reader.int32()}`)
  })
  return topics.flat()
}

function compactPartitions(reader: WireReader): string[] {
  const topics = reader.compactList(() => {
    const topic = reader.compactText()
    const ids = reader.compactList(() => `${topic}/${reader.int32()}`)
    reader.tags()
    return ids
  })
  return topics.flat()
}
