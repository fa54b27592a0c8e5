import fc from 'fast-check'
import { expect, test } from 'vitest'
import { delayedLabel } from '../../../producers/label-delay.ts'
import { LabelQueue } from '../../../producers/label-queue.ts'
import type { Review, ReviewLabel } from '../../../schemas/generated.ts'

const DAY_MS = 86_400_000

function review(reviewId: string): Review {
  return { reviewId, userId: 'u', movieId: 'm', text: 't', summary: null, rating: null, writtenAtMs: 0, revision: 0 }
}

function label(reviewId: string, labelledAtMs: number): ReviewLabel {
  return { reviewId, userId: 'u', movieId: 'm', isSpoiler: true, source: 'report', labelledAtMs, revision: 0 }
}

test('labels leave by event time, ties in the order they came, and none before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60 }), fc.nat(20), (times, untilMs) => {
      const queue = new LabelQueue()
      times.forEach((atMs, ordinal) => queue.push(label(String(ordinal), atMs)))
      const expected = times.map((atMs, ordinal) => ({ atMs, id: String(ordinal) })).sort((a, b) => a.atMs - b.atMs) // stable
      const early = [...queue.release(untilMs)]
      expect(early.every(({ labelledAtMs }) => labelledAtMs <= untilMs)).toBe(true)
      expect(queue.nextAtMs()).toBe(expected[early.length]?.atMs ?? Infinity)
      const all = [...early, ...queue.release(Infinity)]
      expect(all.map(({ reviewId }) => reviewId)).toEqual(expected.map(({ id }) => id))
      expect(queue.size).toBe(0)
    }),
    { seed: 6 },
  )
})

test('delays follow from the review id, fill their window and centre on the mean', () => {
  const delay = { meanMs: 3 * DAY_MS, spreadMs: DAY_MS }
  const delays = Array.from(
    { length: 4000 },
    (_, i) => delayedLabel(review(`r${i}`), true, delay).labelledAtMs / DAY_MS,
  )
  expect(delayedLabel(review('r17'), true, delay).labelledAtMs / DAY_MS).toBe(delays[17])
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(2)
  expect(Math.min(...delays)).toBeLessThan(2.05)
  expect(Math.max(...delays)).toBeLessThanOrEqual(4)
  expect(Math.max(...delays)).toBeGreaterThan(3.95)
  expect(delays.reduce((sum, value) => sum + value, 0) / delays.length).toBeCloseTo(3, 1)
})

test('a self-declared label carries the ids of its review', () => {
  expect(delayedLabel(review('r1'), false, { meanMs: 5, spreadMs: 0 })).toEqual({
    reviewId: 'r1',
    userId: 'u',
    movieId: 'm',
    isSpoiler: false,
    source: 'self-declared',
    labelledAtMs: 5,
    revision: 0,
  })
})
