import { ranked, rankedRocAuc } from './ranking.ts'

/** ROC-AUC of scores, see {@link rankedRocAuc}. O(n log n). @throws RangeError as {@link ranked}. */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<boolean>): number | null {
  return rankedRocAuc(ranked(scores, labels))
}
