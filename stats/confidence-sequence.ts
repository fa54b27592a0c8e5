import type { Interval } from './bootstrap.ts'

/**
 * Interval that holds the mean at every sample size at once, so that it may be looked at as often as one likes: an
 * asymptotic confidence sequence.
 *
 * @param mean of `count` independent samples; `deviation` their standard deviation, or a bound of it.
 * @param alpha probability that it ever misses, in (0, 1).
 * @param tightestAt sample size at which it is tightest, from 1.
 * @returns The whole line without samples. O(1).
 * @see Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Annals of Statistics 52, 2613-2640, theorem 2.2
 */
export function confidenceSequence(
  { mean, deviation, count }: { readonly mean: number; readonly deviation: number; readonly count: number },
  { alpha, tightestAt }: { readonly alpha: number; readonly tightestAt: number },
): Interval {
  if (count === 0) return { low: -Infinity, high: Infinity }
  const odds = -2 * Math.log(alpha)
  const rho2 = (odds + Math.log(odds + 1)) / tightestAt
  const scaled = count * rho2 + 1
  const width = deviation * Math.sqrt(((2 * scaled) / (count * count * rho2)) * Math.log(Math.sqrt(scaled) / alpha))
  return { low: mean - width, high: mean + width }
}
