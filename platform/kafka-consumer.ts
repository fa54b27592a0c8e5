import Kafka, { type Message } from '@confluentinc/kafka-javascript'
import { KafkaFault, promised } from './kafka-fault.ts'
import { connectionSettings, type KafkaConfig } from './kafka-connection.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}
/** `offset` is the next one to read. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}
export interface Watermarks {
  readonly low: number
  readonly high: number
}

type NativeConsumer = InstanceType<typeof Kafka.KafkaConsumer> & {
  incrementalAssign(partitions: PartitionOffset[]): void
  incrementalUnassign(partitions: TopicPartition[]): void
  assignmentLost(): boolean
  setDefaultIsTimeoutOnlyForFirstMessage(value: boolean): void
}

/** Group membership as it was when a batch was polled. */
export interface GroupMetadata {
  readonly consumer: NativeConsumer
  /** @throws KafkaFault requiring an abort when the assignment has changed since the poll. */
  assertCurrent(): void
}

export type RebalanceEvent =
  | { readonly kind: 'assigned'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'revoked'; readonly partitions: readonly TopicPartition[]; readonly lost: boolean }

/** librdkafka's codes of a rebalance. */
const ASSIGN_PARTITIONS = -175
const NATIVE_TIMEOUT_MS = 15_000
const PROBE_TIMEOUT_MS = 1000
const NO_OFFSET = -1001
const READ_COMMITTED = 'read_committed'
/** Isolation under which the end of a partition is its high watermark. */
export const READ_UNCOMMITTED = 'read_uncommitted'

export interface ReadOptions {
  /** Longest wait for the first record, ms; what is ready after it comes along. */
  readonly timeoutMs: number
  readonly maxRecords: number
}

/** A consumer that its owner moves: partitions and offsets are assigned by hand, nothing is committed. */
export class PartitionReader implements AsyncDisposable {
  protected readonly native: NativeConsumer
  /** Partitions (`topic/partition`) read to their end since their last record, with the offset of that end. */
  readonly atEnd = new Map<string, number>()

  protected constructor(settings: Record<string, unknown>) {
    this.native = new Kafka.KafkaConsumer(settings, { 'auto.offset.reset': 'error' }) as NativeConsumer
    this.native.setDefaultIsTimeoutOnlyForFirstMessage(true)
    this.native.on('partition.eof', ({ topic, partition, offset }) => {
      this.atEnd.set(`${topic}/${partition}`, offset)
    })
    this.native.on('data', ({ topic, partition }) => this.atEnd.delete(`${topic}/${partition}`))
  }

  static async open(config: KafkaConfig, clientId: string, isolation = READ_COMMITTED): Promise<PartitionReader> {
    const settings = { ...readerSettings(config), 'isolation.level': isolation }
    const reader = new PartitionReader({ ...settings, 'client.id': clientId, 'group.id': clientId })
    await reader.connect()
    return reader
  }

  protected connect(): Promise<unknown> {
    return promised('connecting a consumer', (cb) => this.native.connect({ timeout: 10_000 }, cb))
  }

  assign(positions: readonly PartitionOffset[]): void {
    this.atEnd.clear()
    this.native.assign([...positions])
  }

  /** Committed records in log order per partition; empty when none came in time. */
  async read({ timeoutMs, maxRecords }: ReadOptions): Promise<Message[]> {
    this.native.setDefaultConsumeTimeout(timeoutMs)
    return promised('consuming', (cb) => {
      this.native.consume(maxRecords, cb as never)
    })
  }

  /** First kept and next offset of a partition. Under read_committed the end is the last stable offset. */
  async watermarks({ topic, partition }: TopicPartition): Promise<Watermarks> {
    const { lowOffset, highOffset } = await promised<{ lowOffset: number; highOffset: number }>(
      `asking for the watermarks of ${topic}/${partition}`,
      (cb): void => {
        this.native.queryWatermarkOffsets(topic, partition, NATIVE_TIMEOUT_MS, cb as never)
      },
    )
    return { low: lowOffset, high: highOffset }
  }

  /** First offset appended at or after a time, per partition; the end of the log where there is none. */
  offsetsForTime(partitions: readonly TopicPartition[], timeMs: number): Promise<PartitionOffset[]> {
    const query = partitions.map((p) => ({ ...p, offset: timeMs }))
    return promised('asking for offsets by time', (cb) => {
      this.native.offsetsForTimes(query, NATIVE_TIMEOUT_MS, cb as never)
    })
  }

  /** Partitions of a topic; 0 when it does not exist. */
  async partitionCount(topic: string): Promise<number> {
    const metadata = await promised<{ topics: { name: string; partitions: unknown[] }[] }>(
      `asking for the partitions of ${topic}`,
      (cb) => this.native.getMetadata({ topic, timeout: NATIVE_TIMEOUT_MS }, cb as never) as unknown,
    )
    return metadata.topics.find(({ name }) => name === topic)?.partitions.length ?? 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    return promised('closing a consumer', (cb) => this.native.disconnect(cb as never))
  }
}

/** A member of a consumer group (KIP-848) whose owner decides when a rebalance takes effect. */
export class GroupConsumer extends PartitionReader {
  readonly #events: RebalanceEvent[] = []
  /** An error that the client met on its own since a broker answered last: it reads on in silence. */
  #suspicious = false
  #generation = 0
  #closing = false

  protected constructor(settings: Record<string, unknown>) {
    super({
      ...settings,
      rebalance_cb: (error: { code: number }, partitions: TopicPartition[]) => {
        this.#onRebalance(error.code, partitions)
      },
    })
    this.native.on('event.error', () => {
      this.#suspicious = true
    })
  }

  /** Asks about a group without being a member: only {@link committed} makes sense then. */
  static async observe(config: KafkaConfig, groupId: string): Promise<GroupConsumer> {
    const observer = new GroupConsumer({ ...readerSettings(config), 'client.id': 'shield', 'group.id': groupId })
    await observer.connect()
    return observer
  }

  static async join(config: KafkaConfig, groupId: string, topics: readonly string[]): Promise<GroupConsumer> {
    const consumer = new GroupConsumer({
      ...readerSettings(config),
      'client.id': groupId,
      'group.id': groupId,
      'group.protocol': 'consumer',
    })
    await consumer.connect()
    consumer.native.subscribe([...topics])
    return consumer
  }

  /**
   * As {@link PartitionReader.read}.
   *
   * @throws KafkaFault also when nothing came because no broker answers; the client itself would not tell.
   */
  override async read(options: ReadOptions): Promise<Message[]> {
    const records = await super.read(options)
    if (this.#suspicious && records.length === 0) {
      const ask = { allTopics: false, timeout: PROBE_TIMEOUT_MS }
      await promised('asking whether a broker answers', (cb) => this.native.getMetadata(ask, cb as never) as unknown)
    }
    this.#suspicious = false
    return records
  }

  #onRebalance(code: number, partitions: readonly TopicPartition[]): void {
    const own = partitions.map(({ topic, partition }) => ({ topic, partition }))
    if (this.#closing) {
      // the close waits for this answer, and nobody asks for events any more
      if (code !== ASSIGN_PARTITIONS) this.native.incrementalUnassign(own)
    } else if (code === ASSIGN_PARTITIONS) this.#events.push({ kind: 'assigned', partitions: own })
    else this.#events.push({ kind: 'revoked', partitions: own, lost: this.native.assignmentLost() })
  }

  /** The oldest rebalance that has not taken effect. Until the owner accepts it, its partitions stay where they are. */
  nextRebalance(): RebalanceEvent | undefined {
    return this.#events.shift()
  }

  accept(positions: readonly PartitionOffset[]): void {
    for (const { topic, partition } of positions) this.atEnd.delete(`${topic}/${partition}`)
    this.native.incrementalAssign([...positions])
  }

  release(partitions: readonly TopicPartition[]): void {
    this.#generation += 1
    for (const { topic, partition } of partitions) this.atEnd.delete(`${topic}/${partition}`)
    this.native.incrementalUnassign([...partitions])
  }

  override [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    return super[Symbol.asyncDispose]()
  }

  groupMetadata(): GroupMetadata {
    const generation = this.#generation
    return {
      consumer: this.native,
      assertCurrent: () => {
        if (generation === this.#generation && !this.native.assignmentLost()) return
        throw new KafkaFault('sending offsets', {
          message: 'the assignment has changed since the batch was polled',
          isTxnRequiresAbort: true,
        })
      },
    }
  }

  /** Committed offsets; `null` where the group has none. */
  async committed(partitions: readonly TopicPartition[]): Promise<(PartitionOffset | null)[]> {
    const found = await promised<PartitionOffset[]>('asking for committed offsets', (cb) =>
      this.native.committed([...partitions], NATIVE_TIMEOUT_MS, cb as never),
    )
    return partitions.map(({ topic, partition }) => {
      const offset = found.find((f) => f.topic === topic && f.partition === partition)?.offset ?? NO_OFFSET
      // librdkafka leaves the offset undefined, or logical, where there is none
      return offset >= 0 ? { topic, partition, offset } : null
    })
  }

  /**
   * Commits outside a transaction: for sinks, whose effects are idempotent, and for the very first positions. The client
   * calls back when it has queued the request, and says nothing when it is lost with its coordinator: so that is asked.
   *
   * @throws KafkaFault when the coordinator does not have the offsets: the same call again may do.
   */
  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    const doing = 'committing offsets'
    await promised(doing, (cb) => {
      ;(this.native as unknown as { commitCb(o: PartitionOffset[], cb: unknown): void }).commitCb([...offsets], cb)
    })
    const found = await this.committed(offsets)
    const lost = offsets.find(({ offset }, i) => (found[i]?.offset ?? NO_OFFSET) < offset)
    if (lost === undefined) return
    const message = `the coordinator does not have offset ${lost.offset} of ${lost.topic}/${lost.partition}`
    throw new KafkaFault(doing, { message, isRetriable: true })
  }

  async seek(positions: readonly PartitionOffset[]): Promise<void> {
    for (const position of positions) {
      this.atEnd.delete(`${position.topic}/${position.partition}`)
      await promised<undefined>('rewinding', (cb) => this.native.seek(position, NATIVE_TIMEOUT_MS, cb))
    }
  }
}

function readerSettings(config: KafkaConfig): Record<string, unknown> {
  return {
    ...connectionSettings(config),
    'isolation.level': READ_COMMITTED,
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': true,
    'fetch.wait.max.ms': 100,
    'fetch.queue.backoff.ms': 5,
    'queued.max.messages.kbytes': 32_768,
    'fetch.message.max.bytes': 4_194_304,
  }
}
