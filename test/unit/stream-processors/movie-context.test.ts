import { expect, test } from 'vitest'
import type { Movie, MovieActivity, Review, ReviewInContext } from '../../../schemas/generated.ts'
import { asOf, NO_HISTORY } from '../../../features/entity-history.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { movieContext } from '../../../stream-processors/movie-context.ts'
import { featureOf } from '../../support/as-of-oracle.ts'
import { valuesTo } from '../../support/fold-chain.ts'
import { EXAMPLE, LOG_START_MS, record, WEEK_MS } from '../../support/review-world.ts'
import { drive } from '../../support/topology-test-driver.ts'

const { review, label, movie } = EXAMPLE
const POSITION = { topic: 'user-activity', partition: 3, offset: 9 }
const SOURCE = { topic: 'reviews', partition: 1, offset: 4 }
const USER = asOf(NO_HISTORY, 0)

type Change = Partial<Omit<MovieActivity, 'movieId'>>

function reviewed(change: Partial<Review>, rest: Partial<ReviewInContext> = {}): Change {
  const positions = { reviewPosition: SOURCE, reviewAppendedAtMs: LOG_START_MS - 5, userActivityPosition: POSITION }
  return {
    review: { review: { ...review, ...change }, previous: null, ownLabel: null, user: USER, ...positions, ...rest },
  }
}

function fold(...changes: Change[]) {
  const log = changes.map((change, offset) => {
    const value = { movieId: 'm1', review: null, label: null, movie: null, ...change }
    return record('movie-activity', { value, offset, appendedAtMs: LOG_START_MS + offset })
  })
  const { output, ...rest } = drive(
    movieContext(() => spoilerV1),
    log,
  )
  return { ...rest, output, rows: valuesTo('reviewFeatures', output), movies: valuesTo('movieFeatures', output) }
}

test('a feature row carries the review, its service and the three positions that it was folded from', () => {
  const { rows } = fold({ movie }, reviewed({ summary: 'Fine' }))
  expect(rows).toHaveLength(1)
  expect(rows[0]).toMatchObject({
    reviewId: 'r1',
    userId: 'u1',
    movieId: 'm1',
    revision: 0,
    text: review.text,
    summary: 'Fine',
    rating: 8,
    featureService: 'spoiler_v1',
    reviewPosition: SOURCE,
    reviewAppendedAtMs: LOG_START_MS - 5,
    userActivityPosition: POSITION,
    movieActivityPosition: { topic: 'movie-activity', partition: 0, offset: 1 },
    sentences: [{ start: 0, end: 12 }],
  })
})

test('metadata count for reviews behind them only, and are published as terms', () => {
  const { rows, output } = fold(
    reviewed({}),
    { movie },
    reviewed({ reviewId: 'r2', text: 'Andy escapes through a tunnel.' }),
  )
  expect(rows.map(({ values }) => featureOf(values, 'movie_known'))).toEqual([0, 1])
  expect(featureOf(rows[1]?.values ?? [], 'ending_overlap')).toBeGreaterThan(0)
  expect(valuesTo('moviePlots', output)).toMatchObject([
    { movieId: 'm1', durationMinutes: 100, updatedAtMs: movie.updatedAtMs },
  ])
})

test('an older version of the metadata is late; an equal or newer one replaces them', () => {
  const at = (updatedAtMs: number, title: string): { movie: Movie } => ({ movie: { ...movie, updatedAtMs, title } })
  const { output, drops } = fold(at(10, 'b'), at(9, 'a'), at(10, 'c'), at(11, 'd'))
  expect(valuesTo('moviePlots', output).map(({ title }) => title)).toEqual(['b', 'c', 'd'])
  expect(drops).toEqual(['late'])
})

test('a label change moves the counters from the earlier bucket and answer to the new ones', () => {
  const { movies } = fold(
    reviewed({}),
    { label: { label, previous: null } },
    {
      label: {
        label: { ...label, isSpoiler: false, revision: 1, labelledAtMs: label.labelledAtMs + WEEK_MS },
        previous: label,
      },
    },
  )
  const last = movies.at(-1)?.counters
  expect(last?.buckets).toHaveLength(2)
  expect([last?.reviews, last?.labelled, last?.spoilers]).toEqual([
    [1, 0],
    [0, 1],
    [0, 0],
  ])
})

test('a revised review does not count its own earlier revision or label, and replaces its counts', () => {
  const writtenAtMs = review.writtenAtMs + 4 * WEEK_MS
  const previous = { revision: 0, units: review.text.length, rating: 8, writtenAtMs: review.writtenAtMs }
  const { rows, movies } = fold(
    reviewed({}),
    { label: { label, previous: null } },
    reviewed({ revision: 1, rating: 3, writtenAtMs }, { previous, ownLabel: label }),
  )
  expect(featureOf(rows[1]?.values ?? [], 'movie_reviews')).toBe(0)
  expect(featureOf(rows[1]?.values ?? [], 'movie_labelled')).toBe(0)
  expect(movies.at(-1)?.counters).toMatchObject({ reviews: [0, 1], labelled: [1, 0], ratingSum: [0, 3] })
})

test('a record that holds nothing is a bug of ours', () => {
  expect(() => fold({})).toThrow(RangeError)
})
