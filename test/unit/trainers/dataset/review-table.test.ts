import { expect, test } from 'vitest'
import { LabelClock, ReviewTable, type SeenRow } from '../../../../trainers/dataset/review-table.ts'
import { EXAMPLE } from '../../../support/review-world.ts'

const ROW: SeenRow = {
  userId: 'u1',
  reviewId: 'r1',
  movieId: 'm1',
  revision: 1,
  writtenAtMs: 5,
  appendedAtMs: 7,
  partition: 3,
  offset: 2 ** 53 - 1,
}

test.each([
  { name: 'a higher revision', other: { revision: 2, offset: 9 }, counts: 9 },
  { name: 'an equal revision that comes later', other: { revision: 1, offset: 9 }, counts: 9 },
  { name: 'not a lower revision that comes later', other: { revision: 0, offset: 9 }, counts: 2 ** 53 - 1 },
])('of two rows of a review counts $name', ({ other, counts }) => {
  const table = new ReviewTable()
  table.addRow(ROW)
  table.addRow({ ...ROW, ...other })
  expect(table.size).toBe(1)
  expect(table.row(0)).toEqual({ ...ROW, revision: Math.max(1, other.revision), offset: counts })
})

test('equal review ids of two users are two reviews, each with its own label', () => {
  const table = new ReviewTable()
  table.addRow(ROW)
  table.addRow({ ...ROW, userId: 'u2' })
  table.addLabel({ ...EXAMPLE.label, userId: 'u2' }, 10)
  expect([table.size, table.hasLabel(0), table.hasLabel(1)]).toEqual([2, false, true])
  expect(table.numberOf({ userId: 'u2', reviewId: 'r1' })).toBe(1)
})

test('the label of the highest revision before a time counts; of equal revisions the first', () => {
  const table = new ReviewTable()
  table.addRow(ROW)
  const say = (revision: number, isSpoiler: boolean, appendedAtMs: number, source = 'report'): void =>
    table.addLabel({ ...EXAMPLE.label, revision, isSpoiler, source }, appendedAtMs)
  say(0, true, 10)
  say(2, false, 20, 'moderator')
  say(2, true, 30)
  say(1, true, 40)
  expect([10, 11, 20, 21, 100].map((untilMs) => table.labelBefore(0, untilMs))).toEqual([
    undefined,
    { isSpoiler: true, source: 'report', appendedAtMs: 10 },
    { isSpoiler: true, source: 'report', appendedAtMs: 10 },
    { isSpoiler: false, source: 'moderator', appendedAtMs: 20 },
    { isSpoiler: false, source: 'moderator', appendedAtMs: 20 },
  ])
})

test.each([
  { name: 'another movie', label: { movieId: 'm2' } },
  { name: 'another user', label: { userId: 'u9' } },
  { name: 'an unknown review', label: { reviewId: 'r9' } },
])('a label of $name is passed over', ({ label }) => {
  const table = new ReviewTable()
  table.addRow(ROW)
  table.addLabel({ ...EXAMPLE.label, ...label }, 10)
  expect(table.hasLabel(0)).toBe(false)
})

test('the clock says how far the labels of any partition had come, also when a broker sets its own back', () => {
  const clock = new LabelClock()
  expect(clock.before(Infinity)).toBe(-Infinity)
  for (const [partition, appendedAtMs, labelledAtMs] of [
    [0, 10, 100],
    [0, 20, 90],
    [0, 15, 130],
    [1, 12, 120],
    [0, 40, 140],
  ] as const)
    clock.add(partition, appendedAtMs, labelledAtMs)
  expect([10, 11, 13, 16, 41, Infinity].map((untilMs) => clock.before(untilMs))).toEqual([
    -Infinity,
    100,
    120,
    130,
    140,
    140,
  ])
})

test('more reviews than the lists begin with', () => {
  const table = new ReviewTable()
  for (let i = 0; i < 5_000; i += 1) table.addRow({ ...ROW, reviewId: `r${i}`, offset: i })
  for (let i = 0; i < 5_000; i += 1) table.addLabel({ ...EXAMPLE.label, reviewId: `r${i}` }, i)
  expect([table.row(4_999).offset, table.labelBefore(4_999, Infinity)?.appendedAtMs]).toEqual([4_999, 4_999])
})
