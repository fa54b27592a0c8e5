import { expect, test } from 'vitest'
import type { Review, ReviewLabel, UserActivity } from '../../../schemas/generated.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import { topics } from '../../../schemas/topics.ts'
import {
  KNOWN_REVIEW_MS,
  MAX_EXPIRED_PER_STEP,
  PENDING_LABEL_MS,
  userHistory,
} from '../../../stream-processors/user-history.ts'
import { valuesTo } from '../../support/fold-chain.ts'
import { EXAMPLE, LOG_START_MS, record, WEEK_MS } from '../../support/review-world.ts'
import { drive } from '../../support/topology-test-driver.ts'

const { review, label } = EXAMPLE
const SOURCE = { topic: topics.reviews.name, partition: 0, offset: 40 }

type Entry = { readonly review?: Partial<Review>; readonly label?: Partial<ReviewLabel>; readonly atMs?: number }

/** A log of one user; records are one millisecond apart unless they say when they came. */
function logOf(entries: readonly Entry[]): StreamRecord<UserActivity>[] {
  return entries.map((entry, offset) => {
    const value: UserActivity = {
      userId: 'u1',
      review: entry.review === undefined ? null : { ...review, ...entry.review },
      label: entry.label === undefined ? null : { ...label, ...entry.label },
      source: SOURCE,
      sourceAppendedAtMs: LOG_START_MS - 5,
    }
    return record('user-activity', { value, offset, appendedAtMs: LOG_START_MS + (entry.atMs ?? offset) })
  })
}

function fold(...entries: Entry[]) {
  const { output, ...rest } = drive(userHistory, logOf(entries))
  return { ...rest, output, movies: valuesTo('movieActivity', output), late: valuesTo('lateRecords', output) }
}

test('a review goes to its movie with the history of its author and both positions', () => {
  const later = review.writtenAtMs + 2 * WEEK_MS
  const { movies } = fold({ review: {} }, { label: {} }, { review: { reviewId: 'r2', writtenAtMs: later } })
  expect(movies).toHaveLength(3)
  expect(movies[2]).toMatchObject({
    movieId: 'm1',
    review: {
      previous: null,
      ownLabel: null,
      user: { reviews: 1, labelled: 1, spoilers: 1, decayedLabelled: 16, units: review.text.length, ratingSum: 8 },
      reviewPosition: SOURCE,
      reviewAppendedAtMs: LOG_START_MS - 5,
      userActivityPosition: { topic: 'user-activity', partition: 0, offset: 2 },
    },
  })
})

test('an equal or lower revision is a duplicate: counted, and handed to nobody', () => {
  const { output, drops } = fold({ review: { revision: 1 } }, { review: { revision: 1 } }, { review: {} })
  expect(drops).toEqual(['duplicate', 'duplicate'])
  expect(output).toHaveLength(2)
})

test('the same review id of another user is another review', () => {
  const other = logOf([{ review: {} }, { review: { userId: 'u2' } }])
  expect(drive(userHistory, other).drops).toEqual([])
})

test('a higher revision is scored again, without its own earlier revision and label in its history', () => {
  const { movies } = fold(
    { review: { rating: 2 } },
    { label: {} },
    { review: { revision: 1, writtenAtMs: review.writtenAtMs + 3 * WEEK_MS } },
  )
  expect(movies[2]?.review).toMatchObject({
    previous: { revision: 0, rating: 2, units: review.text.length, writtenAtMs: review.writtenAtMs },
    ownLabel: { revision: 0, isSpoiler: true, labelledAtMs: label.labelledAtMs },
    user: { reviews: 0, labelled: 0, spoilers: 0, ratings: 0, firstBucket: null },
  })
})

test('a label that takes effect goes to the evaluator, and no other does', () => {
  const { output } = fold(
    { label: {} },
    { review: {} },
    { label: {} },
    { label: { revision: 2, movieId: 'm9' } },
    { label: { revision: 1, source: 'audit' } },
  )
  const { reviewId, userId, movieId, revision, isSpoiler, source, labelledAtMs } = label
  const first = { revision, isSpoiler, source, labelledAtMs }
  const named = { reviewId, userId, movieId, score: null, row: null }
  expect(valuesTo('scoreActivity', output)).toEqual([
    { ...named, label: first },
    { ...named, label: { ...first, revision: 1, source: 'audit' } },
  ])
})

test('a label of a known review goes to its movie with what it replaces; older and equal ones are duplicates', () => {
  const { movies, drops } = fold(
    { review: {} },
    { label: { revision: 1 } },
    { label: { revision: 1, isSpoiler: false } },
    { label: { revision: 0 } },
    { label: { revision: 2, isSpoiler: false } },
  )
  expect(drops).toEqual(['duplicate', 'duplicate'])
  expect(movies.map((entry) => [entry.label?.label.revision, entry.label?.previous?.revision])).toEqual([
    [undefined, undefined],
    [1, undefined],
    [2, 1],
  ])
})

test('a label that came first waits, and takes effect behind its review, in its newest revision', () => {
  const { movies, drops, state } = fold(
    { label: {} },
    { label: { revision: 2 } },
    { label: { revision: 1 } },
    { review: {} },
  )
  expect(drops).toEqual(['duplicate'])
  expect(movies.map((entry) => (entry.review === null ? entry.label?.label.revision : 'review'))).toEqual(['review', 2])
  expect(movies[0]?.review?.user.labelled).toBe(0)
  expect(state.stores.pendingLabels).toEqual([])
})

test('a label whose review does not come in time goes to late-records, with the place where it was read', () => {
  const { late, drops, movies } = fold(
    { label: {} },
    { review: { reviewId: 'r9' }, atMs: PENDING_LABEL_MS },
    { review: {} },
  )
  expect(late).toEqual([
    {
      reason: 'review-unknown',
      component: 'user-history',
      source: { topic: 'user-activity', partition: 0, offset: 0 },
      label,
    },
  ])
  expect(drops).toEqual(['late'])
  expect(movies.every((entry) => entry.label === null)).toBe(true)
})

test('a label one millisecond younger still waits', () => {
  const { late, movies } = fold(
    { label: {} },
    { review: { reviewId: 'r9' }, atMs: PENDING_LABEL_MS - 1 },
    { review: {} },
  )
  expect(late).toEqual([])
  expect(movies.filter((entry) => entry.label !== null)).toHaveLength(1)
})

test('what names another movie than the review did is refused, or late where it waited', () => {
  const refused = fold({ review: {} }, { label: { movieId: 'm2' } }, { review: { revision: 1, movieId: 'm2' } })
  expect(refused.rejects.map(({ code }) => code)).toEqual(['SPL_MOVIE_MISMATCH', 'SPL_MOVIE_MISMATCH'])
  expect(refused.movies).toHaveLength(1)
  const waited = fold({ label: { movieId: 'm2' } }, { review: {} })
  expect(waited.late).toMatchObject([{ reason: 'movie-mismatch', label: { movieId: 'm2' } }])
  expect(waited.drops).toEqual(['late'])
  expect(waited.state.stores.pendingLabels).toEqual([])
  expect(waited.movies).toHaveLength(1)
})

test('a review is known for the retention of reviews after the last word of it, and no longer', () => {
  const known = fold({ review: {} }, { review: {}, atMs: KNOWN_REVIEW_MS - 1 })
  expect(known.drops).toEqual(['duplicate'])
  const labelled = fold({ review: {} }, { label: {}, atMs: 1_000 }, { review: {}, atMs: KNOWN_REVIEW_MS + 999 })
  expect(labelled.drops).toEqual(['duplicate'])
  const forgotten = fold({ review: {} }, { review: {}, atMs: KNOWN_REVIEW_MS })
  expect(forgotten.drops).toEqual([])
})

test('expiry is bounded in each step, and catches up', () => {
  const many = Array.from({ length: 3 * MAX_EXPIRED_PER_STEP }, (_, i) => ({ label: { reviewId: `r${i}` }, atMs: 0 }))
  const ticks = [0, 1, 2].map((i) => ({ review: { reviewId: `tick${i}` }, atMs: PENDING_LABEL_MS + i }))
  const late = (count: number): number => fold(...many, ...ticks.slice(0, count)).late.length
  expect([late(1), late(2), late(3)]).toEqual([64, 128, 192])
})

test('one newest row of the user for each step that changed the counters', () => {
  const { output } = fold({ label: {} }, { review: {} }, { review: {} }, { label: { revision: 1 } })
  const rows = valuesTo('userFeatures', output)
  expect(rows.map((row) => [row.counters.reviews, row.counters.labelled])).toEqual([
    [[1], [1]],
    [[1], [1]],
  ])
})

test('a record that holds neither review nor label is a bug of ours', () => {
  expect(() => fold({})).toThrow(RangeError)
})
