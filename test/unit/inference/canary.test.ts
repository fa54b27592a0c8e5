import { expect, test } from 'vitest'
import { isInShare } from '../../../inference/canary.ts'

test('a share holds every review of a smaller one, and about as many as it says', () => {
  const ids = Array.from({ length: 4_000 }, (_, i) => `r${i}`)
  const of = (share: number) => ids.filter((id) => isInShare(id, share))
  expect([of(0).length, of(1).length]).toEqual([0, 4_000])
  expect(new Set(of(0.3)).isSupersetOf(new Set(of(0.1)))).toBe(true)
  expect(Math.abs(of(0.1).length - 400)).toBeLessThan(60)
})
