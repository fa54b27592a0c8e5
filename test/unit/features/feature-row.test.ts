import { expect, test } from 'vitest'
import { afterLabel, afterReview, asOf, NO_HISTORY } from '../../../features/entity-history.ts'
import { featureRow, movieFeatureValues, userFeatureValues } from '../../../features/feature-row.ts'
import type { ReviewContext } from '../../../features/feature-row.ts'
import { plotContext, plotOf } from '../../../features/plot-terms.ts'
import type { Movie } from '../../../schemas/generated.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { EXAMPLE, WEEK_MS } from '../../support/review-world.ts'

const { review, movie } = EXAMPLE
const UNKNOWN = asOf(NO_HISTORY, 0)
const AT = review.writtenAtMs

function row(change: Partial<ReviewContext['review']> = {}, rest: Partial<ReviewContext> = {}): Record<string, number> {
  const context = { review: { ...review, ...change }, user: UNKNOWN, movie: UNKNOWN, plot: null, ...rest }
  return named(spoilerV1.features, featureRow(context, spoilerV1).values)
}

function named(features: readonly { readonly name: string }[], values: readonly number[]): Record<string, number> {
  expect(values).toHaveLength(features.length)
  return Object.fromEntries(features.map(({ name }, i) => [name, values[i] as number]))
}

const plotWith = (change: Partial<Movie>) => ({ plot: plotContext(plotOf({ ...movie, ...change })) })

/** Two reviews and two labels, four weeks before the reader. */
const history = asOf(
  [true, false].reduce(
    (folded, isSpoiler, i) =>
      afterLabel(
        afterReview(folded, { revision: 0, units: 100 + 100 * i, rating: 4 + i, writtenAtMs: AT - 4 * WEEK_MS }),
        {
          revision: 0,
          isSpoiler,
          labelledAtMs: AT - 30 * WEEK_MS * i - WEEK_MS,
        },
      ),
    NO_HISTORY,
  ),
  AT,
)

test('without rating, metadata, cues and history every feature has its declared default', () => {
  const values = row({ text: '~', rating: null })
  for (const { name, default: expected } of spoilerV1.features) {
    if (!/^(text_units|sentence_count|user_is_new|movie_is_new)$/.test(name)) expect(values[name], name).toBe(expected)
  }
  expect(values).toMatchObject({ text_units: 1, sentence_count: 1, user_is_new: 1, movie_is_new: 1 })
})

test.each([
  {
    of: 'length',
    change: { text: 'He ran. He hid! Why?' },
    expected: { text_units: 20, word_count: 5, sentence_count: 3 },
  },
  { of: 'sentences', change: { text: 'One two three. Four.' }, expected: { mean_sentence_words: 2 } },
  { of: 'headline', change: { summary: 'Fine' }, expected: { summary_units: 4 } },
  {
    of: 'cues',
    change: { text: 'He dies now.' },
    expected: { cue_count: 1, max_sentence_cues: 1, first_cue_position: 0.25 },
  },
  {
    of: 'places of cues',
    change: { text: 'dies. x dies' },
    expected: { first_cue_position: 0, last_cue_position: 8 / 12 },
  },
  { of: 'density of cues', change: { text: 'He dies, he too' }, expected: { cues_per_100_words: 25 } },
  { of: 'late cues', change: { text: 'dies. And many words. killed' }, expected: { cue_share_last_third: 0.5 } },
  { of: 'banner', change: { text: 'Spoilers!' }, expected: { spoiler_banner: 1 } },
  { of: 'banner in the headline', change: { summary: 'SPOILERS' }, expected: { spoiler_banner: 1 } },
  {
    of: 'marks',
    change: { text: 'a! B? 1 2.' },
    expected: { exclamation_share: 0.1, question_share: 0.1, digit_share: 0.2 },
  },
  { of: 'capitals', change: { text: 'aB 12' }, expected: { uppercase_share: 0.5 } },
  { of: 'sentiment', change: { text: 'good, great, bad' }, expected: { sentiment: 1 / 3 } },
  { of: 'rating', change: { rating: 3 }, expected: { rating_given: 1, rating: 3 } },
  { of: 'no rating', change: { rating: null }, expected: { rating_given: 0, rating: 7 } },
])('$of', ({ change, expected }) => {
  expect(row(change)).toMatchObject(expected)
})

test.each([
  { of: 'film', change: {}, expected: { movie_known: 1, plot_known: 1, duration_minutes: 100, film_age_days: 1_000 } },
  { of: 'plot', change: { plotSummary: '', plotSynopsis: '' }, expected: { movie_known: 1, plot_known: 0 } },
  { of: 'length per minute', change: { durationMinutes: 6 }, expected: { units_per_minute: 2 } },
  { of: 'duration of 0', change: { durationMinutes: 0 }, expected: { duration_minutes: 105, units_per_minute: 10 } },
  { of: 'cohort', change: { releasedAtMs: 0 }, expected: { release_decade: 1970 } },
  { of: 'cohort before 1970', change: { releasedAtMs: -86_400_000 }, expected: { release_decade: 1960 } },
  { of: 'no release', change: { releasedAtMs: null }, expected: { film_age_days: 3_650, release_decade: 2000 } },
  { of: 'preview', change: { releasedAtMs: AT + 86_400_000 }, expected: { film_age_days: -1 } },
  {
    of: 'genres',
    change: { genres: ['Horror', 'Sci-Fi'] },
    expected: { genre_horror: 1, genre_sci_fi: 1, genre_drama: 0 },
  },
])('metadata: $of', ({ change, expected }) => {
  expect(row({}, plotWith(change))).toMatchObject(expected)
})

test('overlap with plot and ending', () => {
  expect(row({ text: 'Andy escapes through a big tunnel.' }, plotWith({}))).toMatchObject({
    plot_overlap: 0.75,
    ending_overlap: 0.5,
    max_sentence_plot_overlap: 0.75,
    max_sentence_ending_overlap: 0.5,
  })
})

test('what is compared with the means of author and movie', () => {
  const values = row({ text: 'x'.repeat(300), rating: 6 }, { user: history, movie: history })
  expect(values).toMatchObject({ rating_minus_user_mean: 1.5, rating_minus_movie_mean: 1.5, units_over_movie_mean: 2 })
  expect(row({ rating: null }, { user: history })).toMatchObject({ rating_minus_user_mean: 0 })
})

test.each([
  { entity: 'user', view: spoilerV1.views.user_features, values: userFeatureValues },
  { entity: 'movie', view: spoilerV1.views.movie_features, values: movieFeatureValues },
] as const)('the history of a $entity', ({ entity, view, values }) => {
  const expected = {
    reviews: 2,
    labelled: 2,
    spoiler_rate: (1 + 0.263 * 8) / 10,
    recent_spoiler_rate: (1 + 0.263 * 8) / (1.5 + 8),
    mean_units: 150,
    mean_rating: 4.5,
    is_new: 0,
    recent_reviews: 0,
    tenure_weeks: 4,
  }
  expect(named(view, values(history, AT))).toEqual(
    Object.fromEntries(Object.entries(expected).map(([name, value]) => [`${entity}_${name}`, value])),
  )
})

test('a row is the three views one after the other, the entity rows by the same functions', () => {
  const { values } = featureRow({ review, user: history, movie: UNKNOWN, plot: null }, spoilerV1)
  const entities = [...userFeatureValues(history, AT), ...movieFeatureValues(UNKNOWN, AT)]
  expect(values.slice(-entities.length)).toEqual(entities)
})

test('values beyond the declared range are clamped', () => {
  const old = row({ writtenAtMs: 4e12 }, plotWith({ releasedAtMs: -3e12, durationMinutes: 1 }))
  expect(old.film_age_days).toBe(60_000)
})
