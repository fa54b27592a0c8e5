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
  const words = wordsOf(text)
  const bytes = UTF8.encode(words.join(' '))
  const filled = new Map<number, { count: number; readonly bucket: number; readonly term: string }>()
  const add = (from: number, to: number, term: () => string): void => {
    // |-2^31| does not fit into 32 bits, but into a number.
    const bucket = Math.abs(murmur3(bytes, from, to)) % buckets
    const known = filled.get(bucket)
    if (known === undefined) filled.set(bucket, { bucket, count: 1, term: term() })
    else known.count += 1
  }
  let pairFrom = 0
  let from = 0
  for (const [i, word] of words.entries()) {
    const space = bytes.indexOf(SPACE, from)
    const to = space === -1 ? bytes.length : space
    add(from, to, () => word)
    if (i > 0) add(pairFrom, to, () => `${words[i - 1]} ${word}`)
    pairFrom = from
    from = to + 1
  }
  return [...filled.values()].sort((a, b) => a.bucket - b.bucket)
}

function wordsOf(text: string): string[] {
  const lower = lowerCase(text).replace(APOSTROPHES, "'")
  const words: string[] = []
  eachWord(lower, 0, lower.length, (start, end) => words.push(lower.slice(start, end)))
  return words
}
