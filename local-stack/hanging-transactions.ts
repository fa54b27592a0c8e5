import type { KafkaConfig } from '../platform/kafka-connection.ts'
import {
  openTransactions,
  type OpenTransaction,
  partitionsOf,
  type TransactionMarker,
  writeMarker,
} from '../platform/open-transactions.ts'
import { readRecords } from '../platform/topic-reader.ts'
import { TRANSACTION_LOG, transactionChange, type TransactionChange } from '../platform/transaction-log.ts'
import type { Address } from './health.ts'

/**
 * Ends the transactions that hang: open in a partition, and over for their coordinator, so that whoever reads committed
 * waits there for ever. Kafka 4.3 leaves such ones behind when the only broker goes down between the decision and its
 * markers: while the broker registers anew its partitions have no leader, and the coordinator takes a partition without
 * a leader for a deleted one (KRaftMetadataCache.getPartitionLeaderEndpoint is empty for it), skips the marker, and
 * notes that all were written. The decision itself still stands in the coordinator's log, and is what is written here.
 *
 * @returns What was decided.
 * @throws Error when the broker does not answer, or does not lead all partitions yet; SpoilerError of {@link readRecords}.
 */
export async function endHangingTransactions(
  address: Address,
  config: KafkaConfig,
  signal: AbortSignal,
): Promise<readonly TransactionMarker[]> {
  const partitions = await partitionsOf(address)
  const before = await openTransactions(address, partitions)
  if (before.length === 0) return []
  const changes = await transactionChanges(config, signal)
  // what was open before its coordinator was asked, and is open still: no marker is on its way
  const after = new Set((await openTransactions(address, partitions)).map(idOf))
  const stillOpen = before.filter((open) => after.has(idOf(open)))
  const markers = hangingMarkers(stillOpen, changes)
  for (const marker of markers) await writeMarker(address, marker)
  return markers
}

async function transactionChanges(config: KafkaConfig, signal: AbortSignal): Promise<readonly TransactionChange[]> {
  const range = { from: 'beginning', follow: false, signal } as const
  const changes: TransactionChange[] = []
  for await (const { value } of readRecords(config, TRANSACTION_LOG, range)) {
    const change = transactionChange(value)
    if (change !== undefined) changes.push(change)
  }
  signal.throwIfAborted()
  return changes
}

/**
 * Which of the open transactions hang, and how their coordinator decided them. One that is under way is left out, and
 * so is one of which the log says nothing.
 *
 * @param changes In the order of the log, read after the transactions were seen open.
 */
export function hangingMarkers(
  open: readonly OpenTransaction[],
  changes: readonly TransactionChange[],
): readonly TransactionMarker[] {
  return open.flatMap((transaction) => {
    const ofProducer = changes.filter(({ producerId }) => producerId === transaction.producerId)
    const partition = `${transaction.topic}/${transaction.partition}`
    const newest = ofProducer.at(-1)
    if (newest === undefined || isUnderWay(newest, partition)) return []
    const decision = ofProducer.findLast(
      ({ producerEpoch, state, partitions }) =>
        producerEpoch === transaction.producerEpoch && state.startsWith('prepare-') && partitions.has(partition),
    )
    return decision === undefined ? [] : [{ ...transaction, committed: decision.state === 'prepare-commit' }]
  })
}

/** A coordinator notes a partition before anything is written there. */
function isUnderWay({ state, partitions }: TransactionChange, partition: string): boolean {
  return state !== 'empty' && state !== 'complete' && partitions.has(partition)
}

function idOf({ topic, partition, producerId, startOffset }: OpenTransaction): string {
  return `${topic}/${partition}/${producerId}/${startOffset}`
}
