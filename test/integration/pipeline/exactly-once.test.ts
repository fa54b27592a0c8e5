import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { MOVIE_VIEW, USER_VIEW } from '../../../connectors/online-rows.ts'
import type { FeatureView } from '../../../connectors/feast-rows.ts'
import { openRedisOnlineStore } from '../../../connectors/redis-online-store.ts'
import { loadModelVersion } from '../../../inference/model-version.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { readRecords } from '../../../platform/topic-reader.ts'
import { World } from '../../../producers/world/world.ts'
import type { ProducedEvent } from '../../../producers/event-source.ts'
import type { MovieFeatures, ReviewFeatures, SpoilerScore, UserFeatures } from '../../../schemas/generated.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import { topics } from '../../../schemas/topics.ts'
import { scoreRows, type Serving } from '../../../scorer/score-row.ts'
import { checkPipeline } from '../../support/oracle/pipeline-oracle.ts'
import { recordPipeline } from '../../support/oracle/record-pipeline.ts'
import {
  COMPONENTS,
  metricOf,
  type Pipeline,
  publishEvent,
  startPipeline,
  statusOf,
  until,
} from '../../support/pipeline.ts'

const PRIOR = join(import.meta.dirname, '../../../inference/versions/prior')
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
  const recorded = await recordPipeline(pipeline)
  await using prior = await loadModelVersion(PRIOR)
  const serving = { model: prior, deploymentEpoch: 0 }
  expect(await checkPipeline(recorded, (rows) => scoresOf(rows, serving))).toEqual([])
  await expectRedisEquals(pipeline, USER_VIEW, recorded.userFeatures)
  await expectRedisEquals(pipeline, MOVIE_VIEW, recorded.movieFeatures)
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

async function scoresOf(rows: readonly StreamRecord<ReviewFeatures>[], serving: Serving): Promise<SpoilerScore[]> {
  const results = await scoreRows(rows, serving)
  return results.flatMap((result) => (result.kind === 'score' ? [result.score] : []))
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

type EntityRow = UserFeatures | MovieFeatures

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
