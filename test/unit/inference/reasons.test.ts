import { expect, test } from 'vitest'
import { MAX_REASONS, reasonsOf } from '../../../inference/reasons.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'

const textOf = (feature: string, value: number) =>
  reasonsOf([{ feature, value, logOdds: 1 }], spoilerV1.features)[0]?.text

test.each([
  ['units_over_movie_mean', 3.14159, 'long for this film: 3.1 times the mean length'],
  ['units_over_movie_mean', 0.254, 'short for this film: 0.25 times the mean length'],
  ['text_units', 2500, 'long: 2500 UTF-16 units'],
  ['sentence_count', 1, '1 sentence'],
  ['rating_minus_movie_mean', -2.25, 'rated 2.3 stars below the mean of the film'],
  ['rating_minus_user_mean', 1, "rated 1 star above the author's own mean"],
  ['rating_minus_movie_mean', 0, 'rated at the mean of the film'],
  ['film_age_days', -3, 'written 3 days before the release'],
  ['user_spoiler_rate', 0.4567, "46 % of the author's labelled reviews spoil, smoothed"],
  ['movie_is_new', 1, 'no earlier review of the film is known'],
  ['duration_minutes', 142, 'running time: 142 minutes'],
  ['genre_horror', 1, 'genre horror: yes'],
])('%s of %d reads "%s"', (feature, value, text) => {
  expect(textOf(feature, value)).toBe(text)
})

test('every feature of the service has words, with its value in them', () => {
  for (const { name, type, max } of spoilerV1.features) {
    const text = textOf(name, Math.min(max, 7))
    expect(text, name).toMatch(type === 'boolean' ? /\w/ : /\d/)
    expect(text, name).not.toMatch(/undefined|NaN/)
  }
})

test('the largest contributions come first whatever their sign; nothing is no reason', () => {
  const logOdds = [0.1, -3, 0, 2, 0.5, -0.2, 0.3, 1]
  const contributions = spoilerV1.features
    .slice(0, 8)
    .map(({ name }, i) => ({ feature: name, value: 1, logOdds: logOdds[i] ?? 0 }))
  const reasons = reasonsOf(contributions, spoilerV1.features)
  expect(reasons.map(({ contribution }) => contribution)).toEqual([-3, 2, 1, 0.5, 0.3])
  expect(reasons).toHaveLength(MAX_REASONS)
  expect(reasonsOf([{ feature: 'rating', value: 7, logOdds: 0 }], spoilerV1.features)).toEqual([])
})

test('the words that speak most for a spoiler are one reason, those against it another, each with what they add', () => {
  const terms = [0.5, -0.1, 0.25, 0, 1, 0.125, 0.25, 0.0625].map((logOdds, i) => ({ term: `w${i}`, logOdds }))
  const rating = { feature: 'rating', value: 7, logOdds: -0.2 }
  expect(reasonsOf([rating], spoilerV1.features, terms)).toEqual([
    { feature: 'terms', contribution: 2.125, text: 'the words "w4", "w0", "w2", "w6", "w5"' },
    { feature: 'rating', contribution: -0.2, text: 'rated 7 of 10' },
    { feature: 'terms', contribution: -0.1, text: 'the word "w1"' },
  ])
})
