/** The feature service `spoiler_v1`: what stands where in a feature row. A change of meaning or order is a new service. */

export interface Feature<Name extends string = string> {
  readonly name: Name
  /** All values are doubles in the row; `boolean` is 0 or 1, `int` is whole. */
  readonly type: 'int' | 'double' | 'boolean'
  readonly unit: string
  /** Range, inclusive; what lies beyond is clamped to it. */
  readonly min: number
  readonly max: number
  /** Stands for a value that does not exist: no rating, no metadata, no history. */
  readonly default: number
  readonly doc: string
}

type Declaration = Omit<Feature, 'name'>
type Range = Partial<Pick<Declaration, 'min' | 'max' | 'default' | 'unit'>>

function feature<Name extends string>(name: Name, declaration: Declaration): Feature<Name> {
  return { name, ...declaration }
}

export function count<Name extends string>(name: Name, unit: string, doc: string, range: Range = {}): Feature<Name> {
  return feature(name, { type: 'int', unit, min: 0, max: 100_000, default: 0, doc, ...range })
}

function ratio<Name extends string>(name: Name, unit: string, doc: string, range: Range = {}): Feature<Name> {
  return feature(name, { type: 'double', unit, min: 0, max: 1, default: 0, doc, ...range })
}

function flag<Name extends string>(name: Name, doc: string): Feature<Name> {
  return feature(name, { type: 'boolean', unit: '0 or 1', min: 0, max: 1, default: 0, doc })
}

const MOST_REVIEWS = 10_000_000
/** Share of spoilers among the reviews of the IMDB Spoiler Dataset: stands for the rate of who has no history. */
export const PRIOR_SPOILER_RATE = 0.263

const reviewFeatures = [
  count('text_units', 'UTF-16 units', 'Length of the text.'),
  count('word_count', 'words', 'Words of the text; each ideograph and kana is one.'),
  count('sentence_count', 'sentences', 'Sentences of the text.'),
  ratio('mean_sentence_words', 'words', 'Mean words in a sentence.', { max: 100_000 }),
  count('summary_units', 'UTF-16 units', 'Length of the headline.', { max: 1_000 }),
  count('cue_count', 'cues', 'Lexical spoiler cues: words of death, betrayal, disclosure, endings.'),
  ratio('cues_per_100_words', 'cues per 100 words', 'Density of cues.', { max: 100 }),
  ratio('first_cue_position', 'share of the text', 'Where the first cue stands; 1 without one.', { default: 1 }),
  ratio('last_cue_position', 'share of the text', 'Where the last cue stands; 0 without one.'),
  ratio('cue_share_last_third', 'share of cues', 'Cues in the last third of the text.'),
  count('max_sentence_cues', 'cues', 'Most cues in one sentence.'),
  flag('spoiler_banner', 'Text or headline announces spoilers itself. Alone, so that it can be ablated.'),
  ratio('plot_overlap', 'share of content words', 'Content words that stand in the plot summary or synopsis.'),
  ratio('ending_overlap', 'share of content words', 'Content words that stand only in the last third of the synopsis.'),
  ratio('max_sentence_plot_overlap', 'share of content words', 'Largest plot overlap of a sentence.'),
  ratio('max_sentence_ending_overlap', 'share of content words', 'Largest ending overlap of a sentence.'),
  ratio('exclamation_share', 'share of units', 'Exclamation marks.'),
  ratio('question_share', 'share of units', 'Question marks.'),
  ratio('uppercase_share', 'share of ASCII letters', 'Capital letters.'),
  ratio('digit_share', 'share of units', 'ASCII digits.'),
  ratio('sentiment', '-1 to 1', 'Words of praise less words of blame, over both.', { min: -1 }),
  flag('rating_given', 'The author gave a rating.'),
  count('rating', 'stars', 'The rating; a typical one if not given.', { min: 1, max: 10, default: 7 }),
  ratio('rating_minus_movie_mean', 'stars', 'Rating less the mean of the movie so far.', { min: -9, max: 9 }),
  ratio('rating_minus_user_mean', 'stars', 'Rating less the mean of the author so far.', { min: -9, max: 9 }),
  ratio('units_over_movie_mean', 'ratio', 'Length over the mean length of the movie so far.', {
    max: 1_000,
    default: 1,
  }),
  flag('movie_known', 'Metadata of the movie had arrived.'),
  flag('plot_known', 'They hold a plot summary or synopsis.'),
  count('duration_minutes', 'minutes', 'Running time.', { max: 10_000, default: 105 }),
  ratio('units_per_minute', 'UTF-16 units per minute', 'Length of the text per minute of film.', {
    max: 100_000,
    default: 10,
  }),
  count('film_age_days', 'days', 'Release to review.', { min: -3_650, max: 60_000, default: 3_650 }),
  count('release_decade', 'year', 'First year of the decade of release: the cohort.', {
    min: 1870,
    max: 2100,
    default: 2000,
  }),
  flag('genre_action', 'Genre action.'),
  flag('genre_animation', 'Genre animation.'),
  flag('genre_comedy', 'Genre comedy.'),
  flag('genre_drama', 'Genre drama.'),
  flag('genre_horror', 'Genre horror.'),
  flag('genre_mystery', 'Genre mystery.'),
  flag('genre_romance', 'Genre romance.'),
  flag('genre_sci_fi', 'Genre science fiction.'),
  flag('genre_thriller', 'Genre thriller.'),
] as const

const userFeatures = [
  count('user_reviews', 'reviews', 'Earlier reviews of the author.', { max: MOST_REVIEWS }),
  count('user_labelled', 'labels', 'Labels known of them.', { max: MOST_REVIEWS }),
  ratio('user_spoiler_rate', 'share', 'Spoilers among them, smoothed with the prior.', { default: PRIOR_SPOILER_RATE }),
  ratio('user_recent_spoiler_rate', 'share', 'The same, labels halved in weight every 26 weeks.', {
    default: PRIOR_SPOILER_RATE,
  }),
  ratio('user_mean_units', 'UTF-16 units', 'Mean length.', { max: 100_000, default: 1_300 }),
  ratio('user_mean_rating', 'stars', 'Mean rating.', { min: 1, max: 10, default: 7 }),
  flag('user_is_new', 'No earlier review is known.'),
  count('user_recent_reviews', 'reviews', 'Reviews of the last four weeks.', { max: MOST_REVIEWS }),
  count('user_tenure_weeks', 'weeks', 'Since the first review known.', { max: 10_000 }),
] as const

const movieFeatures = [
  count('movie_reviews', 'reviews', 'Earlier reviews of the movie.', { max: MOST_REVIEWS }),
  count('movie_labelled', 'labels', 'Labels known of them.', { max: MOST_REVIEWS }),
  ratio('movie_spoiler_rate', 'share', 'Spoilers among them, smoothed with the prior.', {
    default: PRIOR_SPOILER_RATE,
  }),
  ratio('movie_recent_spoiler_rate', 'share', 'The same, labels halved in weight every 26 weeks.', {
    default: PRIOR_SPOILER_RATE,
  }),
  ratio('movie_mean_units', 'UTF-16 units', 'Mean length.', { max: 100_000, default: 1_300 }),
  ratio('movie_mean_rating', 'stars', 'Mean rating.', { min: 1, max: 10, default: 7 }),
  flag('movie_is_new', 'No earlier review is known.'),
  count('movie_recent_reviews', 'reviews', 'Reviews of the last four weeks.', { max: MOST_REVIEWS }),
  count('movie_tenure_weeks', 'weeks', 'Since the first review known.', { max: 10_000 }),
] as const

/** Name of the service, its views in their order, and all features in the order of a row. */
export const spoilerV1 = {
  name: 'spoiler_v1',
  views: { review_features: reviewFeatures, user_features: userFeatures, movie_features: movieFeatures },
  features: [...reviewFeatures, ...userFeatures, ...movieFeatures] as readonly Feature[],
} as const
