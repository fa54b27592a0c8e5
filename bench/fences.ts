import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { redisKey } from '../connectors/feast-keys.ts'
import { type FencedRow, userRow } from '../connectors/feast-rows.ts'
import { encodeTimestamp, encodeValue } from '../connectors/feast-values.ts'
import { USER_VIEW } from '../connectors/online-rows.ts'
import { openRedisOnlineStore } from '../connectors/redis-online-store.ts'
import { openS3ObjectStore } from '../connectors/s3-object-store.ts'
import { openIdempotentProducer, openTransactionalProducer, type OutgoingRecord } from '../platform/kafka-producer.ts'
import { startStack } from '../local-stack/stack.ts'
import { type Config, loadConfig } from '../platform/config.ts'
import { createTopics } from '../test/support/pipeline.ts'
import { quantile } from './process-usage.ts'

const ROUNDS = 7
const ROWS = 10_000
/** As many as the sink writes at once. */
const ROWS_AT_ONCE = 500
const OBJECTS = 20
const OBJECT_BYTES = 1_000_000
const TOPIC = 'fences'
const RECORD_BYTES = 1_000
const RECORDS = 10_000
const COUNTERS = {
  buckets: [20_000, 20_030, 20_060, 20_090],
  reviews: [3, 1, 2, 1],
  labelled: [2, 1, 0, 0],
  spoilers: [1, 0, 0, 0],
  units: [2_900, 700, 1_800, 840],
  ratings: [3, 1, 2, 1],
  ratingSum: [21, 8, 13, 9],
}

/** The same work, with its fence and without. */
interface Pair {
  readonly operations: number
  /** @param round From 0 on: what is written is new in each. */
  readonly plain: (round: number) => Promise<unknown>
  readonly fenced: (round: number) => Promise<unknown>
}

/** Operations a second, medians of rounds that were taken in turn. */
interface FenceCost {
  readonly plain: number
  readonly fenced: number
  /** Time of a fenced one in times of a plain one. */
  readonly ratio: number
}

interface FenceCosts {
  readonly redisRows: FenceCost
  readonly s3Objects: FenceCost
  /** Records, by how many are acknowledged at once. */
  readonly kafkaRecords: Readonly<Record<string, FenceCost>>
}

/** What it costs that a second writer, or a second write, does no harm: each fence beside the same write without it. */
export async function fences(): Promise<FenceCosts> {
  using folders = new DisposableStack()
  const dataDir = folders.adopt(mkdtempSync(join(tmpdir(), 'fences-')), (folder) => {
    rmSync(folder, { recursive: true })
  })
  await using stack = await startStack({ dataDir, parts: ['kafka', 'redis', 's3'] })
  await stack.ready('s3')
  const config = loadConfig({ ...stack.env, STATE_DIR: dataDir })
  return {
    redisRows: await onRedis(config),
    s3Objects: await onS3(config),
    kafkaRecords: {
      10: await onKafka(config, 10),
      100: await onKafka(config, 100),
      1000: await onKafka(config, 1_000),
    },
  }
}

async function compare({ operations, plain, fenced }: Pair): Promise<FenceCost> {
  const seconds = { plain: [] as number[], fenced: [] as number[] }
  for (let round = 0; round <= ROUNDS; round += 1) {
    const took = { plain: await secondsOf(() => plain(round)), fenced: await secondsOf(() => fenced(round)) }
    if (round === 0) continue // warms up
    seconds.plain.push(took.plain)
    seconds.fenced.push(took.fenced)
  }
  const [p, f] = [quantile(seconds.plain, 0.5), quantile(seconds.fenced, 0.5)]
  return { plain: operations / p, fenced: operations / f, ratio: f / p }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1000
}

/** Compare-and-set on the log position against HSET of the same fields; every row is newer than what is stored. */
async function onRedis(config: Config): Promise<FenceCost> {
  await using store = await openRedisOnlineStore(config, pino({ level: 'silent' }))
  using resources = new DisposableStack()
  const client = resources.adopt(new Redis(config.REDIS_URL), (redis) => redis.disconnect())
  const inBatches = async (round: number, write: (rows: readonly FencedRow[]) => Promise<unknown>): Promise<void> => {
    for (let first = 0; first < ROWS; first += ROWS_AT_ONCE)
      await write(Array.from({ length: ROWS_AT_ONCE }, (_, i) => rowOf(first + i, round)))
  }
  const hset = async (rows: readonly FencedRow[]): Promise<void> => {
    const commands = client.pipeline()
    for (const { view, id, updatedAtMs, values } of rows) {
      const fields = values.flatMap((value, i) => [view.fields[i] as Buffer, encodeValue(value)])
      const stamped = [view.timestampField, encodeTimestamp(updatedAtMs), ...fields]
      commands.hset(redisKey('plain', { [view.joinKey]: id }), ...stamped)
    }
    await commands.exec()
  }
  return await compare({
    operations: ROWS,
    plain: (round) => inBatches(round, hset),
    fenced: (round) => inBatches(round, (rows) => store.write(rows)),
  })
}

function rowOf(user: number, round: number): FencedRow {
  const values = USER_VIEW.features.slice(1).map((_, i) => round + i / 7)
  const value = { userId: `user-${user}`, updatedAtMs: 1_000 * round, values, counters: COUNTERS }
  return userRow(USER_VIEW, value, { lineage: 1, offset: round * ROWS + user })
}

/** PutObject with If-None-Match against PutObject, one after the other as the writer of a chain does. */
async function onS3(config: Config): Promise<FenceCost> {
  using store = openS3ObjectStore(config)
  await store.ensureBucket()
  using resources = new DisposableStack()
  const { S3_ACCESS_KEY_ID: accessKeyId = '', S3_SECRET_ACCESS_KEY: secretAccessKey = '' } = config
  const client = new S3Client({
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  resources.defer(() => {
    client.destroy()
  })
  const body = Buffer.alloc(OBJECT_BYTES, 'x')
  const inTurn = async (prefix: string, put: (key: string) => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < OBJECTS; i += 1) await put(`${prefix}/${i}`)
  }
  const put = (Key: string) => client.send(new PutObjectCommand({ Bucket: config.S3_BUCKET, Key, Body: body }))
  return await compare({
    operations: OBJECTS,
    plain: (round) => inTurn(`plain/${round}`, put),
    fenced: (round) => inTurn(`fenced/${round}`, (key) => store.putIfAbsent(key, body)),
  })
}

/** Transactions, without offsets, against an idempotent producer that waits for the same records. */
async function onKafka(config: Config, atOnce: number): Promise<FenceCost> {
  await createTopics(config, [{ name: TOPIC, partitions: config.TOPIC_PARTITIONS, settings: {} }])
  await using idempotent = await openIdempotentProducer(config, `plain-${atOnce}`)
  await using transactional = await openTransactionalProducer(config, `fenced-${atOnce}`)
  const value = Buffer.alloc(RECORD_BYTES, 'x')
  const batch = Array.from({ length: atOnce }, (_, i): OutgoingRecord => {
    return { topic: TOPIC, partition: null, key: `key-${i}`, value }
  })
  const inBatches = async (write: () => Promise<unknown>): Promise<void> => {
    for (let sent = 0; sent < RECORDS; sent += atOnce) await write()
  }
  return await compare({
    operations: RECORDS,
    plain: () =>
      inBatches(async () => {
        for (const record of batch) await idempotent.send(record)
        await idempotent.flush()
      }),
    fenced: () =>
      inBatches(async () => {
        await transactional.begin()
        await transactional.sendAll(batch)
        await transactional.commit()
      }),
  })
}
