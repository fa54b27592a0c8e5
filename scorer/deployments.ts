import { type Deployed, deploymentFor } from '../inference/deployment-log.ts'
import type { Model } from '../inference/model.ts'
import type { InputRecord } from '../platform/input-record.ts'
import { pause, whileDependencyIsDown } from '../platform/retry.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ReadRecord } from '../platform/topic-reader.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import { FEATURE_SERVICE_NAMES, placesRead } from '../schemas/feature-services.ts'
import type { ModelActivation, ModelDeployment } from '../schemas/generated.ts'
import type { DeploymentTelemetry } from './deployment-telemetry.ts'
import type { Serving } from '../inference/score-row.ts'
import type { ServingModels } from './serving-models.ts'

/**
 * Fetches, verifies and opens a version.
 *
 * @throws SpoilerError `stop` when it cannot serve, SPL_MODEL_INVALID for one; `retry` when a dependency is down.
 */
export type LoadVersion = (version: Deployed) => Promise<Model>

export type ReadDeployment = ReadRecord<'modelDeployments'>

/** Writes down that a deployment cannot serve, with its record. */
type Refuse = (record: InputRecord, why: { readonly code: ErrorCode; readonly cause: string }) => Promise<void>

export interface Follower {
  readonly load: LoadVersion
  readonly telemetry: Pick<DeploymentTelemetry, 'waiting' | 'refused'>
  readonly signal: AbortSignal
  readonly refuse: Refuse
}

interface Recorded {
  /** Newest decision about each feature service that models read. */
  readonly newest: ReadonlyMap<string, ModelDeployment>
  /** Of the rows of each feature service the activation of the highest epoch in the ledger. */
  readonly recorded: ReadonlyMap<string, ModelActivation>
}
type FirstDeps = Pick<Follower, 'load'> & { readonly openPrior: () => Promise<Model> }

/**
 * The models that a scorer begins with, for the rows of each feature service: the newest deployment that reads them; if
 * that cannot serve, or its store is down, the one that the ledger recorded last, without which no partition could be
 * scored; the prior when nothing was ever deployed. What could not be had is tried again by {@link followDeployments},
 * which says what is wrong with it.
 *
 * @throws SpoilerError as {@link LoadVersion} about what the ledger recorded.
 */
export async function firstServings({ newest, recorded }: Recorded, deps: FirstDeps): Promise<readonly Serving[]> {
  await using opening = new AsyncDisposableStack()
  const opened = new Map<number, Serving>()
  // one after the other: services often share a model, which is opened once
  const once = async (deploymentEpoch: number, open: () => Promise<Model>): Promise<Serving> => {
    const serving = opened.get(deploymentEpoch) ?? { model: opening.use(await open()), deploymentEpoch }
    opened.set(deploymentEpoch, serving)
    return serving
  }
  for (const name of FEATURE_SERVICE_NAMES)
    await firstServing({ newest: deploymentFor(newest, name), recorded: recorded.get(name) }, { ...deps, once })
  opening.move()
  return [...opened.values()]
}

async function firstServing(
  {
    newest,
    recorded,
  }: { readonly newest: ModelDeployment | undefined; readonly recorded: ModelActivation | undefined },
  {
    load,
    openPrior,
    once,
  }: FirstDeps & { readonly once: (epoch: number, open: () => Promise<Model>) => Promise<Serving> },
): Promise<Serving> {
  const recordedEpoch = recorded?.deploymentEpoch ?? 0
  if (newest !== undefined && newest.deploymentEpoch > recordedEpoch) {
    try {
      return await once(newest.deploymentEpoch, () => loadDeclared(newest, load))
    } catch (error) {
      if (!(error instanceof SpoilerError)) throw error
    }
  }
  if (recorded === undefined || recordedEpoch === 0) return once(0, openPrior)
  const known = newest?.deploymentEpoch === recordedEpoch ? newest : recorded
  return once(recordedEpoch, () => load(known))
}

/** A version that reads what its deployment says. */
async function loadDeclared(deployment: ModelDeployment, load: LoadVersion): Promise<Model> {
  const { modelName, modelVersion, featureService } = deployment
  const model = await load(deployment)
  if (model.featureService === featureService) return model
  await model[Symbol.asyncDispose]()
  const problem = `it reads ${model.featureService}, its deployment says ${featureService}`
  throw new SpoilerError('SPL_MODEL_INVALID', `loading ${modelName} ${modelVersion}: ${problem}`, { onError: 'stop' })
}

/**
 * Brings every deployment that is newer than what serves, one after the other; one that was overtaken is left out. A
 * version that cannot serve is refused: what serves goes on. While a dependency is down it is tried again.
 */
export async function followDeployments(
  deployments: AsyncIterable<ReadDeployment>,
  serving: ServingModels,
  follower: Follower,
): Promise<void> {
  const wanted = new Map<string, number>(FEATURE_SERVICE_NAMES.map((name) => [name, serving.newestEpoch(name)]))
  const overtaken = new Map<string, AbortController>()
  let bringing: Promise<void> = Promise.resolve()
  for await (const { record, decoded } of deployments) {
    if ('poison' in decoded) {
      await follower.refuse(record, { code: decoded.poison, cause: decoded.cause })
      continue
    }
    const deployment = decoded.value
    const { slot, deploymentEpoch, featureService } = deployment
    const overtakes = overtakenBy(deployment, wanted)
    if (slot !== CHAMPION || overtakes.length === 0) continue
    for (const name of overtakes) wanted.set(name, deploymentEpoch)
    overtaken.get(featureService)?.abort()
    const own = new AbortController()
    overtaken.set(featureService, own)
    const signal = AbortSignal.any([follower.signal, own.signal])
    bringing = bringing.then(() => bring({ record, deployment }, serving, { ...follower, signal }))
  }
  await bringing
}

/** Feature services whose rows it is the newest for; of a service that this code does not know: itself, to be refused. */
function overtakenBy(
  { featureService, deploymentEpoch }: ModelDeployment,
  wanted: ReadonlyMap<string, number>,
): readonly string[] {
  const known = wanted.keys().filter((name) => placesRead(name, featureService) !== undefined)
  const names = [...known]
  return (names.length > 0 ? names : [featureService]).filter((name) => deploymentEpoch > (wanted.get(name) ?? 0))
}

async function bring(
  { record, deployment }: { readonly record: InputRecord; readonly deployment: ModelDeployment },
  serving: ServingModels,
  follower: Follower,
): Promise<void> {
  const { deploymentEpoch } = deployment
  await bringModel({ record, deployment }, follower, (model) => {
    serving.replace({ model, deploymentEpoch })
  })
}

/** Hands over the model of a deployment, unless it was overtaken meanwhile; what cannot be loaded is refused. */
export async function bringModel(
  { record, deployment }: { readonly record: InputRecord; readonly deployment: ModelDeployment },
  { load, telemetry, signal, refuse }: Follower,
  take: (model: Model) => void,
): Promise<void> {
  try {
    const model = await whileDependencyIsDown(() => loadDeclared(deployment, load), {
      signal,
      pause,
      onUp: () => undefined,
      onDown: (error) => {
        telemetry.waiting(deployment, error)
      },
    })
    if (model === undefined) return
    if (signal.aborted) await model[Symbol.asyncDispose]()
    else take(model)
  } catch (error) {
    if (!(error instanceof SpoilerError)) throw error
    telemetry.refused(deployment, error)
    await refuse(record, { code: error.code, cause: error.message })
  }
}
