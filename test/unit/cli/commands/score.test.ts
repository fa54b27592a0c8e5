import { expect, test } from 'vitest'
import { scoreText } from '../../../../cli/commands/score.ts'
import type { SpoilerScore } from '../../../../schemas/generated.ts'

const TEXT = 'Fine film.\u001b[2J He dies. The end.'
const SCORE: SpoilerScore = {
  reviewId: 'r',
  userId: 'u',
  movieId: 'm1',
  revision: 0,
  writtenAtMs: 0,
  reviewAppendedAtMs: 0,
  textUnits: TEXT.length,
  probability: 0.876,
  isSpoiler: true,
  threshold: 0.4,
  modelName: 'baseline',
  modelVersion: '0123456789abcdef',
  slot: 'champion',
  deploymentEpoch: 3,
  tier: 'baseline',
  featureService: 'spoiler_v1',
  slices: [],
  position: { topic: 't', partition: 0, offset: 0 },
  spans: [
    { start: 15, end: 23, score: 0.9 },
    { start: 24, end: 32, score: 0.7 },
  ],
  reasons: [
    { feature: 'terms', contribution: 1.25, text: 'the word "dies"' },
    { feature: 'rating', contribution: -0.5, text: 'rated 8 of 10' },
  ],
}
const SCORED = { text: TEXT, score: SCORE, title: 'The Wall', movieKnown: true, userKnown: false }

test('a score says probability, verdict and model, marks the sentences that spoil, and gives its reasons in words', () => {
  const lines = scoreText(SCORED).split('\n')
  expect(lines[0]).toBe('87.6 %  spoiler: the model flags from 40.0 % on')
  expect(lines).toContain('model    baseline@0123456789abcdef, deployment 3')
  expect(lines).toContain('movie    The Wall')
  expect(lines).toContain('Fine film.␛[2J >>He dies.<< >>The end.<<')
  expect(lines.slice(-3)).toEqual(['+1.25  the word "dies"', '-0.50  rated 8 of 10', ''])
})

test('it says when nothing is known of the movie or the author, and when there are no reasons', () => {
  const text = scoreText({ ...SCORED, title: null, movieKnown: false, score: { ...SCORE, reasons: [], spans: [] } })
  expect(text).toContain('movie    m1, of which nothing is known')
  expect(text).toContain('author   nothing is known')
  expect(text).toContain('The model gives no reasons.')
})
