import { expect, test } from 'vitest'
import { parseShares } from '../../../../cli/commands/dataset.ts'

test('shares are percentages of four spans', () => {
  expect(parseShares('60/10/15/15')).toEqual({ fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 })
  expect(parseShares('33.3/33.3/33.3/0.1').gate).toBeCloseTo(0.001, 12)
})

test.each(['60/10/30', '60/10/15/15/0', '70/10/15/15', '85/0/0/15', 'a/b/c/d', '60 10 15 15'])(
  'shares "%s" are refused',
  (text) => {
    expect(() => parseShares(text)).toThrow(/four percentages of together 100/)
  },
)
