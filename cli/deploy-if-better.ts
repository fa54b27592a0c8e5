import type { S3ObjectStore } from '../connectors/s3-object-store.ts'
import { fetchVersion } from '../connectors/model-registry.ts'
import { decideDeployment, deploymentFor, newestDeployments } from '../inference/deployment-log.ts'
import { declaredVersion } from '../inference/manifest.ts'
import type { Model } from '../inference/model.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import type { Config } from '../platform/config.ts'
import { openRecordPublisher } from '../platform/record-publisher.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { committedValues } from '../platform/topic-values.ts'
import type { ModelDeployment } from '../schemas/generated.ts'
import type { TrainedVersion } from '../trainers/baseline/train-baseline.ts'
import { type Dataset, rowsIn, serviceOf } from '../trainers/dataset/open-dataset.ts'
import { compareScorers, type Gain } from '../trainers/evaluation/figures.ts'
import { scoreRows } from '../trainers/evaluation/scored-rows.ts'
import { verdictOf } from '../trainers/evaluation/verdict.ts'
import { ensurePipelineTopics, openPipelineCodec } from './pipeline.ts'
import type { Progress } from './progress-line.ts'

export interface Deployment {
  /** `kept`: what serves goes on. */
  readonly outcome: 'deployed' | 'kept'
  readonly reason: string
}

interface Candidate {
  readonly trained: TrainedVersion
  /** Key of its folder in the object store. */
  readonly source: string
  readonly dataset: Dataset
  readonly seed: number
}

interface DeployDeps {
  readonly config: Config
  readonly store: S3ObjectStore
  readonly signal: AbortSignal
  /** Not there yet: gets what serves. */
  readonly folder: string
  readonly onProgress: (progress: Progress) => void
}

/**
 * Lets a version serve when it is shown to be better than what does, than the prior and than length alone, on the same
 * held-out rows. What serves may have seen some of these rows: then the comparison favours it.
 *
 * @throws SpoilerError SPL_BROKER_UNAVAILABLE, SPL_REGISTRY_UNAVAILABLE, SPL_S3_UNAVAILABLE, …
 */
export async function deployIfBetter(candidate: Candidate, deps: DeployDeps): Promise<Deployment> {
  const { config, signal } = deps
  const { name, version, report } = candidate.trained
  await ensurePipelineTopics(config, signal)
  const { codec } = await openPipelineCodec(config, signal)
  const read = () => committedValues(config, codec, 'modelDeployments')
  const { featureService } = candidate.dataset.manifest
  const serving = deploymentFor(await newestDeployments(read()), featureService)
  if (serving?.modelName === name && serving.modelVersion === version)
    return { outcome: 'kept', reason: 'it serves already' }
  const overServing = serving === undefined ? [] : await gainOverServing(candidate, serving, deps)
  if (overServing instanceof SpoilerError)
    return { outcome: 'kept', reason: `what serves cannot be compared with: ${overServing.message}` }
  const { isBetter, reason } = verdictOf([...overServing, ...report.gains])
  if (!isBetter) return { outcome: 'kept', reason }
  await using publisher = await openRecordPublisher(config, codec, 'shield-train')
  const append = async (deployment: ModelDeployment): Promise<void> => {
    await publisher.publish('modelDeployments', deployment)
    await publisher.flush()
  }
  const { source } = candidate
  const decided = { decidedAtMs: Date.now(), decidedBy: 'shield train', reason }
  await decideDeployment(
    { modelName: name, modelVersion: version, featureService, source, ...decided },
    { read, append },
  )
  return { outcome: 'deployed', reason }
}

/** Nothing when the prior serves, which every report has; an error when what serves cannot be had. */
async function gainOverServing(
  { trained: { scored }, dataset, seed }: Candidate,
  { modelName, modelVersion, source }: ModelDeployment,
  { store, signal, folder, onProgress }: DeployDeps,
): Promise<readonly Gain[] | SpoilerError> {
  const prior = await declaredVersion(PRIOR_FOLDER)
  if (prior.name === modelName && prior.version === modelVersion) return []
  let opened: Model
  try {
    await fetchVersion(store, source, folder)
    opened = await loadModelVersion(folder)
  } catch (error) {
    if (error instanceof SpoilerError && error.onError === 'stop') return error
    throw error
  }
  await using model = opened
  const total = rowsIn(dataset.manifest, 'gate')
  const onRows = (done: number): void => onProgress({ step: 'scoring by what serves', done, total })
  const options = { service: serviceOf(dataset.manifest), lengthThreshold: Infinity, signal, onRows }
  const { scorers } = await scoreRows(dataset.rows('gate'), { [`${modelName}@${modelVersion}`]: model }, options)
  const [own, theirs] = [scored.scorers[0], scorers[0]]
  if (own === undefined || theirs === undefined) throw new RangeError('rows were scored by nobody')
  return compareScorers(scored.labels, [own, theirs], { seed }).gains
}
