import type { Deployed } from '../inference/deployment-log.ts'
import type { Model } from '../inference/model.ts'
import type { InputRecord } from '../platform/input-record.ts'
import { pause, whileDependencyIsDown } from '../platform/retry.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ReadRecord } from '../platform/topic-reader.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import type { ModelActivation, ModelDeployment } from '../schemas/generated.ts'
import type { DeploymentTelemetry } from './deployment-telemetry.ts'
import type { Serving } from '../inference/score-row.ts'
import type { ServingModel } from './serving-model.ts'

/**
 * Fetches, verifies and opens a version.
 *
 * @throws SpoilerError `stop` when it cannot serve, SPL_MODEL_INVALID for one; `retry` when a dependency is down.
 */
export type LoadVersion = (version: Deployed) => Promise<Model>

type ReadDeployment = ReadRecord<'modelDeployments'>

/** Writes down that a deployment cannot serve, with its record. */
type Refuse = (record: InputRecord, why: { readonly code: ErrorCode; readonly cause: string }) => Promise<void>

interface Follower {
  readonly load: LoadVersion
  readonly telemetry: DeploymentTelemetry
  readonly signal: AbortSignal
  readonly refuse: Refuse
}

/**
 * The model that a scorer begins with: the newest deployment; if that cannot serve, or its store is down, the one that
 * the ledger recorded last, without which no partition could be scored; the prior when nothing was ever deployed. What
 * could not be had is tried again by {@link followDeployments}, which says what is wrong with it.
 *
 * @param recorded Activation of the highest epoch in the ledger.
 * @throws SpoilerError as {@link LoadVersion} about what the ledger recorded.
 */
export async function firstServing(
  {
    newest,
    recorded,
  }: { readonly newest: ModelDeployment | undefined; readonly recorded: ModelActivation | undefined },
  { load, openPrior }: Pick<Follower, 'load'> & { readonly openPrior: () => Promise<Model> },
): Promise<Serving> {
  const recordedEpoch = recorded?.deploymentEpoch ?? 0
  if (newest !== undefined && newest.deploymentEpoch > recordedEpoch) {
    try {
      return { model: await load(newest), deploymentEpoch: newest.deploymentEpoch }
    } catch (error) {
      if (!(error instanceof SpoilerError)) throw error
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
  deployments: AsyncIterable<ReadDeployment>,
  serving: ServingModel,
  follower: Follower,
): Promise<void> {
  let wanted = serving.newestEpoch
  let overtaken = new AbortController()
  let bringing: Promise<void> = Promise.resolve()
  for await (const { record, decoded } of deployments) {
    if ('poison' in decoded) {
      await follower.refuse(record, { code: decoded.poison, cause: decoded.cause })
      continue
    }
    const deployment = decoded.value
    const { slot, deploymentEpoch } = deployment
    if (slot !== CHAMPION || deploymentEpoch <= wanted) continue
    wanted = deploymentEpoch
    overtaken.abort()
    overtaken = new AbortController()
    const signal = AbortSignal.any([follower.signal, overtaken.signal])
    bringing = bringing.then(() => bring({ record, deployment }, serving, { ...follower, signal }))
  }
  await bringing
}

async function bring(
  { record, deployment }: { readonly record: InputRecord; readonly deployment: ModelDeployment },
  serving: ServingModel,
  follower: Follower,
): Promise<void> {
  const { load, telemetry, signal, refuse } = follower
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
    await refuse(record, { code: error.code, cause: error.message })
  }
}
