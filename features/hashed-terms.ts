import { murmur3 } from '../schemas/murmur3.ts'
import { TYPOGRAPHIC_APOSTROPHE } from './characters.ts'
import { eachWord, lowerCase } from './words.ts'

/** A bucket of the hashed vocabulary that a text fills. */
export interface HashedTerm {
  /** In [0, buckets). */
  readonly bucket: number
  /** Occurrences in the text of all terms that share the bucket. */
  readonly count: number
  /** The first of them, as it is hashed: for people. */
  readonly term: string
}

/** Stands between words, and never in one. */
const SPACE = 0x20
const UTF8 = new TextEncoder()
const APOSTROPHES = new RegExp(String.fromCharCode(TYPOGRAPHIC_APOSTROPHE), 'g')

/**
 * Words and pairs of neighbouring words of a text, in lower case, each hashed to a bucket: a vocabulary that needs no
 * list, so that it never goes stale. A bucket is the one that scikit-learn's HashingVectorizer takes: |murmur3| mod
 * buckets. O(length of the text).
 *
 * @param buckets size of the vocabulary, a whole number > 0.
 * @returns one entry for each bucket that is filled, in the order of the buckets.
 */
export function hashedTerms(text: string, buckets: number): HashedTerm[] {
  if (!(Number.isSafeInteger(buckets) && buckets > 0)) throw new RangeError(`buckets must be whole and > 0: ${buckets}`)
  const filled = new Map<number, { count: number; readonly bucket: number; readonly term: string }>()
  eachTerm(text, buckets, (bucket, word, before) => {
    const known = filled.get(bucket)
    if (known !== undefined) known.count += 1
    else filled.set(bucket, { bucket, count: 1, term: before === undefined ? word : `${before} ${word}` })
  })
  return [...filled.values()].sort((a, b) => a.bucket - b.bucket)
}

/**
 * Sum over all terms of a text, each as often as it occurs; {@link hashedTerms} without the list.
 *
 * @param valueOf of a bucket.
 */
export function sumOverTerms(text: string, buckets: number, valueOf: (bucket: number) => number): number {
  let sum = 0
  eachTerm(text, buckets, (bucket) => {
    sum += valueOf(bucket)
  })
  return sum
}

/** @param visit Called with the bucket of each word, and of each pair of a word and the one before. */
function eachTerm(text: string, buckets: number, visit: (bucket: number, word: string, before?: string) => void): void {
  const words = wordsOf(text)
  const bytes = UTF8.encode(words.join(' '))
  // |-2^31| does not fit into 32 bits, but into a number.
  const bucketOf = (from: number, to: number): number => Math.abs(murmur3(bytes, from, to)) % buckets
  let pairFrom = 0
  let from = 0
  let before: string | undefined
  for (const word of words) {
    let to = from
    while (to < bytes.length && bytes[to] !== SPACE) to += 1
    visit(bucketOf(from, to), word)
    if (before !== undefined) visit(bucketOf(pairFrom, to), word, before)
    before = word
    pairFrom = from
    from = to + 1
  }
}

function wordsOf(text: string): string[] {
  const lower = lowerCase(text).replace(APOSTROPHES, "'")
  const words: string[] = []
  eachWord(lower, 0, lower.length, (start, end) => words.push(lower.slice(start, end)))
  return words
}
