import type { Config } from '../../platform/config.ts'
import { type InputRecord, inputRecord, topicId } from '../../platform/input-record.ts'
import { type PartitionOffset, PartitionReader, READ_UNCOMMITTED } from '../../platform/kafka-consumer.ts'
import { KafkaFault } from '../../platform/kafka-fault.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { pause } from '../../platform/retry.ts'
import type { LogPosition, ReviewFeatures } from '../../schemas/generated.ts'
import { type TopicId, topics, type ValueOf } from '../../schemas/topics.ts'
import { jobLine } from '../jobs-text.ts'
import type { LiveEvent } from './live-state.ts'
import { alarmNews, JobNews } from './news.ts'

/** Topics of which every record is looked at, from the end on unless said otherwise. */
const WATCHED = [
  'movies',
  'spoilerScores',
  'reviewLabels',
  'deadLetters',
  'trainingJobs',
  'driftEvents',
  'modelDeployments',
] as const
type Watched = (typeof WATCHED)[number]
const FROM_THE_BEGINNING: ReadonlySet<Watched> = new Set(['movies', 'modelDeployments'])
const READ = { timeoutMs: 100, maxRecords: 1000 } as const
const TEXT_WITHIN_MS = 500
/** The pipeline is taken to have nothing more to say after this many reads without a record. */
const QUIET_READS = 3
const RETRY_MS = 200
const LEADER_WITHIN_MS = 20_000

type Published = Pick<Extract<LiveEvent, { kind: 'published' }>, 'reviews' | 'labels'>

/**
 * Watches the pipeline from outside, as a consumer of committed records: new scores, labels and dead letters, the
 * titles of movies, training jobs, alarms, deployments, the ends of the input topics, and the text of single reviews.
 * An outage of the broker is waited out.
 */
export class TopicObserver implements AsyncDisposable {
  /** By movie id. */
  readonly titles = new Map<string, string>()
  readonly #codec: RecordCodec
  readonly #records: PartitionReader
  readonly #edges: PartitionReader
  readonly #texts: PartitionReader
  readonly #closing = new AbortController()
  readonly #jobNews = new JobNews()
  /** What a record says to the view. */
  readonly #events: { readonly [T in Watched]: (value: ValueOf<T>, atMs: number) => readonly LiveEvent[] } = {
    movies: ({ movieId, title }) => {
      this.titles.set(movieId, title)
      return []
    },
    spoilerScores: (score, atMs) => [{ kind: 'score', atMs, score }],
    reviewLabels: (label) => [{ kind: 'label', label }],
    deadLetters: () => [{ kind: 'dead-letter' }],
    trainingJobs: (job, atMs) => {
      const text = this.#jobNews.of(job)
      return [
        { kind: 'training', text: jobLine(job) },
        ...(text === null ? [] : [{ kind: 'news', atMs, text } as const]),
      ]
    },
    driftEvents: (alarm, atMs) => [{ kind: 'news', atMs, text: alarmNews(alarm) }],
    modelDeployments: (deployment, atMs) => [{ kind: 'deployment', atMs, deployment }],
  }
  #publishedBefore: Published = { reviews: 0, labels: 0 }
  #quietReads = 0
  #reading: Promise<void> | undefined

  private constructor(codec: RecordCodec, readers: readonly [PartitionReader, PartitionReader, PartitionReader]) {
    this.#codec = codec
    ;[this.#records, this.#edges, this.#texts] = readers
  }

  /** Stands at the end of the topics when it resolves: what is committed from then on is seen. */
  static async open(config: Config, codec: RecordCodec): Promise<TopicObserver> {
    await using opening = new AsyncDisposableStack()
    const open = async (name: string, isolation?: string): Promise<PartitionReader> =>
      opening.use(await PartitionReader.open(config, name, isolation))
    const records = await open('shield-live')
    const edges = await open('shield-live-edges', READ_UNCOMMITTED)
    const observer = new TopicObserver(codec, [records, edges, await open('shield-live-texts')])
    await observer.#standAtEnds()
    opening.move()
    return observer
  }

  /** Begins to report. */
  start(onEvent: (event: LiveEvent) => void): void {
    this.#reading = this.#readAll(onEvent)
  }

  /** Records in the input topics beyond those that stood there when it opened. Exact for publishers without transactions. */
  async published(): Promise<Published> {
    const { reviews, labels } = await this.#ends()
    return { reviews: reviews - this.#publishedBefore.reviews, labels: labels - this.#publishedBefore.labels }
  }

  /** The feature row at a position; undefined when it cannot be had soon. */
  async reviewAt({ topic, partition, offset }: LogPosition): Promise<ReviewFeatures | undefined> {
    this.#texts.assign([{ topic, partition, offset }])
    const [message] = await this.#texts.read({ timeoutMs: TEXT_WITHIN_MS, maxRecords: 1 })
    this.#texts.assign([]) // or the rest of the log would come too
    if (message?.offset !== offset || message.partition !== partition) return undefined
    return this.#decode('reviewFeatures', inputRecord(message))
  }

  /** Resolves when several reads in a row have brought nothing. */
  async quiet(): Promise<void> {
    this.#quietReads = 0
    while (this.#quietReads < QUIET_READS && !this.#closing.signal.aborted)
      await pause(READ.timeoutMs, this.#closing.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#reading
    await Promise.all([this.#records, this.#edges, this.#texts].map((reader) => reader[Symbol.asyncDispose]()))
  }

  async #readAll(onEvent: (event: LiveEvent) => void): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        const messages = await this.#records.read(READ)
        this.#quietReads = messages.length === 0 ? this.#quietReads + 1 : 0
        const atMs = Date.now()
        for (const record of messages.map(inputRecord))
          await this.#report(topicId(record.topic) as Watched, record, atMs, onEvent)
      } catch {
        await pause(RETRY_MS, signal) // the components tell what is down
      }
    }
  }

  async #report(id: Watched, record: InputRecord, atMs: number, onEvent: (event: LiveEvent) => void): Promise<void> {
    const value = await this.#decode(id, record)
    const eventsOf = this.#events[id] as (value: unknown, atMs: number) => readonly LiveEvent[]
    for (const event of value === undefined ? [] : eventsOf(value, atMs)) onEvent(event)
  }

  async #decode<T extends TopicId>(id: T, { value }: InputRecord): Promise<ValueOf<T> | undefined> {
    const decoded = await this.#codec.decode<ValueOf<T>>(topics[id].schema, value, topics[id].publicInput)
    return 'value' in decoded ? decoded.value : undefined
  }

  /** A broker that has just started does not lead its partitions yet: tried for a while. */
  async #standAtEnds(): Promise<void> {
    const lateMs = performance.now() + LEADER_WITHIN_MS
    for (;;) {
      try {
        this.#publishedBefore = await this.#ends()
        const positions = WATCHED.map((id) => this.#positions(id, FROM_THE_BEGINNING.has(id) ? 'low' : 'high'))
        this.#records.assign((await Promise.all(positions)).flat())
        return
      } catch (error) {
        if (!(error instanceof KafkaFault) || performance.now() > lateMs) throw error
        await pause(RETRY_MS, this.#closing.signal)
      }
    }
  }

  async #ends(): Promise<Published> {
    const total = async (id: TopicId): Promise<number> =>
      (await this.#positions(id, 'high')).reduce((sum, { offset }) => sum + offset, 0)
    const [reviews, labels] = await Promise.all([total('reviews'), total('reviewLabels')])
    return { reviews, labels }
  }

  async #positions(id: TopicId, edge: 'low' | 'high'): Promise<PartitionOffset[]> {
    const topic = topics[id].name
    const reader = id === 'spoilerScores' || id === 'deadLetters' ? this.#records : this.#edges
    const count = await reader.partitionCount(topic)
    return Promise.all(
      Array.from({ length: count }, async (_, partition) => {
        const input = { topic, partition }
        return { ...input, offset: (await reader.watermarks(input))[edge] }
      }),
    )
  }
}
