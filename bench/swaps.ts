import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { deploy } from '../test/support/deploy.ts'
import { readTopic } from '../platform/topic-reader.ts'
import { linearVersion } from '../test/support/linear-versions.ts'
import { metricOf, type Pipeline, startPipeline, statusOf, until } from '../test/support/pipeline.ts'
import { childrenOf } from '../test/support/processes.ts'
import { ReviewFlow } from '../test/support/review-flow.ts'
import type { Supervisor } from '../platform/supervisor.ts'
import type { ModelDeployment } from '../schemas/generated.ts'
import { quantile, rssMb } from './process-usage.ts'
import { only } from './running-pipeline.ts'

const MODEL_PROCESSES = 2

export interface Swaps {
  readonly swaps: number
  readonly scores: number
  /** Time between the appends of consecutive scores, ms. */
  readonly gapMs: Readonly<Record<'without' | 'with', { readonly p99: number; readonly largest: number }>>
  /** From the decision to the append of the last score of the version before, ms; a rollback is a decision like others. */
  readonly replacedAfterMs: { readonly median: number; readonly largest: number }
  /** Resident memory of the scorer and of its model processes, MB, after each tenth of the swaps. */
  readonly rssMb: { readonly scorer: readonly number[]; readonly processes: readonly number[] }
}

/** The largest pause between two scores, with and without swaps, at 200 rows/s, and memory over many versions. */
export async function swaps(count: number): Promise<Swaps> {
  await using pipeline = await startPipeline(['kafka', 'registry'])
  const versions = await cachedVersions(pipeline)
  const supervisor = pipeline.supervise(only('scorer'), { MODEL_PROCESSES: String(MODEL_PROCESSES) })
  await using flow = new ReviewFlow(pipeline.publisher, 'swaps')
  await swapTo(pipeline, supervisor, versions[0] as string)
  await sleep(10_000)
  const fromMs = Date.now()
  await sleep(30_000)
  const swapsFromMs = Date.now()
  const memory = { scorer: [] as number[], processes: [] as number[] }
  const decisions: ModelDeployment[] = []
  for (let swap = 1; swap <= count; swap += 1) {
    decisions.push(await swapTo(pipeline, supervisor, versions[swap % versions.length] as string))
    if (swap % Math.ceil(count / 10) === 0) await noteMemory(supervisor, memory)
  }
  const toMs = Date.now()
  const { length } = await flow.stop()
  const scores = await scoresOf(pipeline, length)
  const appended = scores.map(({ atMs }) => atMs)
  const between = (low: number, high: number) => gapsOf(appended.filter((atMs) => atMs >= low && atMs < high))
  const gapMs = { without: between(fromMs, swapsFromMs), with: between(swapsFromMs, toMs) }
  return {
    swaps: count,
    scores: scores.length,
    gapMs,
    replacedAfterMs: replacedAfter(decisions, scores),
    rssMb: memory,
  }
}

function replacedAfter(decisions: readonly ModelDeployment[], scores: readonly Scored[]): Swaps['replacedAfterMs'] {
  const lastAtMs = new Map(scores.map(({ epoch, atMs }) => [epoch, atMs])) // in the order of time
  const times = decisions.flatMap(({ deploymentEpoch, decidedAtMs }) => {
    const last = lastAtMs.get(deploymentEpoch - 1)
    return last === undefined ? [] : [last - decidedAtMs]
  })
  return { median: quantile(times, 0.5), largest: Math.max(...times) }
}

/** Versions as a scorer has them that fetched them before: what is measured is not the object store. */
async function cachedVersions({ config }: Pipeline): Promise<string[]> {
  const cache = join(config.STATE_DIR, 'models')
  mkdirSync(cache)
  const names: string[] = []
  for (const threshold of [0.4, 0.5, 0.6]) {
    await using version = await linearVersion({ draft: { threshold } })
    cpSync(version.folder, join(cache, version.version), { recursive: true })
    names.push(version.version)
  }
  return names
}

async function swapTo(pipeline: Pipeline, supervisor: Supervisor, version: string): Promise<ModelDeployment> {
  const decided = await deploy(pipeline, { modelName: 'linear', modelVersion: version, source: '' })
  const served = { model: 'linear', version }
  const epoch = (): Promise<number> => metricOf(supervisor, 'scorer', 'spoiler_deployment_epoch', served)
  await until(`deployment ${decided.deploymentEpoch}`, async () => (await epoch()) === decided.deploymentEpoch)
  return decided
}

async function noteMemory(supervisor: Supervisor, memory: { scorer: number[]; processes: number[] }): Promise<void> {
  const pid = statusOf(supervisor, 'scorer').pid as number
  await until('the processes before have ended', () => childrenOf(pid).length === MODEL_PROCESSES)
  memory.scorer.push(Math.round(rssMb(pid)))
  memory.processes.push(Math.round(childrenOf(pid).reduce((sum, child) => sum + rssMb(child), 0)))
}

interface Scored {
  readonly atMs: number
  readonly epoch: number
}

/** In the order of time. */
async function scoresOf({ config, codec }: Pipeline, wanted: number): Promise<Scored[]> {
  const read = async (): Promise<Scored[]> => {
    const scores: Scored[] = []
    for await (const { record, decoded } of readTopic(config, codec, 'spoilerScores', {
      from: 'beginning',
      follow: false,
    }))
      if ('value' in decoded) scores.push({ atMs: record.appendedAtMs, epoch: decoded.value.deploymentEpoch })
    return scores
  }
  let scores = await read()
  await until('all are scored', async () => (scores = await read()).length >= wanted)
  return scores.toSorted((a, b) => a.atMs - b.atMs)
}

function gapsOf(times: readonly number[]): { readonly p99: number; readonly largest: number } {
  const gaps = times.slice(1).map((atMs, i) => atMs - (times[i] as number))
  return {
    p99: quantile(
      gaps.filter((gap) => gap > 0),
      0.99,
    ),
    largest: Math.max(...gaps),
  }
}
