import { join } from 'node:path'
import { datasetSource, type DatasetSource, type When } from '../connectors/dataset-source.ts'
import { fetchFromStore } from '../connectors/model-registry.ts'
import type { Deployed } from '../inference/deployment-log.ts'
import { declaredVersion } from '../inference/manifest.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import type { Config } from '../platform/config.ts'
import { GroupConsumer, PartitionReader } from '../platform/kafka-consumer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { PartitionRange } from '../platform/topic-reader.ts'
import { committedValues } from '../platform/topic-values.ts'
import { RECORDED_FOLDS, type RecordedFoldName } from '../replay/recorded-folds.ts'
import type { ComparedRange, StageReport, VerifyDeps } from '../replay/verify/report.ts'
import { verifyFold } from '../replay/verify/verify-fold.ts'
import { type LoadedVersion, verifyScores, type VerifyScoresDeps } from '../replay/verify/verify-scores.ts'
import { versionLoader } from '../scorer/version-loader.ts'
import type { ModelActivation } from '../schemas/generated.ts'
import { positionText, type TopicId, topics } from '../schemas/topics.ts'
import type { CliContext } from './context.ts'
import { withDatasets } from './dataset-store.ts'
import { assertBroker } from './dependencies.ts'
import { openPipelineCodec } from './pipeline.ts'
import { ProgressLine } from './progress-line.ts'
import { withWorkFolder } from './work-folder.ts'

export type ReplayStage = RecordedFoldName | 'scorer'
export const REPLAY_STAGES = ['user-history', 'movie-context', 'scorer'] as const satisfies readonly ReplayStage[]

export interface VerifyWishes {
  readonly stages: readonly ReplayStage[]
  /** Append times of the input of each stage. */
  readonly from: When
  readonly to: When
  readonly mostTold: number
}

/**
 * Makes again what the stages have made, and compares it with what is live. Reads only.
 *
 * @throws SpoilerError SPL_REPLAY_RANGE when a log does not begin at offset 0 any more; SPL_BROKER_UNAVAILABLE, SPL_REGISTRY_UNAVAILABLE.
 */
export async function verifyReplay(wishes: VerifyWishes, context: CliContext): Promise<StageReport[]> {
  const config = context.config()
  const { signal } = context
  await assertBroker(config)
  const { codec } = await openPipelineCodec(config, signal)
  return withDatasets(config, undefined, ({ store }) =>
    withWorkFolder(config.STATE_DIR, 'replay-verifying', async (sortFolder) => {
      using progress = new ProgressLine(context.stderr, () => performance.now())
      const onProgress = progress.show.bind(progress)
      const deps: VerifyDeps = { config, codec, signal, sortFolder, onProgress, mostTold: wishes.mostTold }
      const source = datasetSource(config, { codec, store })
      const reports: StageReport[] = []
      for (const stage of wishes.stages) reports.push(await verifyStage(stage, { wishes, source, deps, config }))
      return reports
    }),
  )
}

interface Verifying {
  readonly wishes: VerifyWishes
  readonly source: DatasetSource
  readonly deps: VerifyDeps
  readonly config: Config
}

async function verifyStage(stage: ReplayStage, { wishes, source, deps, config }: Verifying): Promise<StageReport> {
  const { input, output } =
    stage === 'scorer' ? ({ input: 'reviewFeatures', output: 'spoilerScores' } as const) : RECORDED_FOLDS[stage]
  const topic = topics[input].name
  await using reader = await PartitionReader.open(config, 'shield-replay')
  const [from, to] = [await source.offsets(input, wishes.from), await source.offsets(input, wishes.to)]
  // in this order: what was committed is visible in the output, and comes from before the end of the input
  const committed = await committedBy(config, stage, topic, to.length)
  const live = await wholePartitions(reader, output)
  const ends = await wholePartitions(reader, input)
  const ranges: ComparedRange[] = ends.map(({ partition, to: end }) => {
    const until = Math.min(to[partition] ?? 0, committed[partition] ?? 0)
    return { partition, from: Math.min(from[partition] ?? 0, until), to: until, end }
  })
  if (stage === 'scorer') return await verifyScores({ ranges, live }, await scoresDeps(config, deps))
  assertWhole(ends)
  return await verifyFold(RECORDED_FOLDS[stage], { ranges, live }, deps)
}

async function committedBy(config: Config, group: string, topic: string, partitions: number): Promise<number[]> {
  await using observer = await GroupConsumer.observe(config, group)
  const inputs = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  return (await observer.committed(inputs)).map((position) => position?.offset ?? 0)
}

/** As they are now. */
async function wholePartitions(reader: PartitionReader, id: TopicId): Promise<PartitionRange[]> {
  const topic = topics[id].name
  const count = await reader.partitionCount(topic)
  const partitions = Array.from({ length: count }, (_, partition) => partition)
  return Promise.all(
    partitions.map(async (partition) => {
      const { low, high } = await reader.watermarks({ topic, partition })
      return { topic, partition, from: low, to: high }
    }),
  )
}

function assertWhole(inputs: readonly PartitionRange[]): void {
  const cut = inputs.find(({ from }) => from > 0)
  if (cut === undefined) return
  const doing = `folding ${cut.topic}/${cut.partition} again: its log begins at offset ${cut.from}, and what a fold makes follows from all that went before`
  throw new SpoilerError('SPL_REPLAY_RANGE', doing, { onError: 'stop' })
}

async function scoresDeps(config: Config, deps: VerifyDeps): Promise<VerifyScoresDeps> {
  const { codec } = deps
  const activations: ModelActivation[] = []
  for await (const activation of committedValues(config, codec, 'modelActivations')) activations.push(activation)
  return { ...deps, activations, givenUp: await rowsGivenUp(config, codec), load: loadedOnce(config) }
}

async function rowsGivenUp(config: Config, codec: RecordCodec): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for await (const { component, source } of committedValues(config, codec, 'deadLetters'))
    if (component === 'scorer') found.add(positionText(source))
  return found
}

/** Fetches and proves each version when its first score comes. */
function loadedOnce(config: Config): VerifyScoresDeps['load'] {
  const loaded = new Map<string, Promise<LoadedVersion | undefined>>()
  const cacheDir = join(config.STATE_DIR, 'models')
  const load = versionLoader({
    cacheDir,
    fetch: ({ modelName: name, modelVersion: version, ...place }, folder) =>
      fetchFromStore(config, { name, version, ...place }, folder),
    open: loadModelVersion,
  })
  const open = async (version: Deployed) => {
    try {
      const model = await load(version)
      const prior = await declaredVersion(PRIOR_FOLDER)
      const folder = prior.version === model.version ? PRIOR_FOLDER : join(cacheDir, model.version)
      return { model, tolerance: (await declaredVersion(folder)).golden.tolerance }
    } catch (error) {
      if (error instanceof SpoilerError && error.code === 'SPL_MODEL_INVALID') return undefined
      throw error
    }
  }
  return (version) => {
    const known = loaded.get(version.modelVersion) ?? open(version)
    loaded.set(version.modelVersion, known)
    return known
  }
}
