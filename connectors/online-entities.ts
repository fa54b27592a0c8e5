import type { BucketCounters, MoviePlot } from '../schemas/generated.ts'
import { type FeatureView, PLOT_VIEW } from './feast-rows.ts'
import type { FeatureValue } from './feast-values.ts'
import { MOVIE_VIEW, USER_VIEW } from './online-rows.ts'
import type { OnlineStore, StoredRow } from './redis-online-store.ts'

/** What the store knows of a review's author and movie, as the feature functions read it; null where nothing. */
export interface OnlineEntities {
  readonly user: BucketCounters | null
  readonly movie: BucketCounters | null
  readonly plot: MoviePlot | null
}

/**
 * Reads what is known of an author and a movie; three requests at once.
 *
 * @param userId Null for an author that nothing is known of.
 * @throws SpoilerError SPL_REDIS_UNAVAILABLE.
 * @throws TypeError when a row is not of our writing.
 */
export async function readOnlineEntities(
  store: Pick<OnlineStore, 'read'>,
  { userId, movieId }: { readonly userId: string | null; readonly movieId: string },
): Promise<OnlineEntities> {
  const [user, movie, plot] = await Promise.all([
    userId === null ? undefined : store.read(USER_VIEW, userId),
    store.read(MOVIE_VIEW, movieId),
    store.read(PLOT_VIEW, movieId),
  ])
  return {
    user: countersOf(USER_VIEW, user),
    movie: countersOf(MOVIE_VIEW, movie),
    plot: plot === undefined ? null : plotOf(movieId, plot),
  }
}

function countersOf(view: FeatureView, row: StoredRow | undefined): BucketCounters | null {
  if (row === undefined) return null
  const bytes = valueOf(row, view.features.at(-1) as string, 'bytes')
  if (bytes === null) throw new TypeError(`${view.name} holds a row without counters`)
  return JSON.parse(bytes.toString('utf8')) as BucketCounters
}

/** The inverse of `plotRow`. */
function plotOf(movieId: string, row: StoredRow): MoviePlot {
  const numberOf = (name: string): number | null => {
    const value = valueOf(row, name, 'int64')
    return value === null ? null : Number(value)
  }
  return {
    movieId,
    title: valueOf(row, 'title', 'string') ?? '',
    genres: valueOf(row, 'genres', 'stringList') ?? [],
    durationMinutes: numberOf('duration_minutes'),
    releasedAtMs: numberOf('released_at_ms'),
    plotTerms: valueOf(row, 'plot_terms', 'stringList') ?? [],
    endingTerms: valueOf(row, 'ending_terms', 'stringList') ?? [],
    updatedAtMs: row.updatedAtMs,
  }
}

interface Values {
  readonly bytes: Buffer
  readonly string: string
  readonly int64: bigint
  readonly stringList: readonly string[]
}

/** Null when the feature is unset. */
function valueOf<T extends keyof Values>({ values }: StoredRow, name: string, type: T): Values[T] | null {
  const found: FeatureValue = values.get(name) ?? { type: 'unset' }
  if (found.type === 'unset') return null
  if (found.type !== type) throw new TypeError(`${name} is ${found.type}, not ${type}`)
  return found.value as Values[T]
}
