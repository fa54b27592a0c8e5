import type { MovieFeatures, MoviePlot, UserFeatures } from '../schemas/generated.ts'
import { featureField, timestampField } from './feast-keys.ts'
import type { FeatureValue } from './feast-values.ts'

/** A feature view as Redis knows it: its hash fields are computed once, not once a row. */
export interface FeatureView {
  readonly name: string
  /** Join key of its one entity. */
  readonly joinKey: string
  readonly features: readonly string[]
  /** Hash field of each feature, in the same order. */
  readonly fields: readonly Buffer[]
  /** Hash field of the row's event time. */
  readonly timestampField: Buffer
  /** Hash field of the row's fence, `lineage:offset`; ours, Feast does not look at it. */
  readonly fenceField: Buffer
}

/** Where in which log a row comes from. Only a greater fence may replace a row. */
export interface Fence {
  /** Grows when a topic is recreated or repartitioned; 0 to 2^53. */
  readonly lineage: number
  /** Log offset, 0 to 2^53. */
  readonly offset: number
}

/** One row of a feature view, with the log position that fences it. */
export interface FencedRow extends Fence {
  readonly view: FeatureView
  /** Value of the view's join key. */
  readonly id: string
  /** Feast's `_ts:` field: event time, Unix milliseconds. Decides nothing. */
  readonly updatedAtMs: number
  /** One value per feature of the view, in its order. */
  readonly values: readonly FeatureValue[]
}

/** Beside the finished features, rows carry the bucket counters: JSON of `BucketCounters`, UTF-8, as Feast `bytes`. */
const COUNTERS = 'counters'

function featureView(name: string, joinKey: string, features: readonly string[]): FeatureView {
  return {
    name,
    joinKey,
    features,
    fields: features.map((feature) => featureField(name, feature)),
    timestampField: timestampField(name),
    fenceField: Buffer.from(`_offset:${name}`, 'utf8'),
  }
}

/** @param names Features of the view, in the order of `UserFeatures.values`. */
export function userView(names: readonly string[]): FeatureView {
  return featureView('user_features', 'user_id', [...names, COUNTERS])
}

/** @param names Features of the view, in the order of `MovieFeatures.values`. */
export function movieView(names: readonly string[]): FeatureView {
  return featureView('movie_features', 'movie_id', [...names, COUNTERS])
}

/** Metadata of movies. Shares the movie's hash with `movie_features`, having the same join key. */
export const PLOT_VIEW = featureView('movie_plots', 'movie_id', [
  'title',
  'genres',
  'duration_minutes',
  'released_at_ms',
  'plot_terms',
  'ending_terms',
])

/** Row of a record of `user-features`. @throws RangeError if the record does not fit the view. */
export function userRow(view: FeatureView, value: UserFeatures, fence: Fence): FencedRow {
  return historyRow(view, value.userId, value, fence)
}

/** Row of a record of `movie-features`. @throws RangeError if the record does not fit the view. */
export function movieRow(view: FeatureView, value: MovieFeatures, fence: Fence): FencedRow {
  return historyRow(view, value.movieId, value, fence)
}

/** Row of a record of `movie-plots`. What is not known is written unset, as Feast writes None. */
export function plotRow(value: MoviePlot, { lineage, offset }: Fence): FencedRow {
  const { durationMinutes, releasedAtMs } = value
  const values: FeatureValue[] = [
    { type: 'string', value: value.title },
    { type: 'stringList', value: value.genres },
    optionalInt64(durationMinutes),
    optionalInt64(releasedAtMs),
    { type: 'stringList', value: value.plotTerms },
    { type: 'stringList', value: value.endingTerms },
  ]
  return { view: PLOT_VIEW, id: value.movieId, lineage, offset, updatedAtMs: value.updatedAtMs, values }
}

function historyRow(
  view: FeatureView,
  id: string,
  { values, counters, updatedAtMs }: Pick<UserFeatures, 'values' | 'counters' | 'updatedAtMs'>,
  { lineage, offset }: Fence,
): FencedRow {
  const declared = view.features.length - 1
  if (values.length !== declared) throw new RangeError(`${view.name}: ${values.length} values, ${declared} declared`)
  const doubles = values.map((value): FeatureValue => ({ type: 'double', value }))
  const bytes: FeatureValue = { type: 'bytes', value: Buffer.from(JSON.stringify(counters), 'utf8') }
  return { view, id, lineage, offset, updatedAtMs, values: [...doubles, bytes] }
}

function optionalInt64(value: number | null): FeatureValue {
  return value === null ? { type: 'unset' } : { type: 'int64', value: BigInt(value) }
}
