import { expect, test } from 'vitest'
import {
  parseCount,
  parseDuration,
  parseInstant,
  parseLabelDelay,
  parseRate,
  parseSpeed,
} from '../../../producers/arguments.ts'

const DAY_MS = 86_400_000

test.each([
  [() => parseDuration('10m'), 600_000],
  [() => parseDuration('1.5h'), 5_400_000],
  [() => parseDuration('250ms'), 250],
  [() => parseDuration('2y'), 730 * DAY_MS],
  [() => parseSpeed('21600x'), 21_600],
  [() => parseSpeed('0.5'), 0.5],
  [() => parseRate('200'), 200],
  [() => parseRate('200/s'), 200],
  [() => parseCount('12'), 12],
  [() => parseCount('0', 0), 0],
  [() => parseInstant('2024-05-01'), Date.UTC(2024, 4, 1)],
  [() => parseInstant('2024-05-01T12:30:00+02:00'), Date.UTC(2024, 4, 1, 10, 30)],
  [() => parseLabelDelay('3d±1d'), { meanMs: 3 * DAY_MS, spreadMs: DAY_MS }],
  [() => parseLabelDelay('3d+-12h'), { meanMs: 3 * DAY_MS, spreadMs: DAY_MS / 2 }],
  [() => parseLabelDelay('5m'), { meanMs: 300_000, spreadMs: 0 }],
  [() => parseLabelDelay('none'), null],
])('%s is %j', (parse, expected) => {
  expect(parse()).toEqual(expected)
})

test.each([
  ['a duration without unit', () => parseDuration('10')],
  ['a negative duration', () => parseDuration('-3d')],
  ['a duration of words', () => parseDuration('soon')],
  ['a speed of zero', () => parseSpeed('0x')],
  ['a speed of words', () => parseSpeed('fast')],
  ['a negative rate', () => parseRate('-1')],
  ['a count of zero', () => parseCount('0')],
  ['a broken count', () => parseCount('1.5')],
  ['a count in other notation', () => parseCount('1e3')],
  ['a date that does not exist', () => parseInstant('2024-13-01')],
  ['an instant without zone', () => parseInstant('2024-05-01T12:00')],
  ['a delay wider than its mean', () => parseLabelDelay('1d±2d')],
  ['a delay with two spreads', () => parseLabelDelay('3d±1d±1d')],
])('%s is refused as usage', (_name, parse) => {
  expect(parse).toThrow(expect.objectContaining({ code: 'SPL_USAGE', onError: 'stop' }))
})
