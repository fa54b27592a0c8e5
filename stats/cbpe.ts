import { ranked, rankedRocAuc } from './ranking.ts'

/** Sums over scored rows, from which the quality of their decisions follows if the probabilities are right. */
export interface ExpectedCounts {
  readonly rows: number
  /** Called positive. */
  readonly called: number
  /** Sum of the probabilities. */
  readonly expectedPositives: number
  /** Sum of the probabilities of the called. */
  readonly expectedHits: number
}

/** What decisions are expected to be worth. Null where nothing is to be divided by. */
export interface EstimatedDecisions {
  readonly precision: number | null
  readonly recall: number | null
  readonly f1: number | null
  readonly accuracy: number | null
  readonly specificity: number | null
}

/**
 * Confidence-based performance estimation: what decisions are worth, told without labels. Each row of probability p
 * counts p as a positive and 1 - p as a negative. It holds while the probabilities are calibrated: a change of what
 * spoils at equal features (concept drift) is invisible to it.
 *
 * @see NannyML 0.13, `performance_estimation/confidence_based`
 */
export function estimatedDecisions({
  rows,
  called,
  expectedPositives,
  expectedHits,
}: ExpectedCounts): EstimatedDecisions {
  const missed = expectedPositives - expectedHits
  const rightlyLeft = rows - called - missed
  const over = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)
  return {
    precision: over(expectedHits, called),
    recall: over(expectedHits, expectedPositives),
    f1: over(2 * expectedHits, called + expectedPositives),
    accuracy: over(expectedHits + rightlyLeft, rows),
    specificity: over(rightlyLeft, rows - expectedPositives),
  }
}

/**
 * ROC-AUC that the probabilities promise.
 *
 * @param rows How many have each probability.
 * @returns In [0, 1], or null without rows. O(n log n).
 */
export function estimatedRocAuc(probabilities: readonly number[], rows: readonly number[]): number | null {
  const both = [...probabilities, ...probabilities]
  const weights = both.map((p, i) => (rows[i % probabilities.length] ?? 0) * (i < probabilities.length ? p : 1 - p))
  const ranking = ranked(
    both,
    both.map((_, i) => i < probabilities.length),
  )
  return rankedRocAuc(ranking, weights)
}
