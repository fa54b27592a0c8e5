import { count, type Feature, spoilerV1 } from './spoiler-v1.ts'

const MOST_LABELS = 10_000_000

/**
 * Both sides of the rates of `spoiler_v1`: a linear model that sees their logarithms sees the odds, and how much is
 * known, where a smoothed rate says how likely only.
 */
const labelFeatures = [
  count('user_spoilers', 'labels', 'Spoilers among the earlier labelled reviews of the author.', { max: MOST_LABELS }),
  count('user_no_spoilers', 'labels', 'The others of them.', { max: MOST_LABELS }),
  count('movie_spoilers', 'labels', 'Spoilers among the earlier labelled reviews of the movie.', { max: MOST_LABELS }),
  count('movie_no_spoilers', 'labels', 'The others of them.', { max: MOST_LABELS }),
] as const

/**
 * The feature service `spoiler_v2`: `spoiler_v1` as it is, and behind it the labels that were known, by what they say.
 * Small, to show the way from one service to the next: a baseline is not shown to score better by it (docs/adr/0014).
 */
export const spoilerV2 = {
  name: 'spoiler_v2',
  views: { ...spoilerV1.views, label_features: labelFeatures },
  features: [...spoilerV1.features, ...labelFeatures] as readonly Feature[],
} as const
