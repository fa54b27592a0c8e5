import { expect, test } from 'vitest'
import { bootstrapIntervals, quantileOfSorted } from '../../../stats/bootstrap.ts'
import { ranked, rankedAveragePrecision, rankedRocAuc } from '../../../stats/ranking.ts'
import { calibratedRows } from '../../support/reference-stream.ts'

const sum = (values: Iterable<number>): number => Iterator.from(values).reduce((total, value) => total + value, 0)
const meanOf = (values: readonly number[], weights: ArrayLike<number>): number =>
  values.reduce((total, value, i) => total + value * (weights[i] as number), 0) / values.length

test('the interval of a mean is the one of its normal approximation', () => {
  const values = calibratedRows(1, 2_000).probabilities
  const mean = sum(values) / values.length
  const deviation = Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length)
  const { mean: interval } = bootstrapIntervals(values.length, (w) => ({ mean: meanOf(values, w) }), { seed: 1 })
  const half = (1.96 * deviation) / Math.sqrt(values.length)
  expect(Math.abs((interval?.low ?? NaN) - (mean - half))).toBeLessThan(0.15 * half)
  expect(Math.abs((interval?.high ?? NaN) - (mean + half))).toBeLessThan(0.15 * half)
})

test('the interval of average precision is that of 4,000 draws with numpy and scikit-learn', () => {
  const { probabilities, labels } = calibratedRows(5, 300)
  const ranking = ranked(probabilities, labels)
  const statistics = (weights: Uint32Array) => ({ prAuc: rankedAveragePrecision(ranking, weights) })
  const { prAuc } = bootstrapIntervals(300, statistics, { seed: 2, draws: 4_000 })
  expect(prAuc?.low).toBeCloseTo(0.7673, 1.9)
  expect(prAuc?.high).toBeCloseTo(0.8933, 1.9)
})

test('the same seed gives the same intervals, another seed others', () => {
  const values = calibratedRows(3, 50).probabilities
  const run = (seed: number) => bootstrapIntervals(50, (w) => ({ mean: meanOf(values, w) }), { seed })
  expect(run(4)).toEqual(run(4))
  expect(run(4)).not.toEqual(run(5))
})

test('each draw has as many rows as there are', () => {
  bootstrapIntervals(
    7,
    (weights) => {
      expect(sum(weights)).toBe(7)
      return { none: null }
    },
    { seed: 6, draws: 20 },
  )
})

test('statistics of two models are paired: equal models differ by nothing', () => {
  const { probabilities, labels } = calibratedRows(7, 100)
  const rankings = [
    ranked(probabilities, labels),
    ranked(
      probabilities.map((p) => 2 * p - 1),
      labels,
    ),
  ] as const
  const statistics = (weights: Uint32Array) => {
    const [first, second] = rankings.map((ranking) => rankedRocAuc(ranking, weights) ?? NaN) as [number, number]
    return { first, gain: second - first }
  }
  const { first, gain } = bootstrapIntervals(100, statistics, { seed: 8, draws: 200 })
  expect(gain).toEqual({ low: 0, high: 0 })
  expect((first?.high ?? 0) - (first?.low ?? 0)).toBeGreaterThan(0.05)
})

test('a statistic that is undefined in most draws has no interval, one that is in a few has', () => {
  let draw = 0
  const statistics = () => {
    draw += 1
    return { never: null, rarely: draw % 4 === 0 ? 1 : null, mostly: draw % 4 === 0 ? null : 1 }
  }
  const intervals = bootstrapIntervals(3, statistics, { seed: 9, draws: 100 })
  expect(intervals).toEqual({ never: null, rarely: null, mostly: { low: 1, high: 1 } })
})

test('no rows have no interval', () => {
  expect(bootstrapIntervals(0, () => ({ mean: null }), { seed: 1 })).toEqual({ mean: null })
})

test.each([
  { share: 0.025, expected: 1.075 },
  { share: 0.5, expected: 2.5 },
  { share: 0.975, expected: 9.475 },
  { share: 0, expected: 1 },
  { share: 1, expected: 10 },
])('quantile $share of 1, 2, 3, 10 is $expected, as numpy has it', ({ share, expected }) => {
  expect(quantileOfSorted([1, 2, 3, 10], share)).toBeCloseTo(expected, 12)
})
