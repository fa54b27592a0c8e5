import { expect, test } from 'vitest'
import {
  optionalRating,
  optionalText,
  parseDate,
  parseDurationMinutes,
  parseRow,
  requiredFlag,
  requiredId,
  requiredText,
} from '../../../producers/row-fields.ts'

test.each([
  ['10 February 2006', Date.UTC(2006, 1, 10)],
  ['1 Jan 1998', Date.UTC(1998, 0, 1)],
  ['29 February 2004', Date.UTC(2004, 1, 29)],
  ['1994-10-14', Date.UTC(1994, 9, 14)],
  ['1994-10', Date.UTC(1994, 9, 1)],
  ['1921', Date.UTC(1921, 0, 1)],
  ['29 February 2005', null],
  ['31 April 2010', null],
  ['2006-02-30', null],
  ['10 Foo 2006', null],
  ['February 2006', null],
  ['0020-01-01', null],
  ['', null],
])('the date "%s" is %s', (text, expected) => {
  expect(parseDate(text)).toBe(expected)
})

test.each([
  ['2h 22min', 142],
  ['1h', 60],
  ['45min', 45],
  ['2h22min', 142],
  ['97', 97],
  ['', null],
  ['0min', null],
  ['about two hours', null],
])('the duration "%s" is %s minutes', (text, expected) => {
  expect(parseDurationMinutes(text)).toBe(expected)
})

test.each([
  ['trailing slash', 'tt0104014/', 'tt0104014'],
  ['several slashes', 'tt1//', 'tt1'],
  ['blanks', ' tt1 ', 'tt1'],
  ['a number', 17, '17'],
  ['a slash inside', 'test/neg/0', 'test/neg/0'],
])('an id with %s is read', (_name, given, expected) => {
  expect(requiredId({ id: given }, 'id')).toEqual({ ok: true, value: expected })
})

test.each([
  ['rating as text', () => optionalRating({ r: '9' }, 'r'), { ok: true, value: 9 }],
  ['rating as number', () => optionalRating({ r: 10 }, 'r'), { ok: true, value: 10 }],
  ['no rating', () => optionalRating({}, 'r'), { ok: true, value: null }],
  ['empty rating', () => optionalRating({ r: '' }, 'r'), { ok: true, value: null }],
  ['rating 0', () => optionalRating({ r: 0 }, 'r'), { ok: false, reason: 'r is not a whole number from 1 to 10' }],
  [
    'rating 7.5',
    () => optionalRating({ r: '7.5' }, 'r'),
    { ok: false, reason: 'r is not a whole number from 1 to 10' },
  ],
  [
    'rating true',
    () => optionalRating({ r: true }, 'r'),
    { ok: false, reason: 'r is not a whole number from 1 to 10' },
  ],
  ['missing text', () => requiredText({}, 't'), { ok: false, reason: 't is missing' }],
  ['null text', () => requiredText({ t: null }, 't'), { ok: false, reason: 't is missing' }],
  ['blank text', () => requiredText({ t: ' \n' }, 't'), { ok: false, reason: 't is empty' }],
  ['text of another type', () => requiredText({ t: 5 }, 't'), { ok: false, reason: 't is not text' }],
  ['an id of slashes', () => requiredId({ i: '//' }, 'i'), { ok: false, reason: 'i is empty' }],
  ['an id of another type', () => requiredId({ i: [] }, 'i'), { ok: false, reason: 'i is not text' }],
  ['no optional text', () => optionalText({}, 't'), { ok: true, value: '' }],
  ['a wrong optional text', () => optionalText({ t: {} }, 't'), { ok: false, reason: 't is not text' }],
  ['flag true', () => requiredFlag({ f: true }, 'f'), { ok: true, value: true }],
  ['flag "False"', () => requiredFlag({ f: 'False' }, 'f'), { ok: true, value: false }],
  ['flag 1', () => requiredFlag({ f: 1 }, 'f'), { ok: true, value: true }],
  ['flag "yes"', () => requiredFlag({ f: 'yes' }, 'f'), { ok: false, reason: 'f is neither true nor false' }],
  ['flag []', () => requiredFlag({ f: [] }, 'f'), { ok: false, reason: 'f is neither true nor false' }],
  ['no flag', () => requiredFlag({}, 'f'), { ok: false, reason: 'f is missing' }],
] as const)('%s', (_name, read, expected) => {
  expect(read()).toEqual(expected)
})

test.each([
  ['an object', Buffer.from('{"a":1}'), { ok: true, value: { a: 1 } }],
  ['a byte order mark', Buffer.from('\ufeff{"a":1}'), { ok: true, value: { a: 1 } }],
  ['a carriage return', Buffer.from('{"a":1}\r'), { ok: true, value: { a: 1 } }],
  ['an empty line', Buffer.from(' \r'), null],
  ['an array', Buffer.from('[1]'), { ok: false, reason: 'not a JSON object' }],
  ['null', Buffer.from('null'), { ok: false, reason: 'not a JSON object' }],
  ['half a row', Buffer.from('{"a":'), { ok: false, reason: 'not JSON' }],
  ['Latin-1', Buffer.from('{"a":"\xe9"}', 'latin1'), { ok: false, reason: 'not UTF-8' }],
])('a line with %s', (_name, bytes, expected) => {
  expect(parseRow(bytes)).toEqual(expected)
})
