import { expect, test } from 'vitest'
import { parseShares, parseWhen } from '../../../../cli/commands/dataset.ts'

const NOW_MS = Date.UTC(2026, 10, 21)

test.each([
  ['beginning', 'beginning'],
  ['now', 'now'],
  ['-2h', { timeMs: NOW_MS - 2 * 3_600_000 }],
  ['-30d', { timeMs: NOW_MS - 30 * 86_400_000 }],
  ['2026-11-20T00:00:00Z', { timeMs: NOW_MS - 86_400_000 }],
])('%s is a place in the log', (text, when) => {
  expect(parseWhen(text, NOW_MS)).toEqual(when)
})

test.each(['', 'yesterday', '-', '-2 weeks', '2h'])('"%s" is refused with examples', (text) => {
  expect(() => parseWhen(text, NOW_MS)).toThrow(/is no time; write beginning, now, -2h or 2026-11-21T10:00:00Z/)
})

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
