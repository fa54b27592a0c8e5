import { Admin } from '@platformatic/kafka'
import { PartitionReader, READ_UNCOMMITTED, type TopicPartition } from '../../platform/kafka-consumer.ts'
import type { Supervisor } from '../../platform/supervisor.ts'
import type { MovieActivity, UserActivity } from '../../schemas/generated.ts'
import type { StreamRecord } from '../../schemas/processor.ts'
import type { ForeignClient } from './foreign-client.ts'
import { COMPONENTS, type Pipeline, until } from './pipeline.ts'
import { EXAMPLE } from './review-world.ts'

const USERS = 40

/** One fold in a process of its own, supervised. */
export function fold(pipeline: Pipeline, name: string, env: Readonly<Record<string, string>> = {}): Supervisor {
  const all = COMPONENTS.find((component) => component.name === 'folds')
  return pipeline.supervise([{ name, argv: [...(all?.argv ?? []), name] }], env)
}

/** Publishes reviews straight to user-activity, and follows them to movie-activity. */
export class UserActivityFeed {
  /** Ids of the reviews that user-history must emit, each as often as it stands here. */
  readonly published: string[] = []
  readonly #pipeline: Pipeline

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline
  }

  async publish(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const n = this.published.length
      const review = { ...EXAMPLE.review, userId: `u${n % USERS}`, reviewId: `r${n}` }
      const source = { topic: 'reviews', partition: 0, offset: n }
      const value = { userId: review.userId, review, label: null, source, sourceAppendedAtMs: review.writtenAtMs }
      await this.#pipeline.publisher.publish('userActivity', value)
      this.published.push(review.reviewId)
    }
    await this.#pipeline.publisher.flush()
  }

  /** Publishes a record once more: a duplicate. */
  async again(value: UserActivity): Promise<void> {
    await this.#pipeline.publisher.publish('userActivity', value)
    await this.#pipeline.publisher.flush()
  }

  async record(reviewId: string): Promise<StreamRecord<UserActivity>> {
    const all = await this.#pipeline.records('userActivity')
    const found = all.find(({ value }) => value.review?.reviewId === reviewId)
    if (found === undefined) throw new Error(`${reviewId} is not in user-activity`)
    return found
  }

  /** Ids of the reviews that user-history has emitted. */
  async emitted(): Promise<string[]> {
    const all = await this.#pipeline.records('movieActivity')
    return all.flatMap(({ value }) => (value.review === null ? [] : [value.review.review.reviewId]))
  }

  /** Waits until as many were emitted as must be, and throws unless these are the right ones. */
  async untilEmittedOnce(): Promise<void> {
    const wanted = this.published.length
    await until(`user-history has emitted ${wanted}`, async () => (await this.emitted()).length >= wanted)
    const found = (await this.emitted()).toSorted()
    const expected = this.published.toSorted()
    const wrong = found.length === expected.length ? found.find((id, i) => id !== expected[i]) : 'their number'
    if (wrong !== undefined) throw new Error(`emitted ${found.length} instead of ${expected.length}; differs: ${wrong}`)
  }
}

interface PublishedMovie {
  readonly movieId: string
  readonly partition: number
  readonly offset: number
}

/** Publishes movies straight to movie-activity, one after the other. */
export async function movieActivity(
  { codec }: Pipeline,
  client: ForeignClient,
  name: string,
  count: number,
): Promise<PublishedMovie[]> {
  const movies: PublishedMovie[] = []
  for (let n = 0; n < count; n += 1) {
    const movieId = `${name}-${n}`
    const value: MovieActivity = { movieId, review: null, label: null, movie: { ...EXAMPLE.movie, movieId } }
    const bytes = codec.encode({ subject: 'movie-activity-value', schema: 'MovieActivity' }, value)
    const { partition, offset } = await client.publish({ topic: 'movie-activity', key: movieId, value: bytes })
    movies.push({ movieId, partition, offset })
  }
  return movies
}

/** Committed offsets of a group by partition, 0 where it has none. */
export async function committedOffsets(
  { admin }: ForeignClient,
  groupId: string,
  topic: string,
): Promise<Map<number, number>> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return new Map(found?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
}

interface GroupTopic {
  readonly groupId: string
  readonly topic: string
}

/** Commits offsets of a group that nobody is in, as an administrator does. */
export async function moveOffsets(
  { config }: Pipeline,
  { groupId, topic }: GroupTopic,
  offsets: ReadonlyMap<number, number>,
): Promise<void> {
  const admin = new Admin({ clientId: 'test-admin', bootstrapBrokers: config.KAFKA_BROKERS.split(',') })
  const partitionOffsets = [...offsets].map(([partition, offset]) => ({ partition, offset: BigInt(offset) }))
  await admin.alterConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionOffsets }] })
  await admin.close()
}

/** High watermark of a partition: records of an open transaction count. */
export async function endOf({ config }: Pipeline, input: TopicPartition): Promise<number> {
  await using reader = await PartitionReader.open(config, 'test-watermarks', READ_UNCOMMITTED)
  return (await reader.watermarks(input)).high
}

export function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, n) => total + n, 0)
}
