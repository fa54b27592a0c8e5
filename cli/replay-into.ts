import { datasetSource } from '../connectors/dataset-source.ts'
import type { Model } from '../inference/model.ts'
import type { Config } from '../platform/config.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { pause } from '../platform/retry.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { committedValues } from '../platform/topic-values.ts'
import type { PartitionRange } from '../platform/topic-reader.ts'
import { RECORDED_FOLDS, type RecordedFoldName } from '../replay/recorded-folds.ts'
import { refold, type RefoldDeps } from '../replay/refold.ts'
import { replayInto, type Replayed, type ReplayIntoDeps } from '../replay/replay-into.ts'
import { rescore, servingAsRecorded, type ServingOf } from '../replay/rescore.ts'
import { FEATURE_SERVICES, type FeatureService, type FeatureServiceName } from '../schemas/feature-services.ts'
import type { CliContext } from './context.ts'
import { withDatasets } from './dataset-store.ts'
import { assertBroker } from './dependencies.ts'
import { openPipelineCodec } from './pipeline.ts'
import { ProgressLine } from './progress-line.ts'
import { RecordedVersions } from './recorded-versions.ts'
import { rangesOf } from './replay-inputs.ts'
import { foldStarts } from './replay-starts.ts'
import type { ReplayWishes } from './replay-verify.ts'
import { withWorkFolder } from './work-folder.ts'

const MOST_PACED_RECORDS = 500

export interface IntoWishes extends ReplayWishes {
  /** Names the topics, the group and the transactional id. */
  readonly into: string
  /** Scores by this version; as recorded when it is left out. */
  readonly model?: { readonly modelName: string; readonly modelVersion: string }
  /** Of the feature rows; FEATURE_SERVICE when it is left out. */
  readonly featureService?: FeatureServiceName
  /** Input records per second. */
  readonly maxRate?: number
}

/**
 * Makes again what the stages have made, each from its recorded input, into topics of its own.
 *
 * @throws as replayInto and verifyReplay; SPL_MODEL_INVALID.
 */
export async function runReplayInto(wishes: IntoWishes, context: CliContext): Promise<Replayed[]> {
  const config = context.config()
  const { signal } = context
  await assertBroker(config)
  const { codec } = await openPipelineCodec(config, signal)
  return withDatasets(config, undefined, ({ store }) =>
    withWorkFolder(config.STATE_DIR, 'replaying', async (workFolder) => {
      using progress = new ProgressLine(context.stderr, () => performance.now())
      await using versions = new RecordedVersions(config)
      const source = datasetSource(config, { codec, store })
      const servingOf = await servingFor(wishes, { config, codec, versions })
      const note = progress.note.bind(progress)
      // a batch is written at once: with a rate asked for, no more than a second's
      const slow = wishes.maxRate === undefined ? {} : { batchRecords: Math.min(wishes.maxRate, MOST_PACED_RECORDS) }
      const service = FEATURE_SERVICES[wishes.featureService ?? config.FEATURE_SERVICE]
      const onProgress = progress.show.bind(progress)
      const common = { ...slow, config, codec, signal, workFolder, servingOf, onProgress }
      const reports: Replayed[] = []
      for (const stage of wishes.stages) {
        const ranges = await rangesOf(stage, wishes, { config, codec, source, signal })
        const remake =
          stage === 'scorer'
            ? rescoring(common)
            : await refolding(stage, ranges, { ...common, service, store, note, ofAnyCode: wishes.anyCode })
        const deps = { ...common, pace: paced(wishes.maxRate, signal), remake }
        const outputs = stage === 'scorer' ? (['spoilerScores', 'deadLetters'] as const) : RECORDED_FOLDS[stage].outputs
        reports.push(await replayInto({ name: wishes.into, stage, outputs }, ranges, deps))
      }
      return reports
    }),
  )
}

/** Scores begin where they are wanted. */
function rescoring(deps: RefoldDeps & { readonly servingOf: ServingOf }): ReplayIntoDeps['remake'] {
  return (range, resumeAt) => rescore({ ...range, from: resumeAt }, deps)
}

/** Folds begin at a snapshot before what is wanted, or at offset 0. */
async function refolding(
  stage: RecordedFoldName,
  ranges: readonly PartitionRange[],
  deps: RefoldDeps & Parameters<typeof foldStarts>[1] & { readonly service: FeatureService },
): Promise<ReplayIntoDeps['remake']> {
  const processor = RECORDED_FOLDS[stage].processor(() => deps.service)
  const starts = await foldStarts(stage, deps)
  await starts.assertBefore(ranges)
  return async function* (range, resumeAt) {
    const start = await starts.before({ ...range, from: resumeAt })
    if (start.offset > 0)
      deps.note(`${range.topic}/${range.partition} is folded from offset ${start.offset}, by a snapshot`)
    yield* refold(processor, range, { ...deps, start, boundaries: [resumeAt] })
  }
}

async function servingFor(
  { model, stages }: IntoWishes,
  {
    config,
    codec,
    versions,
  }: { readonly config: Config; readonly codec: RecordCodec; readonly versions: RecordedVersions },
): Promise<ServingOf> {
  const load = async (version: Parameters<RecordedVersions['load']>[0]): Promise<Model> => {
    const found = await versions.load(version)
    if (found !== undefined) return found.model
    const doing = `replaying scores: nobody has ${version.modelName} ${version.modelVersion}`
    throw new SpoilerError('SPL_MODEL_INVALID', doing, { onError: 'stop' })
  }
  if (model !== undefined) {
    const serving = { model: await load({ ...model, deploymentEpoch: 0 }), deploymentEpoch: 0 }
    return () => Promise.resolve(serving)
  }
  const needed = stages.includes('scorer')
  const activations = needed ? await Array.fromAsync(committedValues(config, codec, 'modelActivations')) : []
  return servingAsRecorded(activations, load)
}

/** Waits so that no more than so many records pass in a second, on the whole. */
function paced(maxRate: number | undefined, signal: AbortSignal): ReplayIntoDeps['pace'] {
  const beganMs = performance.now()
  let passed = 0
  return async (records) => {
    if (maxRate === undefined) return
    passed += records
    const aheadMs = (passed / maxRate) * 1000 - (performance.now() - beganMs)
    if (aheadMs > 0) await pause(aheadMs, signal)
    signal.throwIfAborted()
  }
}
