import { expect, test } from 'vitest'
import { LiveQuality } from '../../../../cli/live/live-quality.ts'
import type { ReviewLabel } from '../../../../schemas/generated.ts'
import { spoilerScore as score } from '../../../support/scores.ts'

function label(reviewId: string, isSpoiler: boolean, revision = 0): ReviewLabel {
  return { reviewId, userId: 'u1', movieId: 'm1', isSpoiler, source: 'report', labelledAtMs: 0, revision }
}

const called = (reviewId: string, probability: number, textUnits: number) =>
  score({ reviewId, probability, isSpoiler: probability >= 0.5, textUnits })

test('scores meet their labels, whichever comes first; the length of the text is measured on the same reviews', () => {
  const quality = new LiveQuality()
  quality.onLabel(label('a', true))
  quality.onScore(called('a', 0.9, 100))
  quality.onScore(called('b', 0.2, 300))
  quality.onScore(called('c', 0.6, 200))
  quality.onScore(called('unlabelled', 0.7, 1))
  quality.onLabel(label('b', false))
  quality.onLabel(label('c', false))
  expect(quality.quality()).toEqual({
    scored: 4,
    labelled: 3,
    model: { f1: 2 / 3, prAuc: 1 }, // two are called, one of them rightly; the spoiler stands first
    length: { f1: 1 / 2, prAuc: 1 / 3 }, // the shortest is the spoiler: only calling all finds it
  })
})

test('a higher revision of a label replaces the earlier one, a lower one does not', () => {
  const quality = new LiveQuality()
  quality.onScore(called('a', 0.9, 1))
  quality.onLabel(label('a', true, 2))
  quality.onLabel(label('a', false, 1))
  expect(quality.quality().model.f1).toBe(1)
  quality.onLabel(label('a', false, 3))
  expect(quality.quality().model.f1).toBe(0)
})

test('only the newest labelled reviews count: a change shows soon', () => {
  const quality = new LiveQuality()
  for (let i = 0; i < 4_000; i++) {
    quality.onScore(called(`r${i}`, i < 2_000 ? 0.1 : 0.9, 1))
    quality.onLabel(label(`r${i}`, true))
  }
  expect(quality.quality()).toMatchObject({ scored: 4_000, labelled: 4_000, model: { f1: 1 } })
})

test('memory is bounded: the oldest reviews are forgotten', () => {
  const quality = new LiveQuality()
  for (let i = 0; i < 50_010; i++) quality.onScore(called(`r${i}`, 0.1, 1))
  for (let i = 0; i < 20; i++) quality.onLabel(label(`r${i}`, true))
  expect(quality.quality()).toMatchObject({ scored: 50_000, labelled: 10 })
})
