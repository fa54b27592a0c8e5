import { expect, test } from 'vitest'
import { onlineRow, USER_VIEW } from '../../../connectors/online-rows.ts'
import type { UserFeatures } from '../../../schemas/generated.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'

const COUNTERS = { buckets: [], reviews: [], labelled: [], spoilers: [], units: [], ratings: [], ratingSum: [] }
const ROW: UserFeatures = {
  userId: 'u',
  updatedAtMs: 1_000,
  values: spoilerV1.views.user_features.map(() => 0.5),
  counters: COUNTERS,
}
const rowOf = (value: UserFeatures) => onlineRow({ topic: 'userFeatures', offset: 7, value }, 2)

test('a record that fits its view becomes a row, fenced by lineage and offset', () => {
  expect(rowOf(ROW)).toMatchObject({ value: { view: USER_VIEW, id: 'u', lineage: 2, offset: 7, updatedAtMs: 1_000 } })
})

test.each([
  { name: 'another number of values', value: { ...ROW, values: ROW.values.slice(1) }, cause: 'declared' },
  { name: 'an event time beyond the year 9999', value: { ...ROW, updatedAtMs: 1e15 }, cause: 'timestamp' },
])('a record with $name is poison: it must not stop the sink', ({ value, cause }) => {
  expect(rowOf(value)).toEqual({ poison: 'SPL_FEATURE_ROW_INVALID', cause: expect.stringContaining(cause) as string })
})
