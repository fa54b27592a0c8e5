import { expect, test } from 'vitest'
import { termValues } from '../../../inference/term-values.ts'

const IDF = Float32Array.from([1, 2, 0.5, 0])
const term = (bucket: number, count: number) => ({ bucket, count, term: 'x' })

test('a value is (1 + ln count) * idf, of length 1 over the review', () => {
  const { buckets, values } = termValues([term(0, 1), term(1, 3)], IDF)
  const second = 2 * (1 + Math.log(3))
  const length = Math.hypot(1, second)
  expect([...buckets]).toEqual([0n, 1n])
  expect([...values]).toEqual([Math.fround(1 / length), Math.fround(second / length)])
})

test('a review without terms is one zero at bucket 0, and terms without weight are zeros', () => {
  expect(termValues([], IDF)).toEqual({ buckets: BigInt64Array.of(0n), values: Float32Array.of(0) })
  expect(termValues([term(3, 5)], IDF)).toEqual({ buckets: BigInt64Array.of(3n), values: Float32Array.of(0) })
})

test('a bucket beyond the weights is a bug, not a zero', () => {
  expect(() => termValues([term(4, 1)], IDF)).toThrow(RangeError)
})
