/**
 * Area under the ROC curve: the probability that a random positive scores above a random negative, ties counting half.
 *
 * @param scores Any finite scale; only the order matters.
 * @param labels Same length; true is positive.
 * @returns In [0, 1], or null if a class is missing. O(n log n).
 * @throws RangeError if the lengths differ or a score is NaN.
 * @see Hanley and McNeil (1982), Radiology 143, 29-36; by the rank sum of Mann and Whitney.
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<boolean>): number | null {
  if (scores.length !== labels.length) throw new RangeError(`${scores.length} scores, ${labels.length} labels`)
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i)
  order.sort((a, b) => (scores[a] as number) - (scores[b] as number))
  let positives = 0
  let rankSum = 0
  for (let from = 0; from < order.length;) {
    const score = scores[order[from] as number] as number
    if (Number.isNaN(score)) throw new RangeError('a score is NaN')
    let to = from
    let tiedPositives = 0
    for (; to < order.length && scores[order[to] as number] === score; to++)
      if (labels[order[to] as number] === true) tiedPositives++
    positives += tiedPositives
    rankSum += tiedPositives * ((from + 1 + to) / 2) // mean rank of the tie, ranks from 1
    from = to
  }
  const negatives = order.length - positives
  if (positives === 0 || negatives === 0) return null
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}
