import { afterLabel, afterReview, asOf, NO_HISTORY, withoutLabel, withoutReview } from '../features/entity-history.ts'
import { featureRow, movieFeatureValues } from '../features/feature-row.ts'
import { plotContext, plotOf } from '../features/plot-terms.ts'
import type { PlotContext } from '../features/plot-terms.ts'
import type { FeatureService } from '../schemas/feature-services.ts'
import type {
  EntityHistory,
  LabelChange,
  LogPosition,
  Movie,
  MovieActivity,
  MoviePlot,
  ReviewFeatures,
  ReviewInContext,
} from '../schemas/generated.ts'
import { NOTHING } from '../schemas/processor.ts'
import type { Processor, ReadonlyStores, Step, StreamRecord } from '../schemas/processor.ts'

export interface MovieStores {
  /** Metadata, by movie id. */
  readonly movies: PlotContext
  /** Counters, by movie id. */
  readonly histories: EntityHistory
}

type Stores = ReadonlyStores<MovieStores>
type MovieStep = Step<MovieStores>

/** Name and stores of the fold. */
export const MOVIE_CONTEXT = {
  name: 'movie-context',
  stores: {
    movies: {
      schema: 'MoviePlot',
      toRecord: (context) => context.record,
      fromRecord: (record: MoviePlot) => plotContext(record),
    },
    histories: { schema: 'EntityHistory' },
  },
} as const satisfies Pick<Processor<MovieActivity, MovieStores>, 'name' | 'stores'>

/** The feature service of the row of a review, by the place of the review in `movie-activity`. */
export type ServiceAt = (position: LogPosition) => FeatureService

/**
 * Folds what happens to a movie: keeps its metadata and counters, and makes of every review the feature row that a
 * scorer reads. user-history has already told duplicates and revisions apart and fixed the user's side.
 *
 * @param serviceAt Decides the values of rows and nothing else: the state is the same for every service.
 */
export function movieContext(serviceAt: ServiceAt): Processor<MovieActivity, MovieStores> {
  return {
    ...MOVIE_CONTEXT,

    onRecord(record, stores) {
      const { review, label, movie } = record.value
      if (review !== null) return onReview(record, { inContext: review, service: serviceAt(record.position) }, stores)
      if (label !== null) return onLabel(record.value.movieId, label, stores)
      if (movie !== null) return onMovie(movie, stores)
      throw new RangeError('a record of movie-activity holds a review, a label or a movie')
    },
  }
}

/** The newest version by its own time counts; `movies` may be loaded in any order. */
function onMovie(movie: Movie, stores: Stores): MovieStep {
  const known = stores.movies.get(movie.movieId)
  if (known !== undefined && movie.updatedAtMs < known.record.updatedAtMs)
    return { ...NOTHING, drops: [{ reason: 'late' }] }
  const plot = plotOf(movie)
  return {
    ...NOTHING,
    puts: [{ store: 'movies', key: movie.movieId, value: plotContext(plot) }],
    forwards: [{ to: 'moviePlots', value: plot }],
  }
}

function onLabel(movieId: string, { label, previous }: LabelChange, stores: Stores): MovieStep {
  const before = stores.histories.get(movieId) ?? NO_HISTORY
  return changed(movieId, afterLabel(previous === null ? before : withoutLabel(before, previous), label), [])
}

function onReview(
  { value, position }: StreamRecord<MovieActivity>,
  { inContext, service }: { readonly inContext: ReviewInContext; readonly service: FeatureService },
  stores: Stores,
): MovieStep {
  const { movieId } = value
  const { review, previous, ownLabel, user } = inContext
  const before = stores.histories.get(movieId) ?? NO_HISTORY
  const others = previous === null ? before : withoutReview(before, previous)
  const movie = asOf(ownLabel === null ? others : withoutLabel(others, ownLabel), review.writtenAtMs)
  const context = { review, user, movie, plot: stores.movies.get(movieId) ?? null }
  const { values, sentences } = featureRow(context, service)
  const { revision, rating, writtenAtMs, text } = review
  const row: ReviewFeatures = {
    reviewId: review.reviewId,
    userId: review.userId,
    movieId,
    revision,
    writtenAtMs,
    text,
    summary: review.summary,
    rating,
    featureService: service.name,
    values,
    sentences,
    reviewPosition: inContext.reviewPosition,
    reviewAppendedAtMs: inContext.reviewAppendedAtMs,
    userActivityPosition: inContext.userActivityPosition,
    movieActivityPosition: position,
  }
  return changed(movieId, afterReview(others, { revision, units: text.length, rating, writtenAtMs }), [row])
}

/** Puts the counters and publishes the movie's newest row beside the rows of its reviews. */
function changed(movieId: string, history: EntityHistory, rows: readonly ReviewFeatures[]): MovieStep {
  const { updatedAtMs, counters } = history
  const values = movieFeatureValues(asOf(history, updatedAtMs), updatedAtMs)
  return {
    puts: [{ store: 'histories', key: movieId, value: history }],
    forwards: [
      ...rows.map((value) => ({ to: 'reviewFeatures', value }) as const),
      { to: 'movieFeatures', value: { movieId, updatedAtMs, values, counters } },
    ],
    drops: [],
    rejects: [],
  }
}
