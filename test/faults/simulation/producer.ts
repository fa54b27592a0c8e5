import { createHash } from 'node:crypto'
import type { GroupMetadata, PartitionOffset } from '../../../platform/kafka-consumer.ts'
import { KafkaFault } from '../../../platform/kafka-fault.ts'
import type { OutgoingRecord, TransactionalProducer } from '../../../platform/kafka-producer.ts'
import { nextTurn, type SimulatedCluster, type Transaction } from './cluster.ts'
import type { SimulatedConsumer } from './group.ts'

const FENCED = { message: 'fenced', code: 90, isFatal: true }
const ABORTABLE = { message: 'abort', code: -144, isTxnRequiresAbort: true }
const RETRIABLE = { message: 'again', code: 7, isRetriable: true }

/** How the next commit of a producer fails. */
export type CommitFault = 'abortable' | 'reply lost'

/** A transactional producer as the native client behaves. Opening one fences whoever had its id. */
export class SimulatedProducer implements TransactionalProducer {
  readonly id: string
  readonly cluster: SimulatedCluster
  nextFault: CommitFault | undefined
  #transaction: Transaction | undefined

  constructor(cluster: SimulatedCluster, id: string) {
    this.cluster = cluster
    this.id = id
    cluster.abortOpen(id)
  }

  async begin(): Promise<void> {
    await nextTurn()
    this.#transaction = this.cluster.begin(this.id)
  }

  async sendAll(records: readonly OutgoingRecord[]): Promise<void> {
    await nextTurn()
    const transaction = this.#open()
    for (const record of records) {
      const partition = record.partition ?? partitionOf(record.key, this.cluster.partitionCount)
      this.cluster.append({ ...record, partition }, transaction)
    }
  }

  async sendOffsets(offsets: readonly PartitionOffset[], metadata: GroupMetadata): Promise<void> {
    metadata.assertCurrent()
    await nextTurn()
    const member = metadata.consumer as unknown as SimulatedConsumer
    if (!member.group.has(member)) throw new KafkaFault('sending offsets', ABORTABLE)
    this.#open().offsets.push(...offsets.map((position) => ({ group: member.group.name, position })))
  }

  async commit(): Promise<void> {
    await nextTurn()
    const fault = this.nextFault
    this.nextFault = undefined
    if (fault === 'abortable') throw new KafkaFault('committing', ABORTABLE)
    const transaction = this.#transaction
    if (transaction?.decision === 'aborted') throw new KafkaFault('committing', FENCED)
    if (transaction?.decision === 'open') this.cluster.decide(transaction, 'committed')
    if (fault === 'reply lost') throw new KafkaFault('committing', RETRIABLE)
  }

  async abort(): Promise<void> {
    await nextTurn()
    const transaction = this.#transaction
    if (transaction?.decision === 'open') this.cluster.decide(transaction, 'aborted')
  }

  /** The broker has ended it when it was open for too long: then its producer is fenced. */
  #open(): Transaction {
    if (this.#transaction?.decision !== 'open') throw new KafkaFault('sending', FENCED)
    return this.#transaction
  }
}

/** Equal keys share a partition; which one is the broker's own business here. */
export function partitionOf(key: Buffer | string | null, count: number): number {
  return (
    createHash('sha256')
      .update(key ?? '')
      .digest()
      .readUInt32BE() % count
  )
}
