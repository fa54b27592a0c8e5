import type { HistoryAsOf, Review, SentenceEvidence } from '../schemas/generated.ts'
import { PRIOR_SPOILER_RATE, spoilerV1 } from '../schemas/spoiler-v1.ts'
import type { Feature, FeatureName, FeatureView } from '../schemas/spoiler-v1.ts'
import { bucketOf } from './entity-history.ts'
import type { PlotContext } from './plot-terms.ts'
import { readText, shapeOf } from './review-text.ts'
import type { TextReading, TextShape } from './review-text.ts'

const DAY_MS = 86_400_000
const MEAN_YEAR_DAYS = 365.2425
/** The prior counts like so many labels; about half of all reviews come from users without history. */
const PRIOR_LABELS = 8
/** Weights of labels are sixteenths, see entity-history. */
const SIXTEENTHS = 16

/** All that the features of a review may depend on. `user` and `movie` are as of `review.writtenAtMs`. */
export interface ReviewContext {
  readonly review: Review
  readonly user: HistoryAsOf
  readonly movie: HistoryAsOf
  /** Null until metadata of the movie arrive. */
  readonly plot: PlotContext | null
}

export interface FeatureRow {
  /** In the order of `spoilerV1.features`; every one finite and in its declared range. */
  readonly values: number[]
  readonly sentences: readonly SentenceEvidence[]
}

/**
 * The feature row of a review by the service spoiler_v1. The one definition: stream, HTTP API and data sets use it.
 * O(length of the text); measured by bench/features.ts.
 */
export function featureRow(context: ReviewContext): FeatureRow {
  const { review, user, movie, plot } = context
  const reading = readText(review.text, plot)
  const views = [
    ordered('review_features', reviewValues(context, reading)),
    userFeatureValues(user, review.writtenAtMs),
    movieFeatureValues(movie, review.writtenAtMs),
  ]
  return { values: views.flat(), sentences: reading.sentences }
}

/** Values of the view user_features, in its order, as of `atMs` (Unix milliseconds). */
export function userFeatureValues(user: HistoryAsOf, atMs: number): number[] {
  const known = historyValues(user, atMs)
  return ordered('user_features', {
    user_reviews: known.reviews,
    user_labelled: known.labelled,
    user_spoiler_rate: known.spoilerRate,
    user_recent_spoiler_rate: known.recentSpoilerRate,
    user_mean_units: known.meanUnits,
    user_mean_rating: known.meanRating,
    user_is_new: known.isNew,
    user_recent_reviews: known.recentReviews,
    user_tenure_weeks: known.tenureWeeks,
  })
}

/** Values of the view movie_features, in its order, as of `atMs` (Unix milliseconds). */
export function movieFeatureValues(movie: HistoryAsOf, atMs: number): number[] {
  const known = historyValues(movie, atMs)
  return ordered('movie_features', {
    movie_reviews: known.reviews,
    movie_labelled: known.labelled,
    movie_spoiler_rate: known.spoilerRate,
    movie_recent_spoiler_rate: known.recentSpoilerRate,
    movie_mean_units: known.meanUnits,
    movie_mean_rating: known.meanRating,
    movie_is_new: known.isNew,
    movie_recent_reviews: known.recentReviews,
    movie_tenure_weeks: known.tenureWeeks,
  })
}

/** Null stands for what does not exist. */
type Values<View extends FeatureView> = Readonly<Record<FeatureName<View>, number | null>>

function ordered<View extends FeatureView>(view: View, values: Values<View>): number[] {
  const features: readonly Feature<FeatureName<View>>[] = spoilerV1.views[view]
  return features.map((feature) => inRange(values[feature.name], feature))
}

function inRange(value: number | null, { min, max, default: missing }: Feature): number {
  if (value === null || Number.isNaN(value)) return missing
  return value < min ? min : value > max ? max : value
}

/** Part of a whole; null without a whole. */
function over(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null
}

function minus(value: number | null, other: number | null): number | null {
  return value === null || other === null ? null : value - other
}

function smoothedRate(spoilers: number, labelled: number): number {
  return (spoilers + PRIOR_SPOILER_RATE * PRIOR_LABELS) / (labelled + PRIOR_LABELS)
}

function historyValues(known: HistoryAsOf, atMs: number) {
  return {
    reviews: known.reviews,
    labelled: known.labelled,
    spoilerRate: smoothedRate(known.spoilers, known.labelled),
    recentSpoilerRate: smoothedRate(known.decayedSpoilers / SIXTEENTHS, known.decayedLabelled / SIXTEENTHS),
    meanUnits: over(known.units, known.reviews),
    meanRating: over(known.ratingSum, known.ratings),
    isNew: known.reviews === 0 ? 1 : 0,
    recentReviews: known.recentReviews,
    tenureWeeks: known.firstBucket === null ? null : bucketOf(atMs) - known.firstBucket,
  }
}

function reviewValues(context: ReviewContext, reading: TextReading): Values<'review_features'> {
  const { review, user, movie } = context
  return {
    ...textValues(review, reading),
    ...cueValues(review, reading),
    ...shapeValues(review.text.length, shapeOf(review.text)),
    plot_overlap: over(reading.plotHits, reading.contentWords),
    ending_overlap: over(reading.endingHits, reading.contentWords),
    max_sentence_plot_overlap: reading.maxPlotOverlap,
    max_sentence_ending_overlap: reading.maxEndingOverlap,
    sentiment: over(reading.praises - reading.blames, reading.praises + reading.blames),
    rating_given: review.rating === null ? 0 : 1,
    rating: review.rating,
    rating_minus_movie_mean: minus(review.rating, over(movie.ratingSum, movie.ratings)),
    rating_minus_user_mean: minus(review.rating, over(user.ratingSum, user.ratings)),
    units_over_movie_mean: over(review.text.length * movie.reviews, movie.units),
    ...metadataValues(context),
    ...genreValues(context.plot),
  }
}

function textValues({ text, summary }: Review, { words, sentences }: TextReading) {
  return {
    text_units: text.length,
    word_count: words,
    sentence_count: sentences.length,
    mean_sentence_words: over(words, sentences.length),
    summary_units: summary?.length ?? 0,
  }
}

function cueValues({ text, summary }: Review, { words, cues, cueOffsets, maxSentenceCues, banner }: TextReading) {
  const lastThird = (text.length * 2) / 3
  return {
    cue_count: cues,
    cues_per_100_words: over(100 * cues, words),
    first_cue_position: over(cueOffsets[0] ?? NaN, text.length),
    last_cue_position: over(cueOffsets.at(-1) ?? NaN, text.length),
    cue_share_last_third: over(cueOffsets.filter((offset) => offset >= lastThird).length, cues),
    max_sentence_cues: maxSentenceCues,
    spoiler_banner: banner || (summary !== null && readText(summary, null).banner) ? 1 : 0,
  }
}

function shapeValues(units: number, { exclamations, questions, digits, upper, letters }: TextShape) {
  return {
    exclamation_share: over(exclamations, units),
    question_share: over(questions, units),
    digit_share: over(digits, units),
    uppercase_share: over(upper, letters),
  }
}

const NO_METADATA = {
  movie_known: 0,
  plot_known: 0,
  duration_minutes: null,
  units_per_minute: null,
  film_age_days: null,
  release_decade: null,
}

function metadataValues({ review, plot }: ReviewContext) {
  if (plot === null) return NO_METADATA
  const { durationMinutes, releasedAtMs } = plot.record
  return {
    movie_known: 1,
    plot_known: plot.terms.size > 0 ? 1 : 0,
    duration_minutes: durationMinutes === 0 ? null : durationMinutes,
    units_per_minute: over(review.text.length, durationMinutes ?? 0),
    film_age_days: releasedAtMs === null ? null : Math.floor((review.writtenAtMs - releasedAtMs) / DAY_MS),
    release_decade: releasedAtMs === null ? null : decadeOf(releasedAtMs / DAY_MS),
  }
}

/** First year of the decade, by the mean length of a year: within a day of the calendar. */
function decadeOf(daysSince1970: number): number {
  const year = Math.floor(1970 + daysSince1970 / MEAN_YEAR_DAYS)
  return Math.floor(year / 10) * 10
}

/** Genres as the IMDB data set writes them. */
function genreValues(plot: PlotContext | null) {
  const has = (genre: string): 0 | 1 => (plot?.genres.has(genre) === true ? 1 : 0)
  return {
    genre_action: has('action'),
    genre_animation: has('animation'),
    genre_comedy: has('comedy'),
    genre_drama: has('drama'),
    genre_horror: has('horror'),
    genre_mystery: has('mystery'),
    genre_romance: has('romance'),
    genre_sci_fi: has('sci-fi'),
    genre_thriller: has('thriller'),
  }
}
