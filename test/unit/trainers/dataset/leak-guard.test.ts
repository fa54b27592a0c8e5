import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import type { DatasetRow, Span } from '../../../../trainers/dataset/dataset-row.ts'
import { LeakGuard } from '../../../../trainers/dataset/leak-guard.ts'
import type { SplitBy } from '../../../../trainers/dataset/manifest.ts'
import { exampleRow } from '../../../support/datasets.ts'
import { LOG_START_MS } from '../../../support/review-world.ts'

const at = (number: number): number => LOG_START_MS + number * 1000
const spans = [
  { span: 'fit', fromMs: null, untilMs: at(50), labelsUntilMs: at(50) },
  { span: 'gate', fromMs: at(50), untilMs: null, labelsUntilMs: null },
] as const
const row = (number: number, span: Span, other: Partial<DatasetRow> = {}): DatasetRow =>
  exampleRow(number, span, { userId: `u${number}`, movieId: `m${number}`, ...other })

function check(rows: readonly DatasetRow[], by: SplitBy = 'time'): void {
  using guard = new LeakGuard({ by, spans }, tmpdir())
  for (const one of rows) guard.check(one)
  guard.end()
}

test.each<{ name: string; rows: DatasetRow[]; by?: SplitBy }>([
  { name: 'rows of both spans in order', rows: [row(1, 'fit'), row(2, 'fit'), row(60, 'gate')] },
  {
    name: 'equal review ids of two users',
    rows: [row(1, 'fit', { reviewId: 'x' }), row(60, 'gate', { reviewId: 'x' })],
  },
  { name: 'a movie in two spans of time', rows: [row(1, 'fit', { movieId: 'm' }), row(60, 'gate', { movieId: 'm' })] },
  { name: 'spans by turns, each in order', rows: [row(1, 'fit'), row(60, 'gate'), row(2, 'fit')] },
  {
    name: 'a user twice in the gate',
    by: 'cold-user',
    rows: [row(60, 'gate', { userId: 'u' }), row(61, 'gate', { userId: 'u' })],
  },
])('$name is no leak', ({ rows, by }) => {
  expect(() => check(rows, by)).not.toThrow()
})

test.each<{ name: string; rows: DatasetRow[]; by?: SplitBy; says: string }>([
  {
    name: 'a review in two spans',
    rows: [row(1, 'fit', { userId: 'u', reviewId: 'x' }), row(60, 'gate', { userId: 'u', reviewId: 'x' })],
    says: 'stands in the data set twice',
  },
  {
    name: 'two revisions of a review in one span',
    rows: [row(1, 'fit', { userId: 'u', reviewId: 'x' }), row(2, 'fit', { userId: 'u', reviewId: 'x' })],
    says: 'stands in the data set twice',
  },
  { name: 'a row of a later span', rows: [row(60, 'fit')], says: 'outside the times of its span' },
  { name: 'a row of an earlier span', rows: [row(49, 'gate')], says: 'outside the times of its span' },
  {
    name: 'a label that came when the next span had begun',
    rows: [row(1, 'fit', { labelAppendedAtMs: at(50) })],
    says: 'has a label of a later span',
  },
  { name: 'rows out of order', rows: [row(2, 'fit'), row(1, 'fit')], says: 'stands behind review r2' },
  {
    name: 'by movie: a movie in two spans',
    by: 'movie',
    rows: [row(1, 'fit', { movieId: 'm' }), row(60, 'gate', { movieId: 'm' })],
    says: 'is of movie m, which also stands in fit',
  },
  {
    name: 'by cold users: a user of the gate in another span',
    by: 'cold-user',
    rows: [row(60, 'gate', { userId: 'u' }), row(1, 'fit', { userId: 'u' })],
    says: 'is of user u, who also stands in another span',
  },
])('$name is a leak', ({ rows, by, says }) => {
  expect(() => check(rows, by)).toThrow(new RegExp(`SPL_DATASET_LEAK.*${says}`))
})
