import { idOf } from '../../platform/input-order.ts'
import type { inputRecord } from '../../platform/input-record.ts'
import type {
  GroupMetadata,
  PartitionOffset,
  RebalanceEvent,
  TopicPartition,
  Watermarks,
} from '../../platform/kafka-consumer.ts'
import { KafkaFault } from '../../platform/kafka-fault.ts'
import type { OutgoingRecord, TransactionalProducer } from '../../platform/kafka-producer.ts'
import type { StreamTaskDeps } from '../../platform/stream-task.ts'

type ConsumerPort = StreamTaskDeps['consumer']
type Message = Parameters<typeof inputRecord>[0]
export type TransactionStep = 'begin' | 'send' | 'offsets' | 'commit' | 'abort'

export const ABORTABLE = new KafkaFault('committing', { code: -144, isTxnRequiresAbort: true })
export const RETRIABLE = new KafkaFault('committing', { code: 7, isRetriable: true })
export const FENCED = new KafkaFault('committing', { code: 90, isFatal: true })

/** What a broker keeps: the logs, the group's committed offsets, and what transactions made visible. */
export class FakeBroker {
  readonly #logs = new Map<string, Message[]>()
  readonly #lows = new Map<string, number>()
  readonly committed = new Map<string, number>()
  /** Values of committed transactions, as text, in order. */
  readonly visible: string[] = []

  append(input: TopicPartition, value: string, appendedAtMs = 0): void {
    const log = this.log(input)
    const bytes = Buffer.from(value)
    const message = { ...input, offset: log.length, value: bytes, key: null, size: bytes.length }
    log.push({ ...message, timestamp: appendedAtMs })
  }

  log(input: TopicPartition): Message[] {
    const id = idOf(input)
    const log = this.#logs.get(id) ?? []
    this.#logs.set(id, log)
    return log
  }

  /** Retention deletes everything before an offset. */
  deleteBefore({ offset, ...input }: PartitionOffset): void {
    this.#lows.set(idOf(input), offset)
  }

  readonly watermarks = (input: TopicPartition): Promise<Watermarks> =>
    Promise.resolve({ low: this.#lows.get(idOf(input)) ?? 0, high: this.log(input).length })
}

/** Says which call fails, hangs or is awaited by the test; every call is written down. */
export class FakeProducer implements TransactionalProducer {
  readonly calls: TransactionStep[] = []
  /** Outcome of the next calls of a step; null is success. */
  readonly faults: Partial<Record<TransactionStep, (Error | null)[]>> = {}
  hanging: TransactionStep | undefined
  readonly #broker: FakeBroker
  #sent: readonly OutgoingRecord[] = []
  #offsets: readonly PartitionOffset[] = []

  constructor(broker = new FakeBroker()) {
    this.#broker = broker
  }

  begin(): Promise<void> {
    return this.#call('begin')
  }

  async sendAll(records: readonly OutgoingRecord[]): Promise<void> {
    await this.#call('send')
    this.#sent = records
  }

  async sendOffsets(offsets: readonly PartitionOffset[], group: GroupMetadata): Promise<void> {
    await this.#call('offsets')
    group.assertCurrent()
    this.#offsets = offsets
  }

  async commit(): Promise<void> {
    await this.#call('commit')
    this.#broker.visible.push(...this.#sent.map(({ value }) => String(value)))
    for (const position of this.#offsets) this.#broker.committed.set(idOf(position), position.offset)
    this.#forget()
  }

  async abort(): Promise<void> {
    await this.#call('abort')
    this.#forget()
  }

  #forget(): void {
    this.#sent = []
    this.#offsets = []
  }

  #call(step: TransactionStep): Promise<void> {
    this.calls.push(step)
    if (this.hanging === step) return new Promise(() => undefined)
    const fault = this.faults[step]?.shift() ?? null
    return fault === null ? Promise.resolve() : Promise.reject(fault)
  }
}

/** A group member that reads the fake broker's logs. */
export class FakeConsumer implements ConsumerPort {
  readonly atEnd = new Map<string, number>()
  readonly rebalances: RebalanceEvent[] = []
  readonly faults: Error[] = []
  /** Of the question for committed offsets. */
  readonly committedFaults: Error[] = []
  readonly seeks: PartitionOffset[] = []
  readonly firstCommits: PartitionOffset[] = []
  /** Called when a read finds nothing, with the number of such reads in a row. */
  onIdle: (emptyReads: number) => void = () => undefined
  #emptyReads = 0
  assertCurrent: () => void = () => undefined
  readonly #broker: FakeBroker
  readonly #positions = new Map<string, PartitionOffset>()

  constructor(broker: FakeBroker) {
    this.#broker = broker
  }

  get assigned(): string[] {
    return [...this.#positions.keys()]
  }

  nextRebalance(): RebalanceEvent | undefined {
    return this.rebalances.shift()
  }

  accept(positions: readonly PartitionOffset[]): void {
    for (const position of positions) this.#positions.set(idOf(position), position)
  }

  release(partitions: readonly TopicPartition[]): void {
    for (const input of partitions) this.#positions.delete(idOf(input))
  }

  committed(partitions: readonly TopicPartition[]): Promise<(PartitionOffset | null)[]> {
    const fault = this.committedFaults.shift()
    if (fault !== undefined) return Promise.reject(fault)
    const found = partitions.map(({ topic, partition }) => {
      const offset = this.#broker.committed.get(`${topic}/${partition}`)
      return offset === undefined ? null : { topic, partition, offset }
    })
    return Promise.resolve(found)
  }

  commit(offsets: readonly PartitionOffset[]): Promise<void> {
    this.firstCommits.push(...offsets)
    for (const position of offsets) this.#broker.committed.set(idOf(position), position.offset)
    return Promise.resolve()
  }

  seek(positions: readonly PartitionOffset[]): Promise<void> {
    this.seeks.push(...positions)
    for (const position of positions) {
      this.#positions.set(idOf(position), position)
      this.atEnd.delete(idOf(position))
    }
    return Promise.resolve()
  }

  /** Reads what there is; a turn of the event loop passes, so that a loop without records starves nobody. */
  async read({ maxRecords }: { maxRecords: number }): Promise<Message[]> {
    await new Promise((resolve) => setImmediate(resolve))
    const fault = this.faults.shift()
    if (fault !== undefined) throw fault
    const found = [...this.#positions].flatMap(([id, position]) => {
      const log = this.#broker.log(position)
      const messages = log.slice(position.offset, position.offset + maxRecords)
      const offset = position.offset + messages.length
      this.#positions.set(id, { ...position, offset })
      if (offset === log.length) this.atEnd.set(id, offset)
      return messages
    })
    this.#emptyReads = found.length === 0 ? this.#emptyReads + 1 : 0
    if (found.length === 0) this.onIdle(this.#emptyReads)
    return found
  }

  groupMetadata(): GroupMetadata {
    return {
      consumer: undefined as never,
      assertCurrent: () => {
        this.assertCurrent()
      },
    }
  }
}
