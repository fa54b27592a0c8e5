import { describe, expect, test } from 'vitest'
import type { SeenTerms } from '../../../../schemas/generated.ts'
import { WINDOW_MS } from '../../../../stream-processors/drift/counters.ts'
import { readTerms, termBuckets } from '../../../../stream-processors/drift/seen-terms.ts'

const START = 28 * 700 * WINDOW_MS

class Vocabulary {
  readonly #blocks = new Map<number, SeenTerms>()

  unseen(text: string, day: number): number {
    const { unseenShare, changed } = readTerms(termBuckets(text), START + day * WINDOW_MS, (n) => this.#blocks.get(n))
    for (const [block, terms] of changed) this.#blocks.set(block, terms)
    return unseenShare
  }
}

describe('the share of words that did not occur lately', () => {
  test('is all at first, none when they come again, and counts content words once', () => {
    const words = new Vocabulary()
    expect(words.unseen('A dragon guards the mountain', 0)).toBe(1)
    expect(words.unseen('The mountain guards a dragon, a dragon!', 1)).toBe(0)
    expect(words.unseen('A dragon guards the lighthouse', 2)).toBeCloseTo(1 / 3, 9)
    expect(words.unseen('the of and', 3)).toBe(0)
  })

  test.each([
    { day: 27, unseen: 0, because: 'the same period' },
    { day: 55, unseen: 0, because: 'the period after' },
    { day: 56, unseen: 1, because: 'two periods later it is forgotten' },
  ])('day $day: $because', ({ day, unseen }) => {
    const words = new Vocabulary()
    words.unseen('dragon', 0)
    expect(words.unseen('dragon', day)).toBe(unseen)
  })

  test('an old review that comes late neither forgets nor remembers too much', () => {
    const words = new Vocabulary()
    words.unseen('dragon', 30)
    expect(words.unseen('dragon', 0)).toBe(0)
    expect(words.unseen('castle', 0)).toBe(1)
    expect(words.unseen('castle dragon', 31)).toBe(0)
  })

  test('a review costs no more than its beginning, and a word that is cut off there is no word', () => {
    const text = Array.from({ length: 5_000 }, (_, i) => `wor${(1_000 + i).toString(36)}x`).join(' ')
    const whole = text.slice(0, 256).split(' ').slice(0, -1)
    expect(termBuckets(text)).toEqual(termBuckets(whole.join(' ')))
    expect(termBuckets(text)).toHaveLength(whole.length)
  })
})
