import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sigmoid } from '../../../inference/calibration.ts'
import { MAX_SPANS, sentenceScore, spoilingSpans } from '../../../inference/spans.ts'
import { sentence, SPANS } from '../../support/model-versions.ts'

test.each([
  { name: 'nothing', evidence: {}, logit: -2 },
  { name: 'two cues', evidence: { cues: 2 }, logit: 0 },
  { name: 'more cues than count', evidence: { cues: 30 }, logit: 1 },
  { name: 'half of the plot', evidence: { plotOverlapPermille: 500 }, logit: -1 },
  { name: 'all of the ending', evidence: { endingOverlapPermille: 1000 }, logit: 2 },
  { name: 'a banner', evidence: { banner: true }, logit: 1 },
])('$name scores as documented', ({ evidence, logit }) => {
  expect(sentenceScore(SPANS, sentence(evidence))).toBeCloseTo(sigmoid(logit), 15)
})

test('the log-odds of its words count with their weight, and are not asked for without one', () => {
  const asked = () => 3
  expect(sentenceScore({ ...SPANS, terms: 0.5 }, sentence({ cues: 2 }), asked)).toBeCloseTo(sigmoid(1.5), 15)
  const unasked = () => expect.fail('asked')
  expect(sentenceScore(SPANS, sentence({ cues: 2 }), unasked)).toBeCloseTo(sigmoid(0), 15)
})

const sentences = fc
  .array(fc.record({ cues: fc.nat({ max: 4 }), endingOverlapPermille: fc.nat({ max: 1000 }), banner: fc.boolean() }), {
    maxLength: 60,
  })
  .map((list) => list.map((evidence, i) => sentence({ ...evidence, start: i * 10, end: i * 10 + 9 })))

test('published are the highest sentences at or above the threshold, in text order, and never more than the limit', () => {
  fc.assert(
    fc.property(sentences, fc.double({ min: 0, max: 1, noNaN: true }), (all, threshold) => {
      const spans = spoilingSpans(SPANS, threshold, all)
      const scores = all.map((s) => sentenceScore(SPANS, s)).filter((score) => score >= threshold)
      const highest = scores.toSorted((a, b) => b - a).slice(0, MAX_SPANS)
      expect(spans.map(({ score }) => score).toSorted((a, b) => b - a)).toEqual(highest)
      expect(spans.map(({ start }) => start)).toEqual(spans.map(({ start }) => start).toSorted((a, b) => a - b))
    }),
    { seed: 51 },
  )
})

test('a sentence exactly at the threshold is published', () => {
  expect(spoilingSpans(SPANS, 0.5, [sentence({ cues: 2 })])).toEqual([{ start: 0, end: 1, score: 0.5 }])
})
