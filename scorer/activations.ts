import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelActivation } from '../schemas/generated.ts'
import type { Serving } from '../inference/score-row.ts'

/** Newest activation of each partition of `review-features`: the scorer's state, restored from `model-activations`. */
export type Activations = ReadonlyMap<number, ModelActivation>

export type ActivationDecision =
  /** The recorded activation still describes what serves: score on. */
  | { readonly kind: 'unchanged' }
  /** Write this record in the transaction of the partition's first score, then score on. */
  | { readonly kind: 'activate'; readonly activation: ModelActivation }
  /** A newer deployment has scored this partition: do not score it, load that deployment first. */
  | { readonly kind: 'behind'; readonly recordedEpoch: number }

/** @param records of one or more partitions, in log order: of each partition the last one counts. */
export function restoreActivations(records: Iterable<ModelActivation>): Activations {
  const newest = new Map<number, ModelActivation>()
  for (const record of records) newest.set(record.partition, record)
  return newest
}

/** The activation of the highest epoch, whatever its partition: what a scorer must be able to serve. */
export async function newestActivation(records: AsyncIterable<ModelActivation>): Promise<ModelActivation | undefined> {
  let newest: ModelActivation | undefined
  for await (const record of records) if (record.deploymentEpoch >= (newest?.deploymentEpoch ?? 0)) newest = record
  return newest
}

/**
 * What must happen before a partition is scored from `fromOffset` on.
 *
 * @param fromOffset Offset in `review-features` of the next row to be scored.
 */
export function decideActivation(
  recorded: Activations,
  { partition, fromOffset }: { readonly partition: number; readonly fromOffset: number },
  serving: Serving,
): ActivationDecision {
  const { model, deploymentEpoch } = serving
  const last = recorded.get(partition)
  if (last !== undefined && deploymentEpoch < last.deploymentEpoch)
    return { kind: 'behind', recordedEpoch: last.deploymentEpoch }
  const activation: ModelActivation = {
    partition,
    fromOffset,
    deploymentEpoch,
    modelName: model.name,
    modelVersion: model.version,
    tier: model.tier,
    runtimeFingerprint: model.runtimeFingerprint,
    slot: CHAMPION,
    mode: 'serve',
    share: 1,
  }
  if (last !== undefined && sameServing(last, activation)) return { kind: 'unchanged' }
  return { kind: 'activate', activation }
}

/** The version is a content hash, so it stands for name and tier as well. */
function sameServing(a: ModelActivation, b: ModelActivation): boolean {
  return (
    a.deploymentEpoch === b.deploymentEpoch &&
    a.modelVersion === b.modelVersion &&
    a.runtimeFingerprint === b.runtimeFingerprint
  )
}
