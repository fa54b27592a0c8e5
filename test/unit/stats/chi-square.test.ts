import { describe, expect, test } from 'vitest'
import { chiSquareQuantile } from '../../../stats/chi-square.ts'

describe('the value that a chi-square variable exceeds', () => {
  // scipy's chi2.isf
  test.each([
    { degrees: 1, alpha: 0.05, value: 3.841458820694124 },
    { degrees: 9, alpha: 0.05, value: 16.918977604620448 },
    { degrees: 2, alpha: 0.001, value: 13.815510557964274 },
    { degrees: 20, alpha: 0.001, value: 45.31474661812586 },
    { degrees: 30, alpha: 0.5, value: 29.336031516661585 },
    { degrees: 100, alpha: 0.0001, value: 161.31865695904756 },
    { degrees: 3, alpha: 0.99, value: 0.11483180189911707 },
  ])('$degrees degrees, $alpha', ({ degrees, alpha, value }) => {
    expect(chiSquareQuantile(degrees, alpha)).toBeCloseTo(value, 8)
  })

  test.each([
    { degrees: 0, alpha: 0.05 },
    { degrees: 1.5, alpha: 0.05 },
    { degrees: 3, alpha: 0 },
    { degrees: 3, alpha: 1 },
  ])('is not defined for $degrees degrees and $alpha', ({ degrees, alpha }) => {
    expect(() => chiSquareQuantile(degrees, alpha)).toThrow(RangeError)
  })
})
