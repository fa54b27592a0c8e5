import type { Decoded } from '../platform/record-codec.ts'
import type { MovieFeatures, MoviePlot, UserFeatures } from '../schemas/generated.ts'
import type { TopicId } from '../schemas/topics.ts'
import { spoilerV1 } from '../schemas/spoiler-v1.ts'
import { type FencedRow, movieRow, movieView, PLOT_VIEW, plotRow, userRow, userView } from './feast-rows.ts'
import { encodeTimestamp } from './feast-values.ts'

export const USER_VIEW = userView(spoilerV1.views.user_features.map(({ name }) => name))
export const MOVIE_VIEW = movieView(spoilerV1.views.movie_features.map(({ name }) => name))
/** Topics whose newest records the online store holds. */
export const ONLINE_TOPICS = ['userFeatures', 'movieFeatures', 'moviePlots'] as const satisfies TopicId[]

/** Every view that the online store holds. */
export const ONLINE_VIEWS = [USER_VIEW, MOVIE_VIEW, PLOT_VIEW] as const

/** A decoded record of a topic that the online store holds. */
interface OnlineRecord {
  readonly topic: (typeof ONLINE_TOPICS)[number]
  readonly offset: number
  readonly value: unknown
}

/** The row of a record of `user-features`, `movie-features` or `movie-plots`; poison when it does not fit its view. */
export function onlineRow(record: OnlineRecord, lineage: number): Decoded<FencedRow> {
  try {
    const row = rowOf(record, lineage)
    encodeTimestamp(row.updatedAtMs)
    return { value: row }
  } catch (cause) {
    return { poison: 'SPL_FEATURE_ROW_INVALID', cause: (cause as Error).message }
  }
}

function rowOf({ topic, offset, value }: OnlineRecord, lineage: number): FencedRow {
  const fence = { lineage, offset }
  switch (topic) {
    case 'userFeatures':
      return userRow(USER_VIEW, value as UserFeatures, fence)
    case 'movieFeatures':
      return movieRow(MOVIE_VIEW, value as MovieFeatures, fence)
    case 'moviePlots':
      return plotRow(value as MoviePlot, fence)
  }
}
