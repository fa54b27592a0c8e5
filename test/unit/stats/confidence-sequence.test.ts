import { expect, test } from 'vitest'
import { confidenceSequence } from '../../../stats/confidence-sequence.ts'
import { SeededRandom } from '../../../stats/random.ts'

const OPTIONS = { alpha: 0.05, tightestAt: 200 }

test('looked at after every sample it misses the mean at most as often as it says, where a fixed interval would not', () => {
  const random = new SeededRandom(17)
  const missed = { sequence: 0, fixed: 0 }
  const runs = 400
  for (let run = 0; run < runs; run++) {
    let hits = 0
    const ever = { sequence: false, fixed: false }
    for (let count = 1; count <= 1_000; count++) {
      hits += random.chance(0.3) ? 1 : 0
      if (count < 50) continue
      const mean = hits / count
      const deviation = Math.sqrt(mean * (1 - mean))
      const { low, high } = confidenceSequence({ mean, deviation, count }, OPTIONS)
      ever.sequence ||= low > 0.3 || high < 0.3
      ever.fixed ||= Math.abs(mean - 0.3) > (1.96 * deviation) / Math.sqrt(count)
    }
    missed.sequence += ever.sequence ? 1 : 0
    missed.fixed += ever.fixed ? 1 : 0
  }
  expect(missed.sequence / runs).toBeLessThanOrEqual(0.05)
  expect(missed.fixed / runs).toBeGreaterThan(0.2)
})

test('it is the formula of the paper, by hand', () => {
  const { low, high } = confidenceSequence({ mean: 0.5, deviation: 0.5, count: 100 }, { alpha: 0.05, tightestAt: 100 })
  // rho^2 = (5.9915 + ln 6.9915) / 100 = .079362; .5 sqrt(2 * 8.9362 / (10000 * .079362) * ln(sqrt(8.9362) / .05))
  expect([low, high]).toEqual([expect.closeTo(0.5 - 0.15178, 4), expect.closeTo(0.5 + 0.15178, 4)])
})

test('without samples nothing is known; with more it is narrower', () => {
  expect(confidenceSequence({ mean: 0, deviation: 1, count: 0 }, OPTIONS)).toEqual({ low: -Infinity, high: Infinity })
  const widths = [10, 100, 1_000, 10_000].map((count) => {
    const { low, high } = confidenceSequence({ mean: 0, deviation: 1, count }, OPTIONS)
    return high - low
  })
  expect(widths).toEqual(widths.toSorted((a, b) => b - a))
})
