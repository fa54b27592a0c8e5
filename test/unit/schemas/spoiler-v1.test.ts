import { expect, test } from 'vitest'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'

test('names are unique, defaults lie in their range, and ranges are finite', () => {
  const { features } = spoilerV1
  expect(new Set(features.map(({ name }) => name)).size).toBe(features.length)
  for (const { name, min, max, default: missing, type } of features) {
    expect(Number.isFinite(min) && Number.isFinite(max) && min < max, name).toBe(true)
    expect(missing, name).toBeGreaterThanOrEqual(min)
    expect(missing, name).toBeLessThanOrEqual(max)
    if (type !== 'double') expect(Number.isInteger(missing), name).toBe(true)
  }
})

test('order and names of spoiler_v1 never change: logged rows and models rest on them', () => {
  expect(spoilerV1.features.map(({ name }) => name).join(' ')).toBe(
    [
      'text_units word_count sentence_count mean_sentence_words summary_units cue_count cues_per_100_words',
      'first_cue_position last_cue_position cue_share_last_third max_sentence_cues spoiler_banner plot_overlap',
      'ending_overlap max_sentence_plot_overlap max_sentence_ending_overlap exclamation_share question_share',
      'uppercase_share digit_share sentiment rating_given rating rating_minus_movie_mean rating_minus_user_mean',
      'units_over_movie_mean movie_known plot_known duration_minutes units_per_minute film_age_days release_decade',
      'genre_action genre_animation genre_comedy genre_drama genre_horror genre_mystery genre_romance genre_sci_fi',
      'genre_thriller user_reviews user_labelled user_spoiler_rate user_recent_spoiler_rate user_mean_units',
      'user_mean_rating user_is_new user_recent_reviews user_tenure_weeks movie_reviews movie_labelled',
      'movie_spoiler_rate movie_recent_spoiler_rate movie_mean_units movie_mean_rating movie_is_new',
      'movie_recent_reviews movie_tenure_weeks',
    ].join(' '),
  )
})
