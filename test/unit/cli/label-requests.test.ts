import { expect, test } from 'vitest'
import { auditLabel, openRequests } from '../../../cli/label-requests.ts'
import type { LabelRequest } from '../../../schemas/generated.ts'

const request = (reviewId: string, fields: Partial<LabelRequest> = {}): LabelRequest => ({
  reviewId,
  userId: 'u1',
  movieId: 'm1',
  revision: 0,
  writtenAtMs: 1_000,
  row: { topic: 'review-features', partition: 0, offset: 7 },
  ...fields,
})

test('what is answered is not asked again, and what waits longest comes first', () => {
  const records = [
    request('new', { writtenAtMs: 3 }),
    request('done'),
    request('b'),
    request('a'),
    request('done', { row: null }),
  ]
  expect(openRequests(records).map(({ reviewId }) => reviewId)).toEqual(['new', 'a', 'b'])
})

test('of a review that was revised the newest text is asked about', () => {
  const revised = request('r', { revision: 1, row: { topic: 'review-features', partition: 0, offset: 9 } })
  expect(openRequests([request('r'), revised])).toEqual([revised])
})

test('an answer is an audit label that takes the place of any before it', () => {
  const nowMs = Date.UTC(2026, 10, 22)
  const [first, second] = [auditLabel(request('r'), true, nowMs), auditLabel(request('r'), false, nowMs + 1_000)]
  expect(first).toMatchObject({ reviewId: 'r', userId: 'u1', movieId: 'm1', source: 'audit', labelledAtMs: nowMs })
  expect(first.revision).toBeGreaterThan(1_000_000)
  expect(second.revision).toBeGreaterThan(first.revision)
  expect(second.revision).toBeLessThan(2 ** 31)
})
