import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SPANS } from '../../../../trainers/dataset/dataset-row.ts'
import type { SeenRow } from '../../../../trainers/dataset/review-join.ts'
import { planSpans } from '../../../../trainers/dataset/split.ts'

const SHARES = { fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 }

function review(number: number, other: Partial<SeenRow> = {}): SeenRow {
  const ids = { userId: `u${number}`, reviewId: `r${number}`, movieId: `m${number}` }
  return { ...ids, revision: 0, writtenAtMs: 0, appendedAtMs: number, partition: 0, offset: number, ...other }
}
const oneTo = (count: number): Float64Array => Float64Array.from({ length: count }, (_, i) => i + 1)

test('by time: spans follow one another with their shares, and labels end where the next span begins', () => {
  const { spanOf, times } = planSpans({ by: 'time', seed: 0, shares: SHARES }, oneTo(100))
  expect(times).toEqual({
    fit: { fromMs: null, untilMs: 61, labelsUntilMs: 61 },
    stop: { fromMs: 61, untilMs: 71, labelsUntilMs: 71 },
    calibrate: { fromMs: 71, untilMs: 86, labelsUntilMs: 86 },
    gate: { fromMs: 86, untilMs: null, labelsUntilMs: null },
  })
  expect([0, 60, 61, 70, 71, 85, 86, 1000].map((at) => spanOf(review(at)))).toEqual([
    'fit',
    'fit',
    'stop',
    'stop',
    'calibrate',
    'calibrate',
    'gate',
    'gate',
  ])
})

test('by time: reviews of one moment are never torn apart', () => {
  const { spanOf } = planSpans(
    { by: 'time', seed: 0, shares: SHARES },
    Float64Array.from([1, 1, 1, 1, 1, 1, 1, 1, 2, 2]),
  )
  expect(new Set([spanOf(review(1)), spanOf(review(1, { partition: 3 }))]).size).toBe(1)
})

test('by time without candidates: nothing is cut off', () => {
  const { spanOf, times } = planSpans({ by: 'time', seed: 0, shares: SHARES }, new Float64Array())
  expect(spanOf(review(5))).toBe('fit')
  expect(times.fit).toEqual({ fromMs: null, untilMs: null, labelsUntilMs: null })
})

test.each(['movie', 'random'] as const)('by %s: shares are kept, whatever the ids look like', (by) => {
  for (const nameOf of [(i: number) => `tt${i}`, (i: number) => `${i}-same-end`]) {
    const { spanOf } = planSpans({ by, seed: 11, shares: SHARES }, oneTo(1))
    const spans = Array.from({ length: 20_000 }, (_, i) =>
      spanOf(review(i, { movieId: nameOf(i), reviewId: nameOf(i) })),
    )
    for (const span of SPANS)
      expect(spans.filter((one) => one === span).length / spans.length).toBeCloseTo(SHARES[span], 1.7)
  }
})

test('by movie and by hash of the review the span rests on that id and the seed alone', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.integer(), fc.integer(), (id, seed, a, b) => {
      for (const by of ['movie', 'random'] as const) {
        const own = by === 'movie' ? { movieId: id } : { reviewId: id }
        const first = planSpans({ by, seed, shares: SHARES }, oneTo(10)).spanOf(review(a, own))
        expect(planSpans({ by, seed, shares: SHARES }, oneTo(50)).spanOf(review(b, own))).toBe(first)
      }
    }),
    { seed: 20_261_121 },
  )
})

test('another seed gives another split', () => {
  const spansWith = (seed: number): string =>
    Array.from({ length: 50 }, (_, i) =>
      planSpans({ by: 'random', seed, shares: SHARES }, oneTo(1)).spanOf(review(i)),
    ).join()
  expect(spansWith(1)).not.toBe(spansWith(2))
})
