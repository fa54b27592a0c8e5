import { flagsOfWord, STOP } from '../../features/lexicon.ts'
import { eachWord, lowerCase, stem } from '../../features/words.ts'
import type { SeenTerms } from '../../schemas/generated.ts'
import { seedOf } from '../../stats/random.ts'
import { WINDOW_MS } from './counters.ts'

/** A word is new when it did not occur in this period of event time, nor in the one before. */
const PERIOD_MS = 28 * WINDOW_MS
/** Few: each is an entry of the state, and a batch of reviews touches all. */
const BLOCKS = 8
const WORDS_OF_BLOCK = 256
/** 65,536: a partition of real reviews brings some ten thousand stems in two periods. */
const BUCKETS = BLOCKS * WORDS_OF_BLOCK * 32
/** What is looked at of one review, in UTF-16 units: a bound on its cost, and some twenty content words. */
const MOST_UNITS = 256
const SHORTEST_TERM = 4
const NOTHING_SEEN: readonly number[] = new Array<number>(WORDS_OF_BLOCK).fill(0)

/** Buckets of the content words in the first {@link MOST_UNITS} of a text, each once. */
export function termBuckets(text: string): number[] {
  const lower = lowerCase(text.slice(0, MOST_UNITS))
  const buckets = new Set<number>()
  eachWord(lower, 0, lower.length, (start, end) => {
    if (end - start < SHORTEST_TERM || (end === MOST_UNITS && text.length > MOST_UNITS)) return // it may go on
    const word = lower.slice(start, end)
    if ((flagsOfWord(word) & STOP) !== 0) return
    const hash = seedOf(stem(word))
    buckets.add((hash ^ (hash >>> 16)) & (BUCKETS - 1))
  })
  return [...buckets]
}

/**
 * Share of the buckets that did not occur lately, and what has occurred from now on.
 *
 * @param seen Block of the vocabulary by its number; undefined when nothing of it occurred.
 * @returns `changed` holds the blocks that differ.
 */
export function readTerms(
  buckets: readonly number[],
  atMs: number,
  seen: (block: number) => SeenTerms | undefined,
): { readonly unseenShare: number; readonly changed: ReadonlyMap<number, SeenTerms> } {
  const period = Math.floor(atMs / PERIOD_MS)
  const changed = new Map<number, SeenTerms>()
  let unseen = 0
  for (const bucket of buckets) {
    const block = bucket % BLOCKS
    const bit = Math.floor(bucket / BLOCKS)
    const before = changed.get(block) ?? seen(block)
    const terms = inPeriod(before, period)
    if (!has(terms.current, bit) && !has(terms.previous, bit)) unseen += 1
    if (terms !== before || !has(terms.current, bit))
      changed.set(block, { ...terms, current: withBit(terms.current, bit) })
  }
  return { unseenShare: buckets.length === 0 ? 0 : unseen / buckets.length, changed }
}

/** A review of an earlier period is read as one of the newest. */
function inPeriod(terms: SeenTerms | undefined, period: number): SeenTerms {
  if (terms !== undefined && period <= terms.period) return terms
  const previous = terms !== undefined && period === terms.period + 1 ? terms.current : NOTHING_SEEN
  return { period, current: NOTHING_SEEN, previous }
}

function has(words: readonly number[], bit: number): boolean {
  return (((words[bit >> 5] as number) >> (bit & 31)) & 1) === 1
}

function withBit(words: readonly number[], bit: number): readonly number[] {
  return words.with(bit >> 5, (words[bit >> 5] as number) | (1 << (bit & 31)))
}
