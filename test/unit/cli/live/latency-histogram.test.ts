import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LatencyHistogram } from '../../../../cli/live/latency-histogram.ts'

function histogramOf(durations: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const ms of durations) histogram.add(ms)
  return histogram
}

const durations = fc.array(fc.integer({ min: 1, max: 3_600_000 }), { minLength: 1, maxLength: 200 })

test('a quantile is within 2 % and a millisecond of the exact one', () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const sorted = values.toSorted((a, b) => a - b)
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
      const found = histogramOf(values).quantile(share) as number
      expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.02 + 1)
    }),
    { seed: 21 },
  )
})

test('merged histograms are the histogram of all', () => {
  fc.assert(
    fc.property(durations, durations, (a, b) => {
      const merged = histogramOf(a)
      merged.merge(histogramOf(b))
      for (const share of [0.1, 0.5, 0.99])
        expect(merged.quantile(share)).toBe(histogramOf([...a, ...b]).quantile(share))
    }),
    { seed: 22 },
  )
})

test('without durations there is no quantile; a clock that ran backwards counts as 1 ms', () => {
  expect(new LatencyHistogram().quantile(0.5)).toBeNull()
  expect(histogramOf([-20]).quantile(0.5)).toBe(1)
})
