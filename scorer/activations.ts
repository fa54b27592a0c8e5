import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelActivation } from '../schemas/generated.ts'
import type { Serving } from '../inference/score-row.ts'

/** Newest activations of each partition of `review-features`: the scorer's state, restored from `model-activations`. */
export type Activations = ReadonlyMap<string, ModelActivation>

/** Rows of each feature service have activations of their own, and so has each slot. */
export function activationKey(
  { partition, featureService }: Pick<ModelActivation, 'partition' | 'featureService'>,
  slot: string,
): string {
  return `${partition} ${featureService} ${slot}`
}

export type ActivationDecision =
  /** The recorded activation still describes what serves: score on. */
  | { readonly kind: 'unchanged' }
  /** Write this record in the transaction of the partition's first score, then score on. */
  | { readonly kind: 'activate'; readonly activation: ModelActivation }
  /** A newer deployment has scored this partition: do not score it, load that deployment first. */
  | { readonly kind: 'behind'; readonly recordedEpoch: number }

/** @param records of one or more partitions, in log order: of each partition, feature service and slot the last one counts. */
export function restoreActivations(records: Iterable<ModelActivation>): Activations {
  return new Map(Array.from(records, (record) => [activationKey(record, record.slot), record]))
}

/** Of the rows of each feature service the champion's activation of the highest epoch, whatever its partition. */
export async function newestActivations(
  records: AsyncIterable<ModelActivation>,
): Promise<ReadonlyMap<string, ModelActivation>> {
  const newest = new Map<string, ModelActivation>()
  for await (const record of records) {
    const { featureService, deploymentEpoch, slot } = record
    if (slot === CHAMPION && deploymentEpoch >= (newest.get(featureService)?.deploymentEpoch ?? 0))
      newest.set(featureService, record)
  }
  return newest
}

/**
 * What must happen before the rows of a feature service in a partition are scored from `fromOffset` on.
 *
 * @param at Their place: the offset in `review-features` of the next one to be scored.
 */
export function decideActivation(
  recorded: Activations,
  at: Pick<ModelActivation, 'partition' | 'fromOffset' | 'featureService'>,
  serving: Serving,
): ActivationDecision {
  const { deploymentEpoch } = serving
  const last = recorded.get(activationKey(at, CHAMPION))
  if (last !== undefined && deploymentEpoch < last.deploymentEpoch)
    return { kind: 'behind', recordedEpoch: last.deploymentEpoch }
  const activation = activationOf(at, serving, { slot: CHAMPION, mode: 'serve', share: 1 })
  return last !== undefined && isSame(last, activation) ? { kind: 'unchanged' } : { kind: 'activate', activation }
}

/** What is written down when a version begins to score. */
export function activationOf(
  at: Pick<ModelActivation, 'partition' | 'fromOffset' | 'featureService'>,
  { model, deploymentEpoch }: Serving,
  how: Pick<ModelActivation, 'slot' | 'mode' | 'share'>,
): ModelActivation {
  const { name: modelName, version: modelVersion, tier, runtimeFingerprint } = model
  return { ...at, deploymentEpoch, modelName, modelVersion, tier, runtimeFingerprint, ...how }
}

/** The version is a content hash, so it stands for name and tier as well; the share of an epoch is fixed. */
export function isSame(a: ModelActivation, b: ModelActivation): boolean {
  return (
    a.deploymentEpoch === b.deploymentEpoch &&
    a.modelVersion === b.modelVersion &&
    a.runtimeFingerprint === b.runtimeFingerprint &&
    a.mode === b.mode
  )
}
