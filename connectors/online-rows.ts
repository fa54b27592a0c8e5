import type { MovieFeatures, MoviePlot, UserFeatures } from '../schemas/generated.ts'
import { spoilerV1 } from '../schemas/spoiler-v1.ts'
import { type FencedRow, movieRow, movieView, PLOT_VIEW, plotRow, userRow, userView } from './feast-rows.ts'

export const USER_VIEW = userView(spoilerV1.views.user_features.map(({ name }) => name))
export const MOVIE_VIEW = movieView(spoilerV1.views.movie_features.map(({ name }) => name))
/** Every view that the online store holds. */
export const ONLINE_VIEWS = [USER_VIEW, MOVIE_VIEW, PLOT_VIEW] as const

/** The row of a record of `user-features`, `movie-features` or `movie-plots`. */
export function onlineRow(
  { topic, offset, value }: { readonly topic: string; readonly offset: number; readonly value: unknown },
  lineage: number,
): FencedRow {
  const fence = { lineage, offset }
  switch (topic) {
    case 'userFeatures':
      return userRow(USER_VIEW, value as UserFeatures, fence)
    case 'movieFeatures':
      return movieRow(MOVIE_VIEW, value as MovieFeatures, fence)
    case 'moviePlots':
      return plotRow(value as MoviePlot, fence)
    default:
      throw new RangeError(`the online store has no view of ${topic}`)
  }
}
