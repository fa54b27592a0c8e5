import { expect, test } from 'vitest'
import { parseWhen } from '../../../cli/when.ts'

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
