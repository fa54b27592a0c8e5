import { execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openOnlineScorer } from '../cli/online-scoring.ts'
import type { ReviewFeatures } from '../schemas/generated.ts'
import { linearVersion } from '../test/support/linear-versions.ts'
import { type Pipeline, startPipeline, until } from '../test/support/pipeline.ts'
import { only, publishAll, worldEvents } from './running-pipeline.ts'
import { quantile } from './process-usage.ts'

const SHIELD = join(import.meta.dirname, '..', 'cli', 'main.ts')
const REVIEWS = 1_000
const COLD_RUNS = 7
const WARM_RUNS = 2_000

export interface ShieldScore {
  /** The whole command, from the shell, ms. */
  readonly coldMs: { readonly p50: number; readonly largest: number }
  /** `node -e 0` beside it, ms. */
  readonly nodeMs: number
  /** The same in a process that is up: three reads of Redis, features, model; ms. */
  readonly warmMs: { readonly p50: number; readonly p99: number }
}

/** Latency of `shield score` with a linear head, on a world of a thousand reviews. */
export async function shieldScore(): Promise<ShieldScore> {
  await using pipeline = await startPipeline()
  await using version = await linearVersion()
  const cache = join(pipeline.config.STATE_DIR, 'models')
  mkdirSync(cache)
  cpSync(version.folder, join(cache, version.version), { recursive: true })
  const why = { source: '', decidedAtMs: Date.now(), decidedBy: 'bench', reason: 'bench' }
  const how = { mode: 'serve', share: 1, entryId: '', jobId: '', gateReport: '', featureService: 'spoiler_v1' }
  const deployed = { slot: 'champion', deploymentEpoch: 1, modelName: 'linear', modelVersion: version.version }
  await pipeline.publisher.publish('modelDeployments', { ...deployed, ...why, ...how })
  await publishAll(pipeline, worldEvents(REVIEWS, true))
  pipeline.supervise(only('folds', 'sinks'))
  const row = await lastRow(pipeline)
  const { text, movieId, userId, rating, summary } = row
  await using scorer = await openOnlineScorer(pipeline.config)
  const asked = { text, movieId, userId, rating, summary, writtenAtMs: Date.now() }
  await until('the store knows the movie', async () => (await scorer.score(asked)).movieKnown)
  const warm = await timed(WARM_RUNS, () => scorer.score(asked))
  const line = [SHIELD, 'score', text, '--movie', movieId, '--user', userId, '--json']
  const env = { ...pipeline.env }
  const cold = await timed(COLD_RUNS, () => promisify(execFile)(process.execPath, line, { env }))
  const bare = await timed(COLD_RUNS, () => promisify(execFile)(process.execPath, ['-e', '0'], { env }))
  return {
    coldMs: { p50: quantile(cold, 0.5), largest: Math.max(...cold) },
    nodeMs: quantile(bare, 0.5),
    warmMs: { p50: quantile(warm, 0.5), p99: quantile(warm, 0.99) },
  }
}

/** The folds are done then. */
async function lastRow(pipeline: Pipeline): Promise<ReviewFeatures> {
  const rows = () => pipeline.records('reviewFeatures')
  await until('the folds are done', async () => (await rows()).length >= REVIEWS)
  const last = (await rows()).at(-1)
  if (last === undefined) throw new RangeError('no rows')
  return last.value
}

async function timed(runs: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const startedMs = performance.now()
    await work()
    times.push(performance.now() - startedMs)
  }
  return times
}
