import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import type { ReviewLabel } from '../../../../schemas/generated.ts'
import { type JoinedReview, labelBefore, ReviewJoin, type SeenRow } from '../../../../trainers/dataset/review-join.ts'
import { EXAMPLE } from '../../../support/review-world.ts'

const ROW: SeenRow = {
  userId: 'u1',
  reviewId: 'r1',
  movieId: 'm1',
  revision: 1,
  writtenAtMs: 5,
  appendedAtMs: 7,
  partition: 3,
  offset: 2 ** 53 - 2,
}

function joined(
  rows: readonly SeenRow[],
  labels: readonly (Partial<ReviewLabel> & { readonly appendedAtMs: number })[] = [],
): JoinedReview[] {
  using join = new ReviewJoin(tmpdir())
  for (const { appendedAtMs, ...label } of labels) join.addLabel({ ...EXAMPLE.label, ...label }, appendedAtMs)
  for (const row of rows) join.addRow(row)
  const reviews = [...join.reviews()]
  expect([...join.reviews()]).toEqual(reviews) // as often as wanted
  return reviews
}

test.each([
  { name: 'a higher revision', other: { revision: 2, offset: 9 }, counts: 9 },
  { name: 'an equal revision that comes later', other: { revision: 1, offset: 9 }, counts: 9 },
  { name: 'not a lower revision that comes later', other: { revision: 0, offset: 9 }, counts: 2 ** 53 - 2 },
])('of two rows of a review counts $name', ({ other, counts }) => {
  const row = { ...ROW, revision: Math.max(1, other.revision), offset: counts }
  expect(joined([ROW, { ...ROW, ...other }])).toEqual([{ row, labels: [], rows: 2 }])
})

test('equal review ids of two users are two reviews, each with its own label; reviews of a user stand together', () => {
  const ids = [
    ['u2', 'r1'],
    ['u', '\u{10ffff}'],
    ['u1', 'r1'],
    ['u\uffee', 'r1'],
    ['u', 'r9'],
    ['u\u{1f3ac}', 'r1'],
    ['u1', 'r2'],
  ].map(([userId = '', reviewId = '']) => ({ userId, reviewId }))
  const reviews = joined(
    ids.map((own) => ({ ...ROW, ...own })),
    ids.toReversed().map((own, i) => ({ ...own, appendedAtMs: ids.length - i })),
  )
  expect(reviews.map(({ row: { userId, reviewId }, labels }) => [userId, reviewId, labels[0]?.appendedAtMs])).toEqual([
    ['u', 'r9', 5],
    ['u', '\u{10ffff}', 2],
    ['u1', 'r1', 3],
    ['u1', 'r2', 7],
    ['u2', 'r1', 1],
    ['u\uffee', 'r1', 4],
    ['u\u{1f3ac}', 'r1', 6],
  ])
})

test('the label of the highest revision before a time counts; of equal revisions the first', () => {
  const say = (revision: number, isSpoiler: boolean, appendedAtMs: number, source = 'report') => {
    return { revision, isSpoiler, appendedAtMs, source }
  }
  const said = [say(0, true, 10), say(2, false, 20, 'moderator'), say(2, true, 30), say(1, true, 40)]
  const labels = joined([ROW], said)[0]?.labels ?? []
  expect([10, 11, 20, 21, 100].map((untilMs) => labelBefore(labels, untilMs)?.appendedAtMs)).toEqual([
    undefined,
    10,
    10,
    20,
    20,
  ])
  expect(labelBefore(labels, 100)).toMatchObject({ isSpoiler: false, source: 'moderator' })
})

test.each([
  { name: 'another movie', label: { movieId: 'm2' } },
  { name: 'another user', label: { userId: 'u9' } },
  { name: 'a review before it that has no row', label: { reviewId: 'r0' } },
  { name: 'a review behind it that has no row', label: { reviewId: 'r9' } },
])('a label of $name is passed over', ({ label }) => {
  expect(joined([ROW], [{ ...label, appendedAtMs: 10 }]).map(({ labels }) => labels)).toEqual([[]])
})

test('more reviews and labels than fit into memory', () => {
  const numbers = Array.from({ length: 120_000 }, (_, i) => i)
  const reviews = joined(
    numbers.map((i) => ({ ...ROW, reviewId: `r${i}`, offset: i })),
    numbers.map((i) => ({ reviewId: `r${i}`, appendedAtMs: i })),
  )
  expect(reviews).toHaveLength(numbers.length)
  expect(reviews.every(({ row, labels }) => labels[0]?.appendedAtMs === row.offset)).toBe(true)
})
