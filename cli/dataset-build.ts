import { datasetSource, type DatasetSource } from '../connectors/dataset-source.ts'
import { usageError } from '../producers/arguments.ts'
import { replayName } from '../replay/replay-into.ts'
import { FEATURE_SERVICES, type FeatureServiceName } from '../schemas/feature-services.ts'
import { topics } from '../schemas/topics.ts'
import { buildDataset, type DatasetPlan, rangesOf, type WantedTimes } from '../trainers/dataset/build-dataset.ts'
import { copyDataset, type CopiedDataset } from '../trainers/dataset/copy-dataset.ts'
import { localFiles } from '../trainers/dataset/dataset-files.ts'
import type { DatasetPlace } from '../trainers/dataset/dataset-place.ts'
import type { Shares, SplitBy } from '../trainers/dataset/manifest.ts'
import { openDataset, serviceOf } from '../trainers/dataset/open-dataset.ts'
import type { CliContext } from './context.ts'
import { ProgressLine } from './progress-line.ts'
import { withDatasets } from './dataset-store.ts'
import { assertBroker } from './dependencies.ts'
import { openPipelineCodec } from './pipeline.ts'
import type { Config } from '../platform/config.ts'
import { withWorkFolder } from './work-folder.ts'

export interface BuildWishes extends Omit<WantedTimes, 'rowsTopic'> {
  /** Name of the replay that has written the feature rows, instead of the stream. */
  readonly replayed?: string
  /** Of the rows; FEATURE_SERVICE when it is left out. */
  readonly featureService?: FeatureServiceName
  readonly split: SplitBy
  readonly seed: number
  readonly shares: Shares
  /** Event time, ms. */
  readonly maturity: number
  /** Id of a data set whose ranges and options are taken, instead of all the above. */
  readonly like?: string
  /** Local folder of data sets, instead of S3. */
  readonly out?: string
}

/** Everything there is, as it is now. */
export const DEFAULT_WISHES: BuildWishes = {
  from: 'beginning',
  to: 'now',
  labelsFrom: 'beginning',
  labelsUntil: 'now',
  split: 'time',
  seed: 0,
  shares: { fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 },
  maturity: 604_800_000,
}

export interface BuiltDataset extends CopiedDataset {
  readonly address: string
}

/**
 * Builds a data set in a folder of its own, then publishes it: what is half built is never where data sets are.
 *
 * @throws as buildDataset; SPL_BROKER_UNAVAILABLE, SPL_REGISTRY_UNAVAILABLE, SPL_S3_UNAVAILABLE before anything is read.
 */
export async function buildInPlace(wishes: BuildWishes, context: CliContext): Promise<BuiltDataset> {
  const config = context.config()
  await assertBroker(config)
  return withDatasets(config, wishes.out, async ({ store, place, addressOf }) => {
    if (wishes.out === undefined) await store.ensureBucket()
    const { codec } = await openPipelineCodec(config, context.signal)
    const source = datasetSource(config, { codec, store })
    const plan = await planOf(wishes, { source, place, config })
    return withWorkFolder(config.STATE_DIR, 'dataset-building', async (folder) => {
      using progress = new ProgressLine(context.stderr, () => performance.now())
      const built = localFiles(folder)
      await buildDataset(plan, {
        source,
        files: built,
        sortFolder: folder,
        nowMs: () => Date.now(),
        onProgress: (step) => progress.show(step),
        signal: context.signal,
      })
      const { id } = (await openDataset(built)).manifest
      return { ...(await copyDataset(built, place.files(id))), address: addressOf(id) }
    })
  })
}

interface PlanDeps {
  readonly source: DatasetSource
  readonly place: DatasetPlace
  readonly config: Config
}

async function planOf(wishes: BuildWishes, { source, place, config }: PlanDeps): Promise<DatasetPlan> {
  const { LINEAGE: lineage } = config
  if (wishes.like === undefined) {
    const { split: by, seed, shares, maturity: maturityMs, replayed, featureService = config.FEATURE_SERVICE } = wishes
    const { name } = topics.reviewFeatures
    const rowsTopic = replayed === undefined ? name : replayName(replayed, name)
    const ranges = await rangesOf(source, { ...wishes, rowsTopic })
    return { lineage, service: FEATURE_SERVICES[featureService], ...ranges, maturityMs, split: { by, seed, shares } }
  }
  const { manifest } = await openDataset(place.files(wishes.like))
  const { rows, labels, maturityMs, split } = manifest
  if (manifest.lineage !== lineage) throw usageError(`${manifest.id} is of LINEAGE ${manifest.lineage}, not ${lineage}`)
  return { lineage, service: serviceOf(manifest), rows, labels, maturityMs, split }
}
