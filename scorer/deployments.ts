import type { Model } from '../inference/model.ts'
import { pause, whileDependencyIsDown } from '../platform/retry.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ModelActivation, ModelDeployment } from '../schemas/generated.ts'
import type { Serving } from './score-row.ts'
import type { ServingModel } from './serving-model.ts'
import type { DeploymentTelemetry } from './deployment-telemetry.ts'

/** What is decided about the model that scores. */
const CHAMPION = 'champion'

/** A version, by name and content, and since which decision it shall serve. */
export type Deployed = Pick<ModelDeployment, 'deploymentEpoch' | 'modelName' | 'modelVersion'> & {
  /** Key of its folder; the place where versions of the name usually are if it is not known. */
  readonly source?: string
}

/**
 * Fetches, verifies and opens a version.
 *
 * @throws SpoilerError `stop` when it cannot serve, SPL_MODEL_INVALID for one; `retry` when a dependency is down.
 */
export type LoadVersion = (version: Deployed) => Promise<Model>

interface Follower {
  readonly load: LoadVersion
  readonly telemetry: DeploymentTelemetry
  readonly signal: AbortSignal
}

/** The newest decision: of equal epochs, which nobody should write, the first. */
export async function newestDeployment(records: AsyncIterable<ModelDeployment>): Promise<ModelDeployment | undefined> {
  let newest: ModelDeployment | undefined
  for await (const record of records)
    if (record.slot === CHAMPION && record.deploymentEpoch > (newest?.deploymentEpoch ?? 0)) newest = record
  return newest
}

/**
 * The model that a scorer begins with: the newest deployment; if that cannot serve, or its store is down, the one that
 * the ledger recorded last, without which no partition could be scored; the prior when nothing was ever deployed.
 *
 * @param recorded Activation of the highest epoch in the ledger.
 * @throws SpoilerError as {@link LoadVersion} about what the ledger recorded.
 */
export async function firstServing(
  {
    newest,
    recorded,
  }: { readonly newest: ModelDeployment | undefined; readonly recorded: ModelActivation | undefined },
  { load, telemetry, openPrior }: Omit<Follower, 'signal'> & { readonly openPrior: () => Promise<Model> },
): Promise<Serving> {
  const recordedEpoch = recorded?.deploymentEpoch ?? 0
  if (newest !== undefined && newest.deploymentEpoch > recordedEpoch) {
    try {
      return { model: await load(newest), deploymentEpoch: newest.deploymentEpoch }
    } catch (error) {
      if (!(error instanceof SpoilerError)) throw error
      if (error.onError === 'retry') telemetry.waiting(newest, error)
      else telemetry.refused(newest, error)
    }
  }
  if (recorded === undefined || recordedEpoch === 0) return { model: await openPrior(), deploymentEpoch: 0 }
  const known = newest?.deploymentEpoch === recordedEpoch ? newest : recorded
  return { model: await load(known), deploymentEpoch: recordedEpoch }
}

/**
 * Brings every deployment that is newer than what serves, one after the other; one that was overtaken is left out. A
 * version that cannot serve is refused: what serves goes on. While a dependency is down it is tried again.
 */
export async function followDeployments(
  records: AsyncIterable<ModelDeployment>,
  serving: ServingModel,
  follower: Follower,
): Promise<void> {
  let wanted = serving.newestEpoch
  let overtaken = new AbortController()
  let bringing: Promise<void> = Promise.resolve()
  for await (const deployment of records) {
    if (deployment.slot !== CHAMPION || deployment.deploymentEpoch <= wanted) continue
    wanted = deployment.deploymentEpoch
    overtaken.abort()
    overtaken = new AbortController()
    const signal = AbortSignal.any([follower.signal, overtaken.signal])
    bringing = bringing.then(() => bring(deployment, serving, { ...follower, signal }))
  }
  await bringing
}

async function bring(deployment: ModelDeployment, serving: ServingModel, follower: Follower): Promise<void> {
  const { load, telemetry, signal } = follower
  const { deploymentEpoch } = deployment
  try {
    const model = await whileDependencyIsDown(() => load(deployment), {
      signal,
      pause,
      onUp: () => undefined,
      onDown: (error) => {
        telemetry.waiting(deployment, error)
      },
    })
    if (model === undefined) return
    if (signal.aborted) await model[Symbol.asyncDispose]()
    else serving.replace({ model, deploymentEpoch })
  } catch (error) {
    if (!(error instanceof SpoilerError)) throw error
    telemetry.refused(deployment, error)
  }
}
