import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changelogSubjects, changelogTopic } from '../../../platform/changelog.ts'
import { type OutgoingRecord, openTransactionalProducer } from '../../../platform/kafka-producer.ts'
import { openCodec } from '../../../platform/open-codec.ts'
import { userHistory } from '../../../stream-processors/user-history.ts'
import { ForeignClient, foreignEncoder } from '../../support/foreign-client.ts'
import { metricOf, type Pipeline, startPipeline, statusOf, until } from '../../support/pipeline.ts'
import { drive } from '../../support/topology-test-driver.ts'
import {
  committedOffsets,
  endOf,
  fold,
  moveOffsets,
  movieActivity,
  sum,
  UserActivityFeed,
} from '../../support/fold-process.ts'

const INPUT = 'user-activity'
const CHANGELOG = changelogTopic(userHistory.name)

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let client: ForeignClient
let feed: UserActivityFeed

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry']))
  client = resources.use(await ForeignClient.connect(pipeline.config.KAFKA_BROKERS))
  feed = new UserActivityFeed(pipeline)
})
afterAll(() => resources.disposeAsync())

test('a stop finishes the batch: what is committed is what was emitted, and the next start goes on there', async () => {
  const first = fold(pipeline, 'user-history')
  await feed.publish(3_000)
  await until('the fold is in the middle of it', async () => (await recordsIn(first)) > 100)
  const startedMs = performance.now()
  await first[Symbol.asyncDispose]()
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  expect(statusOf(first, 'user-history')).toMatchObject({ state: 'finished', lastFailure: undefined })

  const committed = sum((await committedOffsets(client, 'user-history', INPUT)).values())
  expect(committed).toBeGreaterThan(0)
  expect(await feed.emitted()).toHaveLength(committed)
  await using second = fold(pipeline, 'user-history')
  await feed.untilEmittedOnce()
  expect(await recordsIn(second)).toBe(feed.published.length - committed)
})

test('a transaction that is open on the changelog is waited for, and what it decides is in the state', async () => {
  const { codec } = await openCodec(pipeline.config, changelogSubjects(userHistory.name, userHistory.stores))
  const known = await feed.record('r0')
  const { partition } = known.position
  const topic = CHANGELOG
  const applied = { topic: INPUT, offset: 0, streamTimeMs: 0 }
  const encoded = codec.encode({ subject: `${CHANGELOG}-applied`, schema: 'AppliedOffset' }, applied)
  const forgotten = { topic, partition, key: `reviews\u001e${known.value.userId}\u001fr0`, value: null }
  const wrong = [forgotten, { topic, partition, key: '\u001eapplied', value: encoded }]
  await using producer = await openTransactionalProducer(pipeline.config, 'somebody-else')

  await restoreWhileOpen(wrong, () => producer.abort())
  await feed.untilEmittedOnce()
  await expectStateAsRefolded()
  await restoreWhileOpen([forgotten], () => producer.commit())
  feed.published.push('r0') // forgotten, so it is taken for a new one
  await feed.untilEmittedOnce()

  async function restoreWhileOpen(records: readonly OutgoingRecord[], decide: () => Promise<void>): Promise<void> {
    const end = await endOf(pipeline, { topic, partition })
    await producer.begin()
    await producer.sendAll(records)
    await until('the transaction is open', async () => (await endOf(pipeline, { topic, partition })) > end)
    const input = `${INPUT}/${partition}`
    const [rebalances, restores] = [logged('rebalance', input), logged('restored', input)]
    await using supervisor = fold(pipeline, 'user-history')
    await until('the fold has its partitions', () => logged('rebalance', input) > rebalances)
    const restored = (timeoutMs?: number) =>
      until('it is restored', () => logged('restored', input) > restores, timeoutMs)
    await expect(restored(2_000)).rejects.toThrow('gave up')
    await decide()
    await restored()
    await feed.again(known.value)
    await feed.publish(50)
    await until('the fold has read it all', async () => (await recordsIn(supervisor)) === 51)
  }
})

test('a committed offset that somebody moved stops the component, and its supervisor leaves it stopped', async () => {
  const group = { groupId: 'user-history', topic: INPUT }
  const committed = await committedOffsets(client, 'user-history', INPUT)
  await moveOffsets(pipeline, group, new Map([...committed.keys()].map((partition) => [partition, 1])))
  const message = await stopMessage('user-history')
  expect(message).toContain('SPL_OFFSET_MISMATCH')
  expect(message).toContain('has committed 1')
  expect(message).toContain('Put the committed offset back')

  await moveOffsets(pipeline, group, committed)
  await using _ = fold(pipeline, 'user-history')
  await feed.publish(10)
  await feed.untilEmittedOnce()
})

test('records deleted before they were processed stop the component, until it is told to do without them', async () => {
  {
    await using _ = fold(pipeline, 'movie-context')
    await movieActivity(pipeline, client, 'early', 20)
    await untilKnown((await movieActivity(pipeline, client, 'known', 20)).map(({ movieId }) => movieId))
  }
  const late = await movieActivity(pipeline, client, 'late', 40)
  const { partition } = late[0] as (typeof late)[number]
  const [, lost, kept] = late.filter((movie) => movie.partition === partition)
  const [first] = late
  if (first === undefined || lost === undefined || kept === undefined) throw new Error('too few movies')
  await client.admin.fetchTopicOffsets('movie-activity') // it deletes only where it has looked before
  await client.admin.deleteTopicRecords({
    topic: 'movie-activity',
    partitions: [{ partition, offset: String(kept.offset) }],
  })
  const message = await stopMessage('movie-context')
  expect(message).toContain('SPL_OFFSET_OUT_OF_RETENTION')
  expect(message).toContain(`movie-activity/${partition}`)
  expect(message).toContain(`everything before ${kept.offset}`)
  expect(message).toContain('MISSING_RECORDS=skip')

  const deleted = new Set([first.movieId, lost.movieId])
  const others = late.map(({ movieId }) => movieId).filter((id) => !deleted.has(id))
  {
    await using _ = fold(pipeline, 'movie-context', { MISSING_RECORDS: 'skip' })
    await untilKnown(others)
  }
  await using _ = fold(pipeline, 'movie-context')
  await untilKnown((await movieActivity(pipeline, client, 'last', 10)).map(({ movieId }) => movieId))
  const known = await knownMovies()
  for (const id of deleted) expect(known).not.toContain(id)
})

test('two instances share the partitions; one that was frozen past its session writes nothing when it wakes', async () => {
  const slot = (INSTANCE: string) => fold(pipeline, 'user-history', { INSTANCE })
  await using first = slot('0')
  await using second = slot('1')
  const untilShared = () =>
    until('both share the partitions', async () => {
      const [a, b] = [await partitionsOf(first), await partitionsOf(second)]
      return a > 0 && b > 0 && a + b === pipeline.config.TOPIC_PARTITIONS
    })
  await untilShared()

  await feed.publish(2_000)
  await until('both work', async () => (await recordsIn(first)) > 0 && (await recordsIn(second)) > 0)
  process.kill(pidOf(second), 'SIGKILL')
  await feed.untilEmittedOnce()
  await untilShared()

  const before = await recordsIn(second)
  await feed.publish(4_000)
  await until('the second works', async () => (await recordsIn(second)) > before)
  const zombie = pidOf(second)
  process.kill(zombie, 'SIGSTOP')
  await feed.publish(500)
  await until('the first has taken over', async () => (await partitionsOf(first)) === pipeline.config.TOPIC_PARTITIONS)
  await feed.untilEmittedOnce()
  process.kill(zombie, 'SIGCONT')
  await untilShared()
  await feed.publish(500)
  await feed.untilEmittedOnce()
})

test('another partition count than configured stops the component before it reads', async () => {
  const message = await stopMessage('movie-context', { TOPIC_PARTITIONS: '3' })
  expect(message).toContain('SPL_TOPIC_DIFFERS')
  expect(message).toContain('movie-activity has 4 partitions, not 3')
})

test('a schema that the registry refuses as incompatible is for a person to mend', async () => {
  const subject = 'refused-value'
  const { SCHEMA_REGISTRY_URL: registry } = pipeline.config
  await foreignEncoder(registry, subject, {
    type: 'record',
    name: 'Review',
    namespace: 'spoiler_shield',
    fields: [{ name: 'reviewId', type: 'int' }],
  })
  const opening = openCodec(pipeline.config, [{ subject, schema: 'Review', compatibility: 'FULL_TRANSITIVE' }])
  await expect(opening).rejects.toMatchObject({ code: 'SPL_SCHEMA_REFUSED', onError: 'stop' })
})

/** Starts a fold that must not run, and tells why its supervisor left it. */
async function stopMessage(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  await using supervisor = fold(pipeline, name, env)
  await until(`${name} stops`, () => statusOf(supervisor, name).state === 'stopped')
  const { restarts, lastFailure } = statusOf(supervisor, name)
  expect(restarts).toBe(0)
  return lastFailure ?? ''
}

function recordsIn(supervisor: ReturnType<typeof fold>): Promise<number> {
  return metricOf(supervisor, 'user-history', 'spoiler_records_in_total', { component: 'user-history' })
}

function partitionsOf(supervisor: ReturnType<typeof fold>): Promise<number> {
  return metricOf(supervisor, 'user-history', 'spoiler_assigned_partitions', { component: 'user-history' })
}

function pidOf(supervisor: ReturnType<typeof fold>): number {
  return statusOf(supervisor, 'user-history').pid ?? 0
}

/** How often user-history has said something of a partition. */
function logged(message: string, input: string): number {
  const log = readFileSync(join(pipeline.config.STATE_DIR, 'logs', 'user-history.log'), 'utf8')
  return log.split('\n').filter((line) => line.includes(`"msg":"${message}"`) && line.includes(input)).length
}

/** What was emitted is what the log folds to, bit for bit. */
async function expectStateAsRefolded(): Promise<void> {
  const inputs = Map.groupBy(await pipeline.records('userActivity'), ({ position }) => position.partition)
  const again = [...inputs.values()].flatMap((records) => drive(userHistory, records).output)
  const wanted = again.flatMap((forward) => (forward.to === 'movieActivity' ? [forward.value] : []))
  const found = (await pipeline.records('movieActivity')).map(({ value }) => value)
  const byReview = (values: typeof found) => new Map(values.map((value) => [value.review?.review.reviewId, value]))
  expect(byReview(found)).toEqual(byReview(wanted))
}

async function knownMovies(): Promise<string[]> {
  return (await pipeline.records('moviePlots')).map(({ value }) => value.movieId)
}

async function untilKnown(ids: readonly string[]): Promise<void> {
  await until('the movies are known', async () => {
    const known = new Set(await knownMovies())
    return ids.every((id) => known.has(id))
  })
}
