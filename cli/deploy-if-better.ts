import { userInfo } from 'node:os'
import { versionSource } from '../connectors/model-registry.ts'
import { deploymentFor, newestDeployments } from '../inference/deployment-log.ts'
import type { Config } from '../platform/config.ts'
import { committedValues } from '../platform/topic-values.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import { newestActivations } from '../scorer/activations.ts'
import type { Dataset } from '../trainers/dataset/open-dataset.ts'
import { deployByControl } from './control-commands.ts'
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
  const { featureService } = candidate.dataset.manifest
  const what = { slot: CHAMPION, modelName: name, modelVersion: version, featureService, source }
  await deployByControl(
    { ...what, gateReport: gate.report, reason: decision.reason },
    { config, codec, signal, by: userInfo().username },
  )
  return { outcome: 'deployed', reason: decision.reason, gate }
}

/** The gate, against what shall score now, and under which deployment epoch that was decided. */
export async function gateAgainstChampion(
  candidate: Candidate,
  deps: DeployDeps,
): Promise<GateOutcome & { readonly championEpoch: number }> {
  const { champion, championEpoch } = await championNow(deps.config, candidate.dataset.manifest.featureService)
  return { ...(await runGate({ ...candidate, champion }, { ...deps, prefix: deps.config.S3_PREFIX })), championEpoch }
}

interface ChampionNow {
  readonly champion: PlacedVersion
  /** Of the newest decision; 0 without any. */
  readonly championEpoch: number
}

/** What was decided last about rows of a feature service, or what the ledger says has scored since: where one of them names a version it must be had. */
async function championNow(config: Config, featureService: string): Promise<ChampionNow> {
  const codec = readingCodec(config)
  const [deployed, activations] = await Promise.all([
    newestDeployments(committedValues(config, codec, 'modelDeployments')),
    newestActivations(committedValues(config, codec, 'modelActivations')),
  ])
  const [newest, recorded] = [deploymentFor(deployed, featureService), activations.get(featureService)]
  const championEpoch = newest?.deploymentEpoch ?? 0
  if (newest !== undefined && newest.deploymentEpoch >= (recorded?.deploymentEpoch ?? 0)) {
    const { modelName: name, modelVersion: version, source } = newest
    return { champion: { name, version, source }, championEpoch }
  }
  if (recorded === undefined || recorded.deploymentEpoch === 0) return { champion: await placedPrior(), championEpoch }
  const version = { name: recorded.modelName, version: recorded.modelVersion }
  return { champion: { ...version, source: versionSource(config.S3_PREFIX, version) }, championEpoch }
}
