import { versionSource } from '../connectors/model-registry.ts'
import { decideDeployment, deploymentFor, newestDeployments } from '../inference/deployment-log.ts'
import type { Config } from '../platform/config.ts'
import { openRecordPublisher } from '../platform/record-publisher.ts'
import { committedValues } from '../platform/topic-values.ts'
import type { ModelDeployment } from '../schemas/generated.ts'
import { newestActivations } from '../scorer/activations.ts'
import type { Dataset } from '../trainers/dataset/open-dataset.ts'
import { type GateDeps, type GateOutcome, type PlacedVersion, placedPrior, runGate } from './gate.ts'
import { ensurePipelineTopics, openPipelineCodec, readingCodec } from './pipeline.ts'

export interface Deployment {
  /** `kept`: what serves goes on. */
  readonly outcome: 'deployed' | 'kept'
  readonly reason: string
  /** Of the gate: key of its report in the object store, and the page. */
  readonly gate: Pick<GateOutcome, 'report' | 'page'>
}

interface Candidate {
  readonly challenger: PlacedVersion
  readonly dataset: Dataset
  readonly seed: number
}

type DeployDeps = Omit<GateDeps, 'prefix'> & { readonly config: Config }

/**
 * Lets a version serve when the gate lets it through.
 *
 * @throws SpoilerError as {@link runGate}; SPL_BROKER_UNAVAILABLE, SPL_REGISTRY_UNAVAILABLE.
 */
export async function deployIfBetter(candidate: Candidate, deps: DeployDeps): Promise<Deployment> {
  const { config, signal } = deps
  await ensurePipelineTopics(config, signal)
  const { codec } = await openPipelineCodec(config, signal)
  const { decision, ...gate } = await gateAgainstChampion(candidate, deps)
  if (!decision.passed) return { outcome: 'kept', reason: decision.reason, gate }
  const { name, version, source } = candidate.challenger
  await using publisher = await openRecordPublisher(config, codec, 'shield-train')
  const append = async (deployment: ModelDeployment): Promise<void> => {
    await publisher.publish('modelDeployments', deployment)
    await publisher.flush()
  }
  const decided = { decidedAtMs: Date.now(), decidedBy: 'shield train', reason: decision.reason }
  const { featureService } = candidate.dataset.manifest
  const what = { modelName: name, modelVersion: version, featureService, source, gateReport: gate.report }
  const read = () => committedValues(config, codec, 'modelDeployments')
  await decideDeployment({ ...what, ...decided }, { read, append })
  return { outcome: 'deployed', reason: decision.reason, gate }
}

/** The gate, against what shall score now. */
export async function gateAgainstChampion(candidate: Candidate, deps: DeployDeps): Promise<GateOutcome> {
  const champion = await championNow(deps.config, candidate.dataset.manifest.featureService)
  return runGate({ ...candidate, champion }, { ...deps, prefix: deps.config.S3_PREFIX })
}

/** What was decided last about rows of a feature service, or what the ledger says has scored since: where one of them names a version it must be had. */
async function championNow(config: Config, featureService: string): Promise<PlacedVersion> {
  const codec = readingCodec(config)
  const [deployed, activations] = await Promise.all([
    newestDeployments(committedValues(config, codec, 'modelDeployments')),
    newestActivations(committedValues(config, codec, 'modelActivations')),
  ])
  const [newest, recorded] = [deploymentFor(deployed, featureService), activations.get(featureService)]
  if (newest !== undefined && newest.deploymentEpoch >= (recorded?.deploymentEpoch ?? 0))
    return { name: newest.modelName, version: newest.modelVersion, source: newest.source }
  if (recorded === undefined || recorded.deploymentEpoch === 0) return placedPrior()
  const version = { name: recorded.modelName, version: recorded.modelVersion }
  return { ...version, source: versionSource(config.S3_PREFIX, version) }
}
