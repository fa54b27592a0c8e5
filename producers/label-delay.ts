import type { Review, ReviewLabel } from '../schemas/generated.ts'
import { seedOf } from '../stats/random.ts'

/** How long after its review a self-declared label is given: uniform in [mean - spread, mean + spread]. */
export interface LabelDelay {
  readonly meanMs: number
  readonly spreadMs: number
}

/** The label of a review that its own data set declares. The delay follows from the review id alone. */
export function delayedLabel(review: Review, isSpoiler: boolean, { meanMs, spreadMs }: LabelDelay): ReviewLabel {
  const jitter = (2 * seedOf(`label-delay ${review.reviewId}`)) / 4_294_967_296 - 1
  return {
    reviewId: review.reviewId,
    userId: review.userId,
    movieId: review.movieId,
    isSpoiler,
    source: 'self-declared',
    labelledAtMs: review.writtenAtMs + Math.max(0, Math.round(meanMs + jitter * spreadMs)),
    revision: 0,
  }
}
