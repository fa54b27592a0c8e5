import { expect, test } from 'vitest'
import { movieRow, movieView, PLOT_VIEW, plotRow, userRow, userView } from '../../../connectors/feast-rows.ts'

const COUNTERS = {
  buckets: [1],
  reviews: [2],
  labelled: [1],
  spoilers: [1],
  units: [900],
  ratings: [1],
  ratingSum: [8],
}
const FENCE = { lineage: 1, offset: 7 }

test('a user row has one double per feature of the view, then the counters as JSON', () => {
  const row = userRow(
    userView(['spoiler_rate', 'reviews']),
    { userId: 'u1', updatedAtMs: 5, values: [0.25, 2], counters: COUNTERS },
    FENCE,
  )
  expect(row).toMatchObject({ id: 'u1', lineage: 1, offset: 7, updatedAtMs: 5, view: { joinKey: 'user_id' } })
  expect(row.view.features).toEqual(['spoiler_rate', 'reviews', 'counters'])
  expect(row.values.slice(0, 2)).toEqual([
    { type: 'double', value: 0.25 },
    { type: 'double', value: 2 },
  ])
  const counters = row.values[2]
  if (counters?.type !== 'bytes') throw new Error('counters are no bytes')
  expect(JSON.parse(counters.value.toString())).toEqual(COUNTERS)
})

test.each([[], [1, 2, 3]])('a row of %d values for a view of two is refused', (...values) => {
  const value = { movieId: 'm1', updatedAtMs: 5, values, counters: COUNTERS }
  expect(() => movieRow(movieView(['a', 'b']), value, FENCE)).toThrow(RangeError)
})

const PLOT = {
  movieId: 'm1',
  title: 'Heat',
  genres: ['Crime'],
  durationMinutes: 170,
  releasedAtMs: -86_400_000,
  plotTerms: ['bank', 'heist'],
  endingTerms: [],
  updatedAtMs: 9,
}

test('a plot row has one value per feature of its view, and its release may lie before 1970', () => {
  const { values } = plotRow(PLOT, FENCE)
  expect(Object.fromEntries(PLOT_VIEW.features.map((name, i) => [name, values[i]]))).toEqual({
    title: { type: 'string', value: 'Heat' },
    genres: { type: 'stringList', value: ['Crime'] },
    duration_minutes: { type: 'int64', value: 170n },
    released_at_ms: { type: 'int64', value: -86_400_000n },
    plot_terms: { type: 'stringList', value: ['bank', 'heist'] },
    ending_terms: { type: 'stringList', value: [] },
  })
})

test('what is not known of a movie is unset, not 0', () => {
  const { values } = plotRow({ ...PLOT, durationMinutes: null, releasedAtMs: null }, FENCE)
  expect(values.filter(({ type }) => type === 'unset')).toHaveLength(2)
})
