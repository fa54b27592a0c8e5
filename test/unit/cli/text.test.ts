import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clip, columnsOf, durationText, grouped, oneLine, padEnd, table } from '../../../cli/text.ts'

test('nothing in a shown text can move the cursor, colour the terminal or hide itself', () => {
  expect(oneLine('a\u001b[2Jb\n\tc\u200bd\u202ee\u0007')).toBe('a␛[2Jb c\ufffdd\ufffde␇')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(oneLine(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    }),
    { seed: 11 },
  )
})

test('a clipped text never takes more columns than asked for, and is whole where it fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 30 }), (text, columns) => {
      const clipped = clip(text, columns)
      expect(columnsOf(clipped)).toBeLessThanOrEqual(columns)
      if (columnsOf(text) <= columns) expect(clipped).toBe(text)
    }),
    { seed: 12 },
  )
})

test('wide characters count two columns, combining marks none', () => {
  expect(columnsOf('映画')).toBe(4)
  expect(columnsOf('e\u0301')).toBe(1)
  expect(clip('映画館', 4)).toBe('映…')
  expect(padEnd('映', 4)).toBe('映  ')
})

test.each([
  [0, '0 ms'],
  [949, '949 ms'],
  [6_700, '6.7 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min 0 s'],
  [200_000, '3 min 20 s'],
  [7_500_000, '2 h 5 min'],
  [31_536_000_000, '365 d 0 h'],
])('%d ms reads as %s', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567.4, '1,234,567'],
])('%d is grouped as %s', (count, text) => {
  expect(grouped(count)).toBe(text)
})

test('a table aligns its columns and leaves no blanks at line ends', () => {
  const text = table(
    ['NAME', 'N'],
    [
      ['映画', '1'],
      ['longer', '22'],
    ],
  )
  expect(text).toBe('NAME    N\n映画    1\nlonger  22\n')
})
