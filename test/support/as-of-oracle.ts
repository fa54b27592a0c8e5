import fc from 'fast-check'
import { expect } from 'vitest'
import type { Review, ReviewFeatures, ReviewLabel } from '../../schemas/generated.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { chain } from './fold-chain.ts'
import type { Chained } from './fold-chain.ts'
import { anyInputs, logOf, WEEK_MS } from './review-world.ts'

/** Value of a feature in a row, by its name. */
export function featureOf(values: readonly number[], name: string): number {
  const value = values[spoilerV1.features.findIndex((feature) => feature.name === name)]
  if (value === undefined) throw new RangeError(`no feature ${name}`)
  return value
}

interface Known {
  readonly reviews: number
  readonly labelled: number
  readonly spoilers: number
}

/**
 * What may be known of a user or movie at a row, counted the slow way from the whole log of user-activity: the newest
 * revisions before the row's own record, without the review itself.
 */
function knownAt(row: ReviewFeatures, by: 'userId' | 'movieId', { userActivity }: Chained): Known {
  const reviews = new Map<string, Review>()
  const labels = new Map<string, ReviewLabel>()
  const idOf = ({ userId, reviewId }: Review | ReviewLabel): string => `${userId}/${reviewId}`
  for (const { value } of userActivity.slice(0, row.userActivityPosition.offset)) {
    const newest = <V extends Review | ReviewLabel>(known: Map<string, V>, entry: V): unknown =>
      entry.revision > (known.get(idOf(entry))?.revision ?? -1) && known.set(idOf(entry), entry)
    if (value.review !== null) newest(reviews, value.review)
    if (value.label !== null) newest(labels, value.label)
  }
  const week = (ms: number): number => Math.floor(ms / WEEK_MS)
  const others = [...reviews.values()].filter(
    (other) => other[by] === row[by] && other.reviewId + other.userId !== row.reviewId + row.userId,
  )
  // a label whose review has not been seen waits, and counts for nobody
  const counted = others
    .map((other) => labels.get(idOf(other)))
    .filter((label): label is ReviewLabel => label !== undefined && week(label.labelledAtMs) < week(row.writtenAtMs))
  for (const label of counted) expect(label.labelledAtMs).toBeLessThan(row.writtenAtMs)
  return {
    reviews: others.filter((other) => week(other.writtenAtMs) <= week(row.writtenAtMs)).length,
    labelled: counted.length,
    spoilers: counted.filter((label) => label.isSpoiler).length,
  }
}

/** @throws if any feature row of any log counts a label or a review that was not known when the review was written. */
export function checkThatLabelsCountOnlyForLaterReviews(): void {
  let rowsWithLabels = 0
  fc.assert(
    fc.property(anyInputs, (inputs) => {
      const folded = chain(logOf(inputs))
      for (const row of folded.rows) {
        for (const entity of ['user', 'movie'] as const) {
          const { reviews, labelled, spoilers } = knownAt(row, `${entity}Id`, folded)
          if (labelled > 0) rowsWithLabels += 1
          expect(featureOf(row.values, `${entity}_reviews`)).toBe(reviews)
          expect(featureOf(row.values, `${entity}_labelled`)).toBe(labelled)
          expect(featureOf(row.values, `${entity}_spoiler_rate`)).toBe((spoilers + 0.263 * 8) / (labelled + 8))
        }
      }
    }),
    { seed: 7, numRuns: 300 },
  )
  expect(rowsWithLabels, 'the check must meet labels that count').toBeGreaterThan(300)
}
