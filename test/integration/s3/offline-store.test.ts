import { Kafka, logLevel } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChainPlace, readChain } from '../../../connectors/offline-chain.ts'
import { OFFLINE_TOPICS, type OfflineTopic } from '../../../connectors/offline-topics.ts'
import { openS3ObjectStore, type S3ObjectStore } from '../../../connectors/s3-object-store.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { topics } from '../../../schemas/topics.ts'
import { archivedFiles, logEnds, untilArchived } from '../../support/archived.ts'
import { duckdbRows } from '../../support/duckdb.ts'
import {
  metricOf,
  OFFLINE_STORE,
  type Pipeline,
  startPipeline,
  statusOf,
  unready,
  until,
} from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { openS3Proxy, type S3Fault, type S3Proxy, type S3Step } from '../../support/s3-proxy.ts'

const PARTITIONS = 2
const NAME = OFFLINE_STORE.name
const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let proxy: S3Proxy
let store: S3ObjectStore
let published = 0

beforeAll(async () => {
  pipeline = resources.use(
    await startPipeline(['kafka', 'registry', 's3'], {
      TOPIC_PARTITIONS: String(PARTITIONS),
      OFFLINE_FILE_MS: '300',
      OFFLINE_FILE_RECORDS: '40',
    }),
  )
  await pipeline.stack.ready('s3')
  proxy = resources.use(await openS3Proxy(pipeline.stack.ports.s3))
  store = resources.use(openS3ObjectStore(pipeline.config))
})
afterAll(() => resources.disposeAsync())

function startSink(settings: Readonly<Record<string, string>> = {}): Supervisor {
  return pipeline.supervise([OFFLINE_STORE], { S3_ENDPOINT: proxy.url, ...settings })
}

/** Reviews, labels and movies, and user-activity in transactions of which every other one is aborted. */
async function publish(reviews: number): Promise<void> {
  const { publisher, codec, config } = pipeline
  const client = new Kafka({ brokers: [config.KAFKA_BROKERS], logLevel: logLevel.NOTHING })
  const producer = client.producer({ transactionalId: 'test-activity', maxInFlightRequests: 1 })
  await producer.connect()
  for (let i = 0; i < reviews; i += 1) {
    published += 1
    const ids = { reviewId: `r${published}`, userId: `u${published % 50}`, movieId: `m${published % 7}` }
    await publisher.publish('reviews', { ...EXAMPLE.review, ...ids })
    if (i % 3 === 0) await publisher.publish('reviewLabels', { ...EXAMPLE.label, ...ids })
    if (i % 9 === 0) await publisher.publish('movies', { ...EXAMPLE.movie, movieId: ids.movieId, genres: ['Drama'] })
    if (i % 10 !== 0) continue
    const activity = {
      userId: ids.userId,
      review: { ...EXAMPLE.review, ...ids },
      label: null,
      source: { topic: 'reviews', partition: 0, offset: published },
      sourceAppendedAtMs: EXAMPLE.review.writtenAtMs,
    }
    const value = codec.encode({ subject: 'user-activity-value', schema: 'UserActivity' }, activity)
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'user-activity', messages: [{ key: ids.userId, value }] })
    await (i % 20 === 0 ? transaction.abort() : transaction.commit())
  }
  await publisher.flush()
  await producer.disconnect()
}

const placeOf = (topic: OfflineTopic, partition: number): ChainPlace => ({
  prefix: pipeline.config.S3_PREFIX,
  lineage: 1,
  topic: topics[topic].name,
  partition,
})

/** Proves that the chains of a topic have no gap and no overlap. @returns how many files they have. */
async function filesOf(topic: OfflineTopic): Promise<number> {
  let files = 0
  for (let partition = 0; partition < PARTITIONS; partition += 1)
    for await (const _file of readChain(store, placeOf(topic, partition))) files += 1
  return files
}

/** Every record of the log once, as DuckDB reads the files. */
async function expectEqualToTheLog(topic: OfflineTopic): Promise<void> {
  const records = await pipeline.records(topic)
  expect(await filesOf(topic)).toBeGreaterThanOrEqual(records.length === 0 ? 0 : 1)
  if (records.length === 0) return
  const rows = await duckdbRows(
    `select __partition as p, __offset as o, * from ${archivedFiles(pipeline, topic)} order by 1, 2`,
  )
  const key = topic === 'movies' ? 'movieId' : topic === 'userActivity' ? 'userId' : 'reviewId'
  const inOrder = records
    .map(
      ({ position, value }) =>
        [position.partition, position.offset, (value as unknown as Readonly<Record<string, unknown>>)[key]] as const,
    )
    .toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
  expect(rows.map((row) => [Number(row['p']), Number(row['o']), row[key]])).toEqual(inOrder)
}

/** Kills the sink once, at a step of its work, before or after the server heard of it. */
function killOnce(sink: Supervisor, step: S3Step, fault: S3Fault): Promise<void> {
  return new Promise((killed) => {
    proxy.onCut = () => {
      proxy.onCut = () => undefined
      process.kill(statusOf(sink, NAME).pid as number, 'SIGKILL')
      killed()
    }
    proxy.onRequest = (asked) => {
      if (asked !== step) return 'none'
      proxy.onRequest = () => 'none'
      return fault
    }
  })
}

test('a sink that is killed at any step of a rotation leaves chains with every record once', async () => {
  await using sink = startSink()
  await publish(60)
  for (const [step, fault] of [
    ['put a file', 'cut before'],
    ['put a file', 'cut after'],
    ['read a footer', 'cut before'],
  ] as const) {
    const killed = killOnce(sink, step, fault)
    await publish(60)
    await killed
  }
  await untilArchived(pipeline, OFFLINE_TOPICS)
  await until('it was started again each time', () => statusOf(sink, NAME).restarts >= 3)
  for (const topic of OFFLINE_TOPICS) await expectEqualToTheLog(topic)
})

test('a server that is down, full or slow is waited for: unready meanwhile, nothing lost', async () => {
  await using sink = startSink()
  await until('the sink is ready', async () => Object.keys((await unready(sink, NAME)) ?? { no: '' }).length === 0)
  await pipeline.stack.kill('s3')
  await publish(50)
  await until('it says that S3 is down', async () =>
    /SPL_S3_UNAVAILABLE/.test((await unready(sink, NAME))?.[NAME] ?? ''),
  )
  await pipeline.stack.start('s3')
  await untilArchived(pipeline, OFFLINE_TOPICS)
  let refused = 0
  proxy.onRequest = (step) => (step === 'put a file' && (refused += 1) <= 3 ? 'full' : 'none')
  await publish(50)
  await until('it says that S3 is full', async () => /status 507/.test((await unready(sink, NAME))?.[NAME] ?? ''))
  await untilArchived(pipeline, OFFLINE_TOPICS)
  proxy.onRequest = async () => delay(300, 'none' as const)
  await publish(50)
  await untilArchived(pipeline, OFFLINE_TOPICS)
  proxy.onRequest = () => 'none'
  await until('it is ready again', async () => Object.keys((await unready(sink, NAME)) ?? { no: '' }).length === 0)
  expect(statusOf(sink, NAME).restarts).toBe(0)
  for (const topic of OFFLINE_TOPICS) await expectEqualToTheLog(topic)
})

test('a zombie that wakes up with records in hand finds them archived, adopts the files and does no harm', async () => {
  await using zombie = startSink({ OFFLINE_FILE_MS: '1500' })
  await until('the zombie reads', async () => Object.keys((await unready(zombie, NAME)) ?? { no: '' }).length === 0)
  await publish(100)
  await until('the zombie has read them', async () => (await metricOf(zombie, NAME, 'spoiler_records_in_total')) > 100)
  const { pid } = statusOf(zombie, NAME)
  process.kill(pid as number, 'SIGSTOP')
  try {
    await using _heir = startSink()
    await untilArchived(pipeline, OFFLINE_TOPICS)
    process.kill(pid as number, 'SIGCONT')
    const adopted = () => metricOf(zombie, NAME, 'spoiler_offline_files_total', { outcome: 'adopted' })
    await until('the zombie meets files of its heir', async () => (await adopted()) > 0)
    await publish(40)
    await untilArchived(pipeline, OFFLINE_TOPICS)
  } finally {
    process.kill(pid as number, 'SIGCONT')
  }
  for (const topic of OFFLINE_TOPICS) await expectEqualToTheLog(topic)
})

test('a sink that is told to stop writes what it has: the next one reads nothing twice', async () => {
  const sink = startSink({ OFFLINE_FILE_MS: '3600000', OFFLINE_FILE_RECORDS: '100000' })
  await publish(30)
  await until('it has read them', async () => (await metricOf(sink, NAME, 'spoiler_records_in_total')) >= 30)
  const { behind } = await logEnds(pipeline, OFFLINE_TOPICS)
  expect(await behind()).toBeGreaterThan(0)
  await sink[Symbol.asyncDispose]()
  expect(await behind()).toBe(0)
})
