/** Scores in descending order with their labels: sorted once, so that each resample of a bootstrap is one pass. */
export interface Ranking {
  /** Row indices, highest score first. */
  readonly order: Uint32Array
  /** By rank: 1 where the next row has another score, or there is none. */
  readonly endsTie: Uint8Array
  /** By rank: 1 is positive. */
  readonly positive: Uint8Array
}

/**
 * @param scores Any finite scale; only the order matters.
 * @param labels Same length; true is positive.
 * @throws RangeError if the lengths differ or a score is NaN. O(n log n).
 */
export function ranked(scores: ArrayLike<number>, labels: ArrayLike<boolean>): Ranking {
  if (scores.length !== labels.length) throw new RangeError(`${scores.length} scores, ${labels.length} labels`)
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i)
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number))
  const scoreAt = (rank: number): number => scores[order[rank] as number] as number
  const endsTie = Uint8Array.from(order, (_, rank) => (scoreAt(rank) === scoreAt(rank + 1) ? 0 : 1))
  for (let i = 0; i < scores.length; i++) if (Number.isNaN(scores[i])) throw new RangeError('a score is NaN')
  return { order, endsTie, positive: Uint8Array.from(order, (row) => (labels[row] === true ? 1 : 0)) }
}

/**
 * Area under the ROC curve: the probability that a random positive scores above a random negative, ties counting half.
 *
 * @param weights How often each row counts, by row index; each once without them.
 * @returns In [0, 1], or null if a class is missing. O(n).
 * @see Hanley and McNeil (1982), Radiology 143, 29-36
 */
export function rankedRocAuc({ order, endsTie, positive }: Ranking, weights?: ArrayLike<number>): number | null {
  let positives = 0
  let negatives = 0
  let won = 0
  const tie = { positives: 0, negatives: 0 }
  for (let rank = 0; rank < order.length; rank++) {
    const weight = weights === undefined ? 1 : (weights[order[rank] as number] as number)
    if (positive[rank] === 1) tie.positives += weight
    else tie.negatives += weight
    if (endsTie[rank] === 0) continue
    won += tie.negatives * (positives + tie.positives / 2)
    positives += tie.positives
    negatives += tie.negatives
    tie.positives = tie.negatives = 0
  }
  return positives === 0 || negatives === 0 ? null : won / (positives * negatives)
}

/**
 * Average precision, the area under the precision-recall curve as a sum of steps, without interpolation; rows with
 * equal scores are one step. A coin has the share of positives.
 *
 * @param weights How often each row counts, by row index; each once without them.
 * @returns In [0, 1], or null without positives. O(n).
 * @see scikit-learn, `average_precision_score`
 */
export function rankedAveragePrecision(
  { order, endsTie, positive }: Ranking,
  weights?: ArrayLike<number>,
): number | null {
  let positives = 0
  let rows = 0
  let ofTie = 0
  let sum = 0
  for (let rank = 0; rank < order.length; rank++) {
    const weight = weights === undefined ? 1 : (weights[order[rank] as number] as number)
    rows += weight
    if (positive[rank] === 1) ofTie += weight
    if (endsTie[rank] === 0 || ofTie === 0) continue
    positives += ofTie
    sum += (ofTie * positives) / rows
    ofTie = 0
  }
  return positives === 0 ? null : sum / positives
}

/**
 * F1 at the threshold that serves it best: an upper bound of what a threshold chosen beforehand can reach.
 *
 * @param weights How often each row counts, by row index; each once without them.
 * @returns In [0, 1], or null without positives. O(n).
 */
export function bestF1({ order, endsTie, positive }: Ranking, weights?: ArrayLike<number>): number | null {
  const weightAt = (rank: number): number => (weights === undefined ? 1 : (weights[order[rank] as number] as number))
  const positives = positive.reduce((sum, one, rank) => sum + one * weightAt(rank), 0)
  if (positives === 0) return null
  let [hits, rows, best] = [0, 0, 0]
  for (let rank = 0; rank < order.length; rank++) {
    hits += (positive[rank] as number) * weightAt(rank)
    rows += weightAt(rank)
    if (endsTie[rank] === 1) best = Math.max(best, (2 * hits) / (rows + positives))
  }
  return best
}
