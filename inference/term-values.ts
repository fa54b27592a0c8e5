import type { HashedTerm } from '../features/hashed-terms.ts'

/** Terms of one review as a head reads them: shape [terms] each, never empty. */
export interface TermValues {
  readonly buckets: BigInt64Array
  readonly values: Float32Array
}

/**
 * Values of the terms of a review: (1 + ln count) * idf, of length 1 over the review, rounded to float32. The one
 * definition: fit and serving use it. A review without terms is one zero at bucket 0.
 *
 * @param idf Weight of each bucket, shape [buckets].
 */
export function termValues(terms: readonly HashedTerm[], idf: Float32Array): TermValues {
  if (terms.length === 0) return { buckets: new BigInt64Array(1), values: new Float32Array(1) }
  const weighted = terms.map(({ bucket, count }) => (1 + Math.log(count)) * weightOf(idf, bucket))
  const length = Math.sqrt(weighted.reduce((sum, value) => sum + value * value, 0))
  const buckets = new BigInt64Array(terms.length)
  const values = new Float32Array(terms.length)
  // typed arrays are filled by hand: `from` asks an iterator for each element
  for (let i = 0; i < terms.length; i += 1) {
    buckets[i] = BigInt((terms[i] as HashedTerm).bucket)
    values[i] = length === 0 ? 0 : (weighted[i] as number) / length
  }
  return { buckets, values }
}

function weightOf(idf: Float32Array, bucket: number): number {
  const weight = idf[bucket]
  if (weight === undefined) throw new RangeError(`bucket ${bucket} of ${idf.length}`)
  return weight
}
