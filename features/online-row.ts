import type { BucketCounters, MoviePlot, Review } from '../schemas/generated.ts'
import type { FeatureService } from '../schemas/feature-services.ts'
import { asOf, NO_HISTORY } from './entity-history.ts'
import { featureRow, type FeatureRow } from './feature-row.ts'
import { plotContext } from './plot-terms.ts'

/** What the online store knows when a review comes; null where it knows nothing. */
export interface KnownEntities {
  readonly user: BucketCounters | null
  readonly movie: BucketCounters | null
  readonly plot: MoviePlot | null
}

/**
 * The feature row of a review that was not published: what the folds would make of it, if it came as the next one
 * after everything that the online store knows.
 */
export function onlineFeatureRow(
  review: Review,
  { user, movie, plot }: KnownEntities,
  service: FeatureService,
): FeatureRow {
  const historyOf = (counters: BucketCounters | null) =>
    asOf({ counters: counters ?? NO_HISTORY.counters }, review.writtenAtMs)
  const known = { user: historyOf(user), movie: historyOf(movie), plot: plot === null ? null : plotContext(plot) }
  return featureRow({ review, ...known }, service)
}
