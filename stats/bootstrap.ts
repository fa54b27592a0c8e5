import { SeededRandom } from './random.ts'

/** A percentile interval, both ends included. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** A value with its interval, which mostly holds it. */
export interface Estimate extends Interval {
  readonly value: number
}

export interface BootstrapOptions {
  readonly seed: number
  readonly draws?: number
  /** Share of the draws inside the interval. */
  readonly level?: number
}

const DEFAULT_DRAWS = 1_000
const DEFAULT_LEVEL = 0.95

/**
 * Bootstrap intervals of statistics of rows. Rows are drawn with replacement, as many as there are; each statistic is
 * told how often each row was drawn. Statistics of several models over the same draws are paired: an interval of a
 * difference is one more statistic.
 *
 * @param statistics For row weights (reused from draw to draw), a value by name; null where it is not defined.
 * @returns The interval of each, over the draws where it is defined; null where it is in fewer than half of them.
 * @see B. Efron (1979), Annals of Statistics 7, 1-26; percentiles are interpolated as numpy's `quantile`.
 */
export function bootstrapIntervals<Name extends string>(
  rows: number,
  statistics: (weights: Uint32Array) => Readonly<Record<Name, number | null>>,
  { seed, draws = DEFAULT_DRAWS, level = DEFAULT_LEVEL }: BootstrapOptions,
): Record<Name, Interval | null> {
  const random = new SeededRandom(seed)
  const weights = new Uint32Array(rows)
  const samples = new Map<Name, number[]>()
  for (let draw = 0; draw < draws; draw++) {
    weights.fill(0)
    for (let i = 0; i < rows; i++) {
      const row = random.below(rows)
      weights[row] = (weights[row] as number) + 1
    }
    for (const [name, value] of Object.entries(statistics(weights)) as [Name, number | null][]) {
      const known = samples.get(name) ?? []
      samples.set(name, known)
      if (value !== null) known.push(value)
    }
  }
  const entries = Array.from(samples, ([name, values]) => [name, intervalOf(values, draws, level)] as const)
  return Object.fromEntries(entries) as Record<Name, Interval | null>
}

function intervalOf(values: number[], draws: number, level: number): Interval | null {
  if (values.length === 0 || values.length < draws / 2) return null
  const sorted = values.sort((a, b) => a - b)
  return { low: quantileOfSorted(sorted, (1 - level) / 2), high: quantileOfSorted(sorted, (1 + level) / 2) }
}

/** Quantile by linear interpolation between the two nearest values. @param sorted ascending, not empty. */
export function quantileOfSorted(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const low = sorted[below] as number
  const high = sorted[Math.min(sorted.length - 1, below + 1)] as number
  return low + (high - low) * (at - below)
}
