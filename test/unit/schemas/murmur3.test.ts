import { expect, test } from 'vitest'
import { murmur3 } from '../../../schemas/murmur3.ts'

// sklearn.utils.murmurhash3_32(text, seed=0), scikit-learn 1.9.1: every length of tail, and more than one byte a letter.
test.each([
  { text: '', hash: 0 },
  { text: 'a', hash: 1009084850 },
  { text: 'ab', hash: -1681926305 },
  { text: 'abc', hash: -1277324294 },
  { text: 'abcd', hash: 1139631978 },
  { text: 'abcde', hash: -392455434 },
  { text: 'foo', hash: -156908512 },
  { text: 'dies at', hash: 1822420312 },
  { text: 'the end of the world', hash: 1763591583 },
  { text: 'naïve', hash: 992511445 },
  { text: '雪', hash: 1073146218 },
  { text: '🎬 x', hash: 672414477 },
])('the hash of "$text" is the one of scikit-learn', ({ text, hash }) => {
  expect(murmur3(new TextEncoder().encode(text))).toBe(hash)
})

test('a range of bytes has the hash of those bytes alone', () => {
  const bytes = new TextEncoder().encode('he dies at last')
  expect(murmur3(bytes, 3, 10)).toBe(1822420312)
})
