/** How far two distributions over the same bins are apart, from integer counts alone: what counts is mergeable. */
import { chiSquareQuantile } from './chi-square.ts'

/** Stands for the share of an empty bin in the stability index, which has no value for it. */
const EMPTY_SHARE = 1e-4
/** Beside shares that are smaller still an empty bin counts as their millionth. */
const OF_SMALLEST_SHARE = 1e-6
const LEAST_DEVIATION = 1e-3

/**
 * Population stability index: sum of (r - c) ln(r / c) over the shares of the bins. 0 for equal shares. An empty bin
 * counts as {@link EMPTY_SHARE}, and for nothing where it is empty on both sides.
 *
 * @throws RangeError as {@link sharesOf}.
 * @see Evidently 0.7, `psi`: equal on equal bins. It lays its bins anew over each pair of samples, these are fixed.
 */
export function stabilityIndex(reference: readonly number[], current: readonly number[]): number {
  const before = withoutEmpty(sharesOf(reference, current.length))
  const after = withoutEmpty(sharesOf(current, reference.length))
  return before.reduce((sum, share, i) => {
    if (reference[i] === 0 && current[i] === 0) return sum
    const other = after[i] as number
    return sum + (share - other) * Math.log(share / other)
  }, 0)
}

/**
 * What the stability index of two samples of one distribution exceeds with probability `alpha`. The usual .1 and .25
 * know neither the number of rows nor that of bins.
 *
 * @param bins that hold anything, from 2.
 * @see B. Yurdakul (2018), Statistical properties of population stability index, Western Michigan University
 */
export function stabilityCritical(bins: number, rows: readonly [number, number], alpha: number): number {
  return chiSquareQuantile(bins - 1, alpha) * (1 / rows[0] + 1 / rows[1])
}

/**
 * Jensen-Shannon distance: root of the divergence, natural logarithm. 0 for equal shares, sqrt(ln 2) for disjoint ones;
 * empty bins need no filling.
 *
 * @throws RangeError as {@link sharesOf}.
 */
export function jensenShannonDistance(reference: readonly number[], current: readonly number[]): number {
  const before = sharesOf(reference, current.length)
  const after = sharesOf(current, reference.length)
  const divergence = before.reduce((sum, share, i) => {
    const other = after[i] as number
    const middle = (share + other) / 2
    return sum + (entropyTerm(share, middle) + entropyTerm(other, middle)) / 2
  }, 0)
  return Math.sqrt(Math.max(0, divergence))
}

function entropyTerm(share: number, middle: number): number {
  return share === 0 ? 0 : share * Math.log(share / middle)
}

/**
 * Kolmogorov-Smirnov statistic: largest difference of the cumulated shares. On bins it is at most that of the values
 * themselves, and equal to it when every value has a bin of its own.
 *
 * @returns The difference, and behind which bin it stands; `rise` is current less reference.
 * @throws RangeError as {@link sharesOf}.
 */
export function kolmogorovSmirnov(
  reference: readonly number[],
  current: readonly number[],
): { readonly distance: number; readonly bin: number; readonly rise: number } {
  const differences = cumulatedDifferences(reference, current)
  let bin = 0
  differences.forEach((difference, i) => {
    if (Math.abs(difference) > Math.abs(differences[bin] as number)) bin = i
  })
  const rise = differences[bin] as number
  return { distance: Math.abs(rise), bin, rise }
}

/**
 * Wasserstein distance in standard deviations of the reference (at least {@link LEAST_DEVIATION}), as if every value
 * stood at the place of its bin.
 *
 * @param places of the bins, ascending.
 * @throws RangeError as {@link sharesOf}.
 */
export function wassersteinDistance(
  places: readonly number[],
  reference: readonly number[],
  current: readonly number[],
): number {
  const differences = cumulatedDifferences(reference, current)
  const moved = differences.reduce((sum, difference, i) => {
    const place = places[i] as number
    return sum + Math.abs(difference) * ((places[i + 1] ?? place) - place)
  }, 0)
  return moved / Math.max(deviationOf(places, reference), LEAST_DEVIATION)
}

/** Current less reference, cumulated up to each bin. */
function cumulatedDifferences(reference: readonly number[], current: readonly number[]): number[] {
  const before = sharesOf(reference, current.length)
  const after = sharesOf(current, reference.length)
  let sum = 0
  return before.map((share, i) => {
    sum += (after[i] as number) - share
    return sum
  })
}

function deviationOf(places: readonly number[], counts: readonly number[]): number {
  const shares = sharesOf(counts, places.length)
  const mean = shares.reduce((sum, share, i) => sum + share * (places[i] as number), 0)
  return Math.sqrt(shares.reduce((sum, share, i) => sum + share * ((places[i] as number) - mean) ** 2, 0))
}

/** @throws RangeError without rows, or when the bins are not as many as they should be. */
function sharesOf(counts: readonly number[], bins: number): number[] {
  if (counts.length !== bins) throw new RangeError(`${counts.length} bins, the other side has ${bins}`)
  const rows = counts.reduce((sum, count) => sum + count, 0)
  if (rows === 0) throw new RangeError('a distribution without rows')
  return counts.map((count) => count / rows)
}

function withoutEmpty(shares: readonly number[]): number[] {
  const smallest = Math.min(...shares.filter((share) => share > 0))
  const filler = smallest <= EMPTY_SHARE ? smallest * OF_SMALLEST_SHARE : EMPTY_SHARE
  return shares.map((share) => (share === 0 ? filler : share))
}
