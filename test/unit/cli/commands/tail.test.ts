import { expect, test } from 'vitest'
import { parseFrom } from '../../../../cli/commands/tail.ts'

test.each([
  ['beginning', 'beginning'],
  ['end', 'end'],
  ['-100', { last: 100 }],
  ['2026-11-21T10:00:00Z', { timeMs: Date.UTC(2026, 10, 21, 10) }],
  ['2026-11-21T10:00:00+02:00', { timeMs: Date.UTC(2026, 10, 21, 8) }],
])('--from %s', (text, expected) => {
  expect(parseFrom(text)).toEqual(expected)
})

test.each(['', '100', '-', '-1.5', '10:00', 'start'])('--from %s is refused', (text) => {
  expect(() => parseFrom(text)).toThrow(/SPL_USAGE/)
})
