import type { Message } from '@confluentinc/kafka-javascript'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { Config } from '../../platform/config.ts'
import { withDeadline } from '../../platform/deadline.ts'
import { PartitionReader } from '../../platform/kafka-consumer.ts'
import { topics } from '../../schemas/topics.ts'
import { foreignDecoder } from '../support/foreign-client.ts'
import { GROUPS } from './system.ts'

/** What is read while faults happen: every topic that somebody reads, and where poison goes. */
const WITNESSED = [...new Set([...Object.values(GROUPS).flat(), topics.deadLetters.name])]
const SAMPLE_MS = 500
const SAMPLED_WITHIN_MS = 20_000
const READ = { timeoutMs: 100, maxRecords: 5_000 } as const
/** A new connection learns who coordinates a group by trying. */
const PATIENT = {
  retry: { retries: 5, initialRetryTime: 100 },
  requestTimeout: 10_000,
  connectionTimeout: 5_000,
} as const

/** A committed offset of a group that became smaller, or was forgotten. */
export interface MovedBack {
  readonly group: string
  readonly partition: string
  readonly from: number
  readonly to: number
}

/**
 * A reader that takes committed records while faults happen, and remembers what it saw: what it saw once must be there
 * in the end. Beside it, samples of the committed offsets of all groups, by kafkajs. That client does not read here:
 * it delivers aborted records when aborted transactions of two producers interleave in a partition.
 */
export class Witness implements AsyncDisposable {
  /** By `topic/partition`: the offsets seen, in order. */
  readonly seen = new Map<string, number[]>()
  /** Times at which scores became visible, by partition of `reviews`, Unix milliseconds. */
  readonly scoreTimes = new Map<number, number[]>()
  readonly movedBack: MovedBack[] = []
  /** Newest committed offset by `group topic/partition`. */
  readonly committed = new Map<string, number>()
  reviews = 0
  scores = 0
  samples = 0
  /** Append time of the newest review with a score, by partition of `reviews`. */
  readonly #newestScored = new Map<number, number>()
  readonly #partitionOf = new Map<string, number>()
  /** Scores that were seen before the review itself. */
  readonly #early = new Map<string, { readonly appendedAtMs: number; readonly seenMs: number }>()
  readonly #decode: (bytes: Buffer) => Promise<unknown>
  readonly #reader: PartitionReader
  readonly #kafka: Kafka
  #stopped = false
  #working: Promise<unknown> = Promise.resolve()

  private constructor({ KAFKA_BROKERS, SCHEMA_REGISTRY_URL }: Config, reader: PartitionReader) {
    const brokers = KAFKA_BROKERS.split(',')
    this.#kafka = new Kafka({ clientId: 'witness', brokers, logLevel: logLevel.NOTHING, ...PATIENT })
    this.#decode = foreignDecoder(SCHEMA_REGISTRY_URL)
    this.#reader = reader
  }

  static async start(config: Config): Promise<Witness> {
    const reader = await PartitionReader.open(config, 'witness')
    const partitions = Array.from({ length: config.TOPIC_PARTITIONS }, (_, partition) => partition)
    reader.assign(WITNESSED.flatMap((topic) => partitions.map((partition) => ({ topic, partition, offset: 0 }))))
    const witness = new Witness(config, reader)
    witness.#working = Promise.all([witness.#follow(), witness.#sample()])
    return witness
  }

  /** True when every partition of `reviews` has a score of a review that was appended after this time. */
  scoredAfter(timeMs: number, partitions: number): boolean {
    const newest = [...this.#newestScored.values()]
    return newest.length === partitions && newest.every((appendedAtMs) => appendedAtMs > timeMs)
  }

  /** What has been seen up to now, by `topic/partition`: the offset behind the last record. */
  ends(): ReadonlyMap<string, number> {
    return new Map([...this.seen].map(([partition, offsets]) => [partition, (offsets.at(-1) ?? -1) + 1]))
  }

  /** True when every group has committed all that stood in its topics up to there. */
  committedUpTo(ends: ReadonlyMap<string, number>): boolean {
    return Object.entries(GROUPS).every(([group, names]) =>
      [...ends].every(([partition, end]) => {
        if (!names.includes(partition.slice(0, partition.lastIndexOf('/')))) return true
        return (this.committed.get(`${group} ${partition}`) ?? 0) >= end
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#working
    await this.#reader[Symbol.asyncDispose]()
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      // a broker that is away is read again when it is back
      const messages = await this.#reader.read(READ).catch(() => [])
      for (const message of messages) await this.#note(message)
    }
  }

  async #note({ topic, partition, offset, value }: Message): Promise<void> {
    const id = `${topic}/${partition}`
    const seen = this.seen.get(id) ?? []
    seen.push(offset)
    this.seen.set(id, seen)
    if (topic === topics.reviews.name) await this.#noteReview(value, partition)
    if (topic === topics.spoilerScores.name) await this.#noteScore(value)
  }

  async #noteReview(bytes: Buffer | null, partition: number): Promise<void> {
    const reviewId = await this.#reviewIdOf(bytes)
    if (reviewId === undefined) return
    this.reviews += 1
    this.#partitionOf.set(reviewId, partition)
    const early = this.#early.get(reviewId)
    if (early !== undefined) this.#noteScored(partition, early)
    this.#early.delete(reviewId)
  }

  async #noteScore(bytes: Buffer | null): Promise<void> {
    const { reviewId, reviewAppendedAtMs } = (await this.#decode(bytes as Buffer)) as {
      reviewId: string
      reviewAppendedAtMs: number
    }
    const scored = { appendedAtMs: reviewAppendedAtMs, seenMs: Date.now() }
    this.scores += 1
    const partition = this.#partitionOf.get(reviewId)
    if (partition === undefined) this.#early.set(reviewId, scored)
    else this.#noteScored(partition, scored)
  }

  #noteScored(
    partition: number,
    { appendedAtMs, seenMs }: { readonly appendedAtMs: number; readonly seenMs: number },
  ): void {
    this.#newestScored.set(partition, Math.max(appendedAtMs, this.#newestScored.get(partition) ?? 0))
    const times = this.scoreTimes.get(partition) ?? []
    times.push(seenMs)
    this.scoreTimes.set(partition, times)
  }

  /** Undefined for poison. */
  async #reviewIdOf(bytes: Buffer | null): Promise<string | undefined> {
    if (bytes?.[0] !== 0) return undefined
    return ((await this.#decode(bytes)) as { reviewId: string }).reviewId
  }

  async #sample(): Promise<void> {
    while (!this.#stopped) {
      // a connection for each sample: one that has lived through an outage may never answer again
      await withDeadline('sampling offsets', SAMPLED_WITHIN_MS, () => this.#sampleAll()).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
    }
  }

  async #sampleAll(): Promise<void> {
    const admin = this.#kafka.admin()
    try {
      await admin.connect()
      for (const [group, names] of Object.entries(GROUPS))
        this.#noteOffsets(group, await admin.fetchOffsets({ groupId: group, topics: [...names] }))
      this.samples += 1
    } finally {
      await admin.disconnect()
    }
  }

  #noteOffsets(group: string, found: Awaited<ReturnType<Admin['fetchOffsets']>>): void {
    for (const { topic, partitions } of found)
      for (const { partition, offset } of partitions) this.#noteOffset(group, `${topic}/${partition}`, Number(offset))
  }

  #noteOffset(group: string, partition: string, offset: number): void {
    const key = `${group} ${partition}`
    const before = this.committed.get(key)
    if (before !== undefined && offset < before) this.movedBack.push({ group, partition, from: before, to: offset })
    if (offset >= 0 || before !== undefined) this.committed.set(key, offset)
  }
}
