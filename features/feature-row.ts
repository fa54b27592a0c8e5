import type { HistoryAsOf, Review, SentenceEvidence } from '../schemas/generated.ts'
import type { FeatureName, FeatureService, FeatureView } from '../schemas/feature-services.ts'
import { PRIOR_SPOILER_RATE } from '../schemas/spoiler-v1.ts'
import type { Feature } from '../schemas/spoiler-v1.ts'
import { spoilerV2 } from '../schemas/spoiler-v2.ts'
import { bucketOf } from './entity-history.ts'
import type { PlotContext } from './plot-terms.ts'
import { readText } from './review-text.ts'
import type { TextReading } from './review-text.ts'
import { shapeOf } from './text-shape.ts'

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
  /** In the order of the service's features; every one finite and in its declared range. */
  readonly values: number[]
  readonly sentences: readonly SentenceEvidence[]
}

/**
 * The feature row of a review by a service. The one definition: stream, HTTP API and data sets use it.
 * O(length of the text); bench/fold-costs.ts measures it.
 */
export function featureRow(context: ReviewContext, service: FeatureService): FeatureRow {
  const reading = readText(context.review.text, context.plot)
  const views = Object.keys(service.views) as FeatureView[]
  return { values: views.flatMap((view) => VIEWS[view](context, reading)), sentences: reading.sentences }
}

/** How each view is filled. */
const VIEWS: Readonly<Record<FeatureView, (context: ReviewContext, reading: TextReading) => number[]>> = {
  review_features: (context, reading) => ordered('review_features', reviewValues(context, reading)),
  user_features: ({ user, review }) => userFeatureValues(user, review.writtenAtMs),
  movie_features: ({ movie, review }) => movieFeatureValues(movie, review.writtenAtMs),
  label_features: (context) => ordered('label_features', labelValues(context)),
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
  const features: readonly Feature<FeatureName<View>>[] = spoilerV2.views[view]
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

function reviewValues({ review, user, movie, plot }: ReviewContext, reading: TextReading): Values<'review_features'> {
  const { text, summary, rating } = review
  const units = text.length
  const cues = cuePlaces(reading, units)
  const shape = shapeOf(text)
  const film = filmValues(review, plot)
  return {
    text_units: units,
    word_count: reading.words,
    sentence_count: reading.sentences.length,
    mean_sentence_words: over(reading.words, reading.sentences.length),
    summary_units: summary?.length ?? 0,
    cue_count: reading.cues,
    cues_per_100_words: over(100 * reading.cues, reading.words),
    first_cue_position: cues.first,
    last_cue_position: cues.last,
    cue_share_last_third: cues.shareLastThird,
    max_sentence_cues: reading.maxSentenceCues,
    spoiler_banner: flagOf(reading.banner || (summary !== null && readText(summary, null).banner)),
    plot_overlap: over(reading.plotHits, reading.contentWords),
    ending_overlap: over(reading.endingHits, reading.contentWords),
    max_sentence_plot_overlap: reading.maxPlotOverlap,
    max_sentence_ending_overlap: reading.maxEndingOverlap,
    exclamation_share: over(shape.exclamations, units),
    question_share: over(shape.questions, units),
    uppercase_share: over(shape.upper, shape.letters),
    digit_share: over(shape.digits, units),
    sentiment: over(reading.praises - reading.blames, reading.praises + reading.blames),
    rating_given: flagOf(rating !== null),
    rating,
    rating_minus_movie_mean: minus(rating, over(movie.ratingSum, movie.ratings)),
    rating_minus_user_mean: minus(rating, over(user.ratingSum, user.ratings)),
    units_over_movie_mean: over(units * movie.reviews, movie.units),
    movie_known: flagOf(plot !== null),
    plot_known: film.plotKnown,
    duration_minutes: film.minutes,
    units_per_minute: over(units, film.minutes ?? 0),
    film_age_days: film.ageDays,
    release_decade: film.decade,
    ...genreValues(plot?.genres ?? NO_GENRES),
  }
}

function labelValues({ user, movie }: ReviewContext): Values<'label_features'> {
  return {
    user_spoilers: user.spoilers,
    user_no_spoilers: user.labelled - user.spoilers,
    movie_spoilers: movie.spoilers,
    movie_no_spoilers: movie.labelled - movie.spoilers,
  }
}

const NO_GENRES: ReadonlySet<string> = new Set()

/** Genres as the IMDB Spoiler Dataset names them, in lower case. */
function genreValues(genres: ReadonlySet<string>) {
  return {
    genre_action: flagOf(genres.has('action')),
    genre_animation: flagOf(genres.has('animation')),
    genre_comedy: flagOf(genres.has('comedy')),
    genre_drama: flagOf(genres.has('drama')),
    genre_horror: flagOf(genres.has('horror')),
    genre_mystery: flagOf(genres.has('mystery')),
    genre_romance: flagOf(genres.has('romance')),
    genre_sci_fi: flagOf(genres.has('sci-fi')),
    genre_thriller: flagOf(genres.has('thriller')),
  }
}

function flagOf(holds: boolean): 0 | 1 {
  return holds ? 1 : 0
}

/** Places of the cues as shares of the text; null without cues. */
function cuePlaces({ cueOffsets }: TextReading, units: number) {
  const lastThird = (units * 2) / 3
  const late = cueOffsets.filter((offset) => offset >= lastThird).length
  return {
    first: over(cueOffsets[0] ?? NaN, units),
    last: over(cueOffsets.at(-1) ?? NaN, units),
    shareLastThird: over(late, cueOffsets.length),
  }
}

const UNKNOWN_FILM = { plotKnown: 0, minutes: null, ageDays: null, decade: null }

function filmValues({ writtenAtMs }: Review, plot: PlotContext | null) {
  if (plot === null) return UNKNOWN_FILM
  const { durationMinutes, releasedAtMs } = plot.record
  return {
    plotKnown: flagOf(plot.terms.size > 0),
    minutes: durationMinutes === 0 ? null : durationMinutes,
    ageDays: releasedAtMs === null ? null : Math.floor((writtenAtMs - releasedAtMs) / DAY_MS),
    decade: releasedAtMs === null ? null : decadeOf(releasedAtMs / DAY_MS),
  }
}

/** First year of the decade, by the mean length of a year: within a day of the calendar. */
function decadeOf(daysSince1970: number): number {
  const year = Math.floor(1970 + daysSince1970 / MEAN_YEAR_DAYS)
  return Math.floor(year / 10) * 10
}
