import { pino } from 'pino'
import { expect, test } from 'vitest'
import { MOVIE_VIEW, USER_VIEW } from '../../../connectors/online-rows.ts'
import type { FeatureView } from '../../../connectors/feast-rows.ts'
import { openRedisOnlineStore } from '../../../connectors/redis-online-store.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { readRecords } from '../../../platform/topic-reader.ts'
import { World } from '../../../producers/world/world.ts'
import type { ProducedEvent } from '../../../producers/event-source.ts'
import type { MovieFeatures, UserFeatures } from '../../../schemas/generated.ts'
import type { Processor, StreamRecord } from '../../../schemas/processor.ts'
import { topics } from '../../../schemas/topics.ts'
import { movieContext } from '../../../stream-processors/movie-context.ts'
import { userHistory } from '../../../stream-processors/user-history.ts'
import {
  COMPONENTS,
  metricOf,
  type Pipeline,
  publishEvent,
  startPipeline,
  statusOf,
  until,
} from '../../support/pipeline.ts'
import { drive, type FoldState } from '../../support/topology-test-driver.ts'

const REVIEWS = 20_000
const SEED = 7
/** Processes, and a task of each. */
const KILLED = [
  ['folds', 'movie-context'],
  ['scorer', 'scorer'],
  ['sinks', 'redis-online-store'],
] as const
const START_MS = Date.UTC(2026, 0, 1)

test('20,000 reviews with labels, every component killed once: one row and one score each, Redis as the folds', async () => {
  await using pipeline = await startPipeline()
  const supervisor = pipeline.supervise(COMPONENTS)
  const ids = new Set<string>()
  const world = new World({ seed: SEED, rate: 200, speed: 21_600, startMs: START_MS, reviews: REVIEWS }).events()
  for (const [killed, task] of KILLED) {
    await publish(pipeline, world, ids, REVIEWS / 4)
    await killWhenBusy(supervisor, killed, task)
  }
  await publish(pipeline, world, ids, REVIEWS)

  await until('every review has a score', async () => (await pipeline.records('spoilerScores')).length >= ids.size)
  await expectOneEach(pipeline, ids)
  const { users, movies } = await refold(pipeline)
  await expectRedisEquals(pipeline, USER_VIEW, users)
  await expectRedisEquals(pipeline, MOVIE_VIEW, movies)
  expect(await pipeline.records('deadLetters')).toEqual([])
  await expectNewestOfEachPartition(pipeline)
})

/** Markers of transactions take offsets; whoever asks for the last records wants records. */
async function expectNewestOfEachPartition({ config }: Pipeline): Promise<void> {
  const offsets: number[][] = []
  const { name } = topics.spoilerScores
  for await (const { partition, offset } of readRecords(config, name, { from: { last: 3 }, follow: false }))
    (offsets[partition] ??= []).push(offset)
  expect(offsets.map((partition) => partition.length)).toEqual(Array(config.TOPIC_PARTITIONS).fill(3))
}

/** Publishes up to so many more reviews, with what else happens in the world meanwhile. */
async function publish(
  { publisher }: Pipeline,
  world: Iterator<ProducedEvent>,
  ids: Set<string>,
  more: number,
): Promise<void> {
  const wanted = ids.size + more
  for (let next = world.next(); next.done !== true; next = world.next()) {
    await publishEvent(publisher, next.value)
    if (next.value.topic === 'reviews') ids.add(next.value.value.reviewId)
    if (ids.size === wanted) break
  }
  await publisher.flush()
}

/** Kills a component in the middle of its work; its supervisor has to do the rest. */
async function killWhenBusy(supervisor: Supervisor, name: string, component: string): Promise<void> {
  const processed = (): Promise<number> => metricOf(supervisor, name, 'spoiler_records_in_total', { component })
  await until(`${name} is busy`, async () => (await processed()) > 500)
  process.kill(statusOf(supervisor, name).pid as number, 'SIGKILL')
  await until(`${name} was started anew`, () => statusOf(supervisor, name).restarts === 1)
}

async function expectOneEach(pipeline: Pipeline, ids: ReadonlySet<string>): Promise<void> {
  for (const topic of ['reviewFeatures', 'spoilerScores'] as const) {
    const seen = (await pipeline.records(topic)).map(({ value }) => value.reviewId)
    expect(seen).toHaveLength(ids.size)
    expect(new Set(seen)).toEqual(ids)
  }
}

/** Folds the recorded logs again, in memory: rows must be equal bit for bit, whatever was killed in between. */
async function refold(pipeline: Pipeline) {
  const users = refoldPartitions(userHistory, await pipeline.records('userActivity'))
  const movies = refoldPartitions(movieContext, await pipeline.records('movieActivity'))
  const rows = (await pipeline.records('reviewFeatures')).map(({ value }) => value)
  const byId = new Map(rows.map((row) => [row.reviewId, row]))
  const again = movies.output.flatMap((forward) => (forward.to === 'reviewFeatures' ? [forward.value] : []))
  expect(again).toHaveLength(rows.length)
  for (const row of again) expect(byId.get(row.reviewId)).toEqual(row)
  return { users: newest(users.output, 'userFeatures'), movies: newest(movies.output, 'movieFeatures') }
}

function refoldPartitions<In, Stores>(processor: Processor<In, Stores>, records: readonly StreamRecord<In>[]) {
  const partitions = Map.groupBy(records, ({ position }) => position.partition)
  const driven = [...partitions.values()].map((partition) => drive(processor, partition))
  return { output: driven.flatMap(({ output }) => output), states: driven.map(({ state }): FoldState => state) }
}

type EntityRow = UserFeatures | MovieFeatures

function newest(
  output: ReturnType<typeof drive>['output'],
  to: 'userFeatures' | 'movieFeatures',
): Map<string, EntityRow> {
  const rows = new Map<string, EntityRow>()
  for (const forward of output) {
    if (forward.to !== to) continue
    const { value } = forward
    rows.set('userId' in value ? value.userId : value.movieId, value)
  }
  return rows
}

async function expectRedisEquals(
  pipeline: Pipeline,
  view: FeatureView,
  rows: ReadonlyMap<string, EntityRow>,
): Promise<void> {
  await using store = await openRedisOnlineStore(pipeline.config, pino({ level: 'silent' }))
  const stored = async (id: string): Promise<unknown> => {
    const row = await store.read(view, id)
    if (row === undefined) return undefined
    const values = [...row.values.values()]
    const numbers = values.slice(0, -1).map((value) => ('value' in value ? value.value : null))
    const counters = values.at(-1)
    return {
      updatedAtMs: row.updatedAtMs,
      numbers,
      counters: counters?.type === 'bytes' ? parse(counters.value) : null,
    }
  }
  const wanted = ({ updatedAtMs, values, counters }: EntityRow) => ({ updatedAtMs, numbers: values, counters })
  // the sink is behind the log for a moment; each row has to become equal
  for (const [id, row] of rows) await expect.poll(() => stored(id), { timeout: 30_000 }).toEqual(wanted(row))
  const found = new Set<string>()
  for await (const batch of store.scan([view])) for (const { id } of batch) found.add(id)
  expect(found).toEqual(new Set(rows.keys()))
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'))
}
