import { expect, test, vi } from 'vitest'
import { checkThatLabelsCountOnlyForLaterReviews } from '../../support/as-of-oracle.ts'

// The mutant lets labels of the review's own week count: the smallest leak that the buckets can have.
vi.mock(import('../../../features/entity-history.ts'), async (load) => {
  const original = await load()
  const leaky: typeof original.asOf = (history, atMs) => ({
    ...original.asOf(history, atMs + original.BUCKET_MS),
    reviews: original.asOf(history, atMs).reviews,
  })
  return { ...original, asOf: leaky }
})

test('the check for leaks catches an as-of rule that counts labels one week too early', () => {
  expect(checkThatLabelsCountOnlyForLaterReviews).toThrow(/Property failed/)
})
