import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashedTerms, sumOverTerms } from '../../../features/hashed-terms.ts'

const MANY = 2 ** 18

const termsOf = (text: string, buckets = MANY): Record<string, number> =>
  Object.fromEntries(hashedTerms(text, buckets).map(({ term, count }) => [term, count]))

test.each([
  { name: 'words and pairs of neighbours', text: 'He dies', terms: { he: 1, dies: 1, 'he dies': 1 } },
  { name: 'pairs over marks and line breaks', text: 'end.\n\nHe', terms: { end: 1, he: 1, 'end he': 1 } },
  { name: 'repeated ones, counted', text: 'no no NO', terms: { no: 3, 'no no': 2 } },
  { name: 'one word', text: 'Boring!', terms: { boring: 1 } },
  { name: 'both apostrophes as one', text: "don’t DON'T", terms: { "don't": 2, "don't don't": 1 } },
  { name: 'ideographs, each a word', text: '死亡', terms: { 死: 1, 亡: 1, '死 亡': 1 } },
  { name: 'no word', text: ' …?! ', terms: {} },
  { name: 'no text', text: '', terms: {} },
])('terms are $name', ({ text, terms }) => {
  expect(termsOf(text)).toEqual(terms)
})

test.each([
  { term: 'spoiler', bucket: 80273 },
  { term: 'dies at', bucket: 257368 },
  { term: 'naïve', bucket: 34261 },
])('bucket of "$term" of 2^18 is the one of scikit-learn', ({ term, bucket }) => {
  expect(hashedTerms(term, MANY)).toContainEqual({ bucket, count: 1, term })
})

test('buckets stand once, in their order and range, and the counts of a text are as many as its words and pairs', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'ä', 'ß', '雪'), minLength: 1 }), { minLength: 1 }),
      fc.constantFrom(1, 2, 7, 1024),
      (words, buckets) => {
        const terms = hashedTerms(words.join(' '), buckets)
        const found = terms.map(({ bucket }) => bucket)
        expect(found).toEqual([...new Set(found)].sort((a, b) => a - b))
        expect(found.every((bucket) => bucket >= 0 && bucket < buckets)).toBe(true)
        const total = terms.reduce((sum, { count }) => sum + count, 0)
        const ideographs = words.join('').replaceAll(/[^雪]/g, '').length
        const others = words
          .join(' ')
          .split(/[ 雪]+/)
          .filter((word) => word !== '').length
        expect(total).toBe(2 * (ideographs + others) - 1)
      },
    ),
    { seed: 17 },
  )
})

test('a bucket that terms share carries the first of them', () => {
  expect(hashedTerms('plot twist', 1)).toEqual([{ bucket: 0, count: 3, term: 'plot' }])
})

test('any text has terms: lone surrogates and letters that grow in lower case too', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(hashedTerms(`\ud800${text}İ`, 64)).toEqual(hashedTerms(`\ud800${text}İ`, 64))
    }),
    { seed: 18 },
  )
})

test('a sum over the terms counts each as often as it occurs', () => {
  const anyText = fc.array(fc.constantFrom('He', 'dies', '雪', "don't", '.', '1'), { maxLength: 30 })
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 64 }), (words, buckets) => {
      const text = words.join(' ')
      const expected = hashedTerms(text, buckets).reduce((sum, { bucket, count }) => sum + count * (bucket + 1), 0)
      expect(sumOverTerms(text, buckets, (bucket) => bucket + 1)).toBe(expected)
    }),
    { seed: 19 },
  )
})

test.each([0, -1, 1.5, NaN])('%s buckets are refused', (buckets) => {
  expect(() => hashedTerms('text', buckets)).toThrow(RangeError)
})
