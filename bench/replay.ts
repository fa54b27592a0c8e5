import { runReplayInto } from '../cli/replay-into.ts'
import { type ReplayStage, inputOf, wholePartitions } from '../cli/replay-inputs.ts'
import type { CliContext } from '../cli/context.ts'
import { readRanges } from '../platform/topic-reader.ts'
import { type Pipeline, startPipeline } from '../test/support/pipeline.ts'
import { only, publishAll, untilRead, worldEvents } from './running-pipeline.ts'

interface Pass {
  readonly records: number
  readonly seconds: number
  /** Of this process, all threads. */
  readonly cpuMicrosPerRecord: number
}

interface ReplayedStage {
  readonly bareConsumer: Pass
  readonly replay: Pass
  /** CPU time of a bare consumer of the same records, as a share of the replay's: its rate per core against that one's. */
  readonly ratePerCore: number
}

/** Rate of `shield replay --into`, stage by stage, beside a consumer that only counts the same input. */
export async function replay(reviews: number): Promise<Readonly<Record<ReplayStage, ReplayedStage>>> {
  await using pipeline = await startPipeline(['kafka', 'registry'])
  await publishAll(pipeline, worldEvents(reviews, true))
  const supervisor = pipeline.supervise(only('folds', 'scorer'))
  await untilRead(supervisor, { process: 'scorer', task: 'scorer', records: reviews })
  await untilRead(supervisor, { process: 'folds', task: 'evaluator', records: reviews })
  await supervisor[Symbol.asyncDispose]()
  return {
    'user-history': await stage(pipeline, 'user-history'),
    'movie-context': await stage(pipeline, 'movie-context'),
    scorer: await stage(pipeline, 'scorer'),
    evaluator: await stage(pipeline, 'evaluator'),
  }
}

async function stage(pipeline: Pipeline, name: ReplayStage): Promise<ReplayedStage> {
  const bareConsumer = await timed(() => countInput(pipeline, name))
  const replayed = await timed(async () => {
    const wishes = { stages: [name], from: 'beginning', to: 'now', into: 'bench', anyCode: false } as const
    const [report] = await runReplayInto(wishes, quietContext(pipeline))
    return report?.replayed ?? 0
  })
  const ratePerCore = bareConsumer.cpuMicrosPerRecord / replayed.cpuMicrosPerRecord
  return { bareConsumer, replay: replayed, ratePerCore }
}

async function countInput({ config }: Pipeline, name: ReplayStage): Promise<number> {
  let records = 0
  for await (const { value } of readRanges(config, await wholePartitions(config, inputOf(name)))) {
    if (value !== null) records += 1
  }
  return records
}

async function timed(work: () => Promise<number>): Promise<Pass> {
  const [startedMs, before] = [performance.now(), process.cpuUsage()]
  const records = await work()
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - startedMs) / 1000
  return { records, seconds, cpuMicrosPerRecord: (user + system) / records }
}

function quietContext({ config, env }: Pipeline): CliContext {
  const stream = { write: () => undefined }
  const { signal } = new AbortController()
  return { env, stdout: stream, stderr: stream, signal, config: () => config, exitWith: () => undefined }
}
