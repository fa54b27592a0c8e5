import type { Review, ReviewLabel } from '../../schemas/generated.ts'

/** Strength with which a review tells the story. */
export type Retelling = 'none' | 'hint' | 'turns' | 'ending'

/** A review with what only the generator knows. */
export interface SimulatedReview {
  readonly review: Review
  readonly retelling: Retelling
  /** True probability that the review counts as a spoiler, given everything that the generator knows. */
  readonly probability: number
  /** Drawn from `probability`. */
  readonly isSpoiler: boolean
  /** The author's first review. */
  readonly isFirstOfUser: boolean
  /** Revisions in ascending order; the last agrees with `isSpoiler`. Empty if nobody ever labels the review. */
  readonly labels: readonly ReviewLabel[]
}
