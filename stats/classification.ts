/** Decisions at a threshold against the labels. Null where nothing is to be divided by. */
export interface Decisions {
  /** Share of the called that are positive; null when nothing is called. */
  readonly precision: number | null
  /** Share of the positives that are called; null without positives. */
  readonly recall: number | null
  /** 2 tp / (2 tp + fp + fn); null when nothing is called and nothing positive. */
  readonly f1: number | null
}

/**
 * Precision, recall and F1 of calling positive what scores at or above the threshold.
 *
 * @param weights How often each row counts; each once without them.
 */
export function decisionsAt(
  threshold: number,
  scores: ArrayLike<number>,
  labels: ArrayLike<boolean>,
  weights?: ArrayLike<number>,
): Decisions {
  const counts = { hits: 0, called: 0, positives: 0 }
  for (let i = 0; i < scores.length; i++) {
    const weight = weights === undefined ? 1 : (weights[i] as number)
    const called = (scores[i] as number) >= threshold
    if (called) counts.called += weight
    if (labels[i] === true) counts.positives += weight
    if (called && labels[i] === true) counts.hits += weight
  }
  const { hits, called, positives } = counts
  return { precision: over(hits, called), recall: over(hits, positives), f1: over(2 * hits, called + positives) }
}

function over(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}

/**
 * Brier score: mean squared distance of probability and outcome. Always saying the share p of positives has p (1 - p).
 *
 * @param weights How often each row counts; each once without them.
 * @returns In [0, 1], or null without rows.
 */
export function brierScore(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<boolean>,
  weights?: ArrayLike<number>,
): number | null {
  let sum = 0
  let rows = 0
  for (let i = 0; i < probabilities.length; i++) {
    const weight = weights === undefined ? 1 : (weights[i] as number)
    const distance = (probabilities[i] as number) - (labels[i] === true ? 1 : 0)
    sum += weight * distance * distance
    rows += weight
  }
  return over(sum, rows)
}

/** Rows whose probabilities lie in [from, to); the last bin includes its end. */
export interface CalibrationBin {
  readonly from: number
  readonly to: number
  readonly rows: number
  /** Null without rows, as the next. */
  readonly meanProbability: number | null
  readonly positiveShare: number | null
}

/**
 * Rows by their probability, in bins of equal width over [0, 1].
 *
 * @param options `weights`: how often each row counts; each once without them.
 * @throws RangeError beyond that range.
 */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<boolean>,
  { count = 10, weights }: { readonly count?: number; readonly weights?: ArrayLike<number> } = {},
): CalibrationBin[] {
  const sums = Array.from({ length: count }, () => ({ rows: 0, probability: 0, positives: 0 }))
  for (let i = 0; i < probabilities.length; i++) {
    const probability = probabilities[i] as number
    const bin = sums[probability === 1 ? count - 1 : Math.floor(probability * count)]
    if (bin === undefined) throw new RangeError(`${probability} is no probability`)
    const weight = weights === undefined ? 1 : (weights[i] as number)
    bin.rows += weight
    bin.probability += weight * probability
    if (labels[i] === true) bin.positives += weight
  }
  return sums.map(({ rows, probability, positives }, i) => ({
    from: i / count,
    to: (i + 1) / count,
    rows,
    meanProbability: over(probability, rows),
    positiveShare: over(positives, rows),
  }))
}

/**
 * Expected calibration error: distance of mean probability and share of positives, averaged over the rows of all bins.
 *
 * @returns In [0, 1], or null without rows.
 * @see Guo et al. (2017), On calibration of modern neural networks, section 3
 */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number | null {
  const distances = bins.map(({ rows, meanProbability, positiveShare }) => {
    return rows * Math.abs((meanProbability ?? 0) - (positiveShare ?? 0))
  })
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0)
  return over(
    distances.reduce((sum, distance) => sum + distance, 0),
    rows,
  )
}
