import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { USER_VIEW } from '../../../connectors/online-rows.ts'
import { openRedisOnlineStore } from '../../../connectors/redis-online-store.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import type { Review, UserFeatures } from '../../../schemas/generated.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import { ForeignClient, foreignEncoder, registeredSchema, withOptionalField } from '../../support/foreign-client.ts'
import { COMPONENTS, metricOf, type Pipeline, startPipeline, statusOf, unready, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const USERS = 30
const SETTINGS = { STEP_DEADLINE_MS: '2000' }

const resources = new AsyncDisposableStack()
/** Ids of all reviews published so far. */
const published: string[] = []
let pipeline: Pipeline
let supervisor: Supervisor

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 'redis'], SETTINGS))
  supervisor = pipeline.supervise(COMPONENTS)
})
afterAll(() => resources.disposeAsync())

test('Redis is down: the sink says so and waits, scores go on; then the rows catch up by themselves', async () => {
  await publishReviews(200)
  await untilAllScored()
  await untilRedisEqualsLog()
  await pipeline.stack.stop('redis')
  await publishReviews(200)
  await until('the sink is unready', async () => {
    const reasons = await unready(supervisor, 'sinks')
    return reasons?.['redis-online-store']?.includes('SPL_REDIS_UNAVAILABLE') === true
  })
  await untilAllScored()
  expect(await unready(supervisor, 'folds')).toEqual({})
  expect(await unready(supervisor, 'scorer')).toEqual({})

  await pipeline.stack.start('redis')
  await untilReady('sinks')
  await untilRedisEqualsLog()
  expectNoRestart()
})

test('the registry is down: components start from the ids that they know, and wait only for one that they do not', async () => {
  const { SCHEMA_REGISTRY_URL: registry, KAFKA_BROKERS } = pipeline.config
  await using client = await ForeignClient.connect(KAFKA_BROKERS)
  const { schema } = await registeredSchema(registry, 'reviews')
  const newer = await foreignEncoder(registry, 'reviews-value', withOptionalField(schema, 'language'))
  await supervisor[Symbol.asyncDispose]()
  await pipeline.stack.stop('registry')

  supervisor = pipeline.supervise(COMPONENTS)
  await publishReviews(50)
  await untilAllScored()
  const review = nextReview()
  const position = await client.publish({
    topic: 'reviews',
    key: review.userId,
    value: newer({ ...review, language: 'en' }),
  })
  await until('intake is unready', async () => {
    return (await unready(supervisor, 'folds'))?.['intake']?.includes('SPL_REGISTRY_UNAVAILABLE') === true
  })
  await publishReviews(50)
  const passed = (await pipeline.records('userActivity')).filter(
    ({ value: { source } }) => source.partition === position.partition && source.offset >= position.offset,
  )
  expect(passed).toEqual([])

  await pipeline.stack.start('registry')
  await untilReady('folds')
  await untilAllScored()
  expectNoRestart()
})

test('the broker is killed while reviews flow: everything goes on by itself, one score for each review', async () => {
  const flowing = publishSlowly(6_000)
  await untilBusy('folds', 'user-history')
  await pipeline.stack.kill('kafka')
  for (const name of ['folds', 'scorer', 'sinks'])
    await until(`${name} is unready`, async () => {
      const reasons = Object.values((await unready(supervisor, name)) ?? {})
      return reasons.some((reason) => reason.includes('SPL_BROKER_UNAVAILABLE'))
    })
  await pipeline.stack.start('kafka')
  await flowing
  await untilAllScored()
  for (const { name } of COMPONENTS) await untilReady(name)
  await untilRedisEqualsLog()
})

test('a transaction step that hangs ends the process, and its supervisor recovers what it was doing', async () => {
  const broker = pipeline.stack.pid('kafka') as number
  const flowing = publishReviews(10_000) // more than is worked off before the broker freezes
  await untilBusy('folds', 'user-history')
  const [stuck, restarts] = [stuckSteps(), statusOf(supervisor, 'folds').restarts]
  process.kill(broker, 'SIGSTOP')
  try {
    await until('a step has passed its deadline', () => stuckSteps() > stuck)
    await until('the folds were started anew', () => statusOf(supervisor, 'folds').restarts > restarts)
  } finally {
    process.kill(broker, 'SIGCONT')
  }
  await flowing
  await untilAllScored()
  for (const { name } of COMPONENTS) await untilReady(name)
  await untilRedisEqualsLog()
})

test('none of it was taken for poison', async () => {
  expect(await pipeline.records('deadLetters')).toEqual([])
})

function nextReview(): Review {
  const n = published.length
  const review = { ...EXAMPLE.review, userId: `u${n % USERS}`, movieId: `m${n % 7}`, reviewId: `r${n}` }
  published.push(review.reviewId)
  return review
}

async function publishReviews(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await pipeline.publisher.publish('reviews', nextReview())
  await pipeline.publisher.flush()
}

/** So slowly that whatever happens happens while reviews flow. */
async function publishSlowly(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 200) {
    await publishReviews(200)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Every review has one committed score: none is missing, none doubled. */
async function untilAllScored(): Promise<void> {
  const scored = async () => (await pipeline.records('spoilerScores')).map(({ value }) => value.reviewId)
  await until(`${published.length} reviews are scored`, async () => (await scored()).length >= published.length)
  expect((await scored()).toSorted()).toEqual(published.toSorted())
}

async function untilBusy(name: string, component: string): Promise<void> {
  const read = (): Promise<number> => metricOf(supervisor, name, 'spoiler_records_in_total', { component })
  const before = await read()
  await until(`${component} is busy`, async () => (await read()) > before + 100)
}

async function untilReady(name: string): Promise<void> {
  await until(`${name} is ready`, async () => {
    const reasons = await unready(supervisor, name)
    return reasons !== undefined && Object.keys(reasons).length === 0
  })
}

function expectNoRestart(): void {
  for (const { name } of COMPONENTS) expect(statusOf(supervisor, name)).toMatchObject({ state: 'running', restarts: 0 })
}

/** How often the folds have ended because a step of a transaction passed its deadline. */
function stuckSteps(): number {
  const log = readFileSync(join(pipeline.config.STATE_DIR, 'logs', 'folds.log'), 'utf8')
  return log.split('\n').filter((line) => line.includes('the component ends') && line.includes('SPL_TRANSACTION_STUCK'))
    .length
}

/** Each user's row in Redis becomes the newest of the log: same position, same values. */
async function untilRedisEqualsLog(): Promise<void> {
  const newest = new Map<string, StreamRecord<UserFeatures>>()
  for (const record of await pipeline.records('userFeatures')) newest.set(record.value.userId, record)
  expect(newest.size).toBe(USERS)
  await using store = await openRedisOnlineStore(pipeline.config, pino({ level: 'silent' }))
  for (const [id, { position, value }] of newest) {
    await until(`the row of ${id} is the newest`, async () => {
      return (await store.read(USER_VIEW, id))?.offset === position.offset
    })
    const row = await store.read(USER_VIEW, id)
    const numbers = [...(row?.values.values() ?? [])].slice(0, -1).map((number) => 'value' in number && number.value)
    expect(numbers).toEqual(value.values)
  }
}
