import { CHALLENGER, CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelActivation } from '../schemas/generated.ts'
import { murmur3 } from '../schemas/murmur3.ts'

const UINT32 = 2 ** 32
const utf8 = new TextEncoder()

/**
 * Whether a review belongs to the share that a challenger scores: by a hash of its id, so that every revision of it,
 * every instance and every replay say the same. A larger share holds every review of a smaller one.
 *
 * @param share 0 is none, 1 is all.
 */
export function isInShare(reviewId: string, share: number): boolean {
  // the salt keeps it apart from other samples by the hash of the id
  return (murmur3(utf8.encode(`challenger ${reviewId}`)) >>> 0) / UINT32 < share
}

/** A row, as the ledger knows it. */
interface LedgerPlace {
  readonly partition: number
  readonly offset: number
  readonly featureService: string
}

/** What the ledger says of a slot at a row. @param activations In log order per partition. */
export function activationAt(
  activations: readonly ModelActivation[],
  { partition, offset, featureService }: LedgerPlace,
  slot: string,
): ModelActivation | undefined {
  return activations.findLast(
    (activation) =>
      activation.partition === partition &&
      activation.featureService === featureService &&
      activation.slot === slot &&
      activation.fromOffset <= offset,
  )
}

/** The activation whose model answered for a review. @param activations In log order per partition. */
export function answeringActivation(
  activations: readonly ModelActivation[],
  row: LedgerPlace & { readonly reviewId: string },
): ModelActivation | undefined {
  const challenger = activationAt(activations, row, CHALLENGER)
  if (challenger?.mode === 'canary' && isInShare(row.reviewId, challenger.share)) return challenger
  return activationAt(activations, row, CHAMPION)
}
