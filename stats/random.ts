/**
 * Seeded generator: sfc32 by Chris Doty-Humphrey (PractRand), 128 bits of state, about 2^127 expected period.
 * The same seed words give the same numbers on every machine. Not for secrets.
 */
export class SeededRandom {
  private readonly state = new Int32Array(4)

  /** Up to three 32-bit seed words; larger numbers are folded, so that 1 and 2^32 + 1 differ. */
  constructor(first: number, second = 0, third = 0) {
    this.reseed(first, second, third)
  }

  /** Begins another stream in place: cheaper than a new generator. */
  reseed(first: number, second = 0, third = 0): void {
    this.state[0] = foldTo32Bits(first)
    this.state[1] = foldTo32Bits(second)
    this.state[2] = foldTo32Bits(third)
    this.state[3] = 1
    for (let round = 0; round < 15; round++) this.uint32()
  }

  /** Whole number in [0, 2^32). */
  uint32(): number {
    const s = this.state
    const a = s[0] as number
    const b = s[1] as number
    const c = s[2] as number
    const counter = s[3] as number
    const result = (a + b + counter) | 0
    s[3] = counter + 1
    s[0] = b ^ (b >>> 9)
    s[1] = c + (c << 3)
    s[2] = ((c << 21) | (c >>> 11)) + result
    return result >>> 0
  }

  /** Uniform in [0, 1), 32 bits. */
  uniform(): number {
    return this.uint32() / 4_294_967_296
  }

  /** Uniform whole number in [0, size). The bias is below size / 2^32. @throws RangeError unless 1 <= size <= 2^32. */
  below(size: number): number {
    if (!(size >= 1 && size <= 4_294_967_296)) throw new RangeError(`size must be in [1, 2^32], got ${size}`)
    return Math.floor(this.uniform() * size)
  }

  /** True with the given probability; 0 is never, 1 is always. */
  chance(probability: number): boolean {
    return this.uniform() < probability
  }

  /** Normal, by Box and Muller (1958); one of the pair is dropped so that the draws per call are fixed. */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /** exp of a normal whose median is `median` and whose logarithm has the deviation `sigma`. */
  lognormal(median: number, sigma: number): number {
    return median * Math.exp(this.normal(0, sigma))
  }

  /** Exponential waiting time, mean > 0. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform())
  }

  /** Poisson count, exact: products of uniforms (Knuth), in steps of at most 16 so that nothing underflows. O(mean). */
  poisson(mean: number): number {
    if (!(mean >= 0 && mean < Infinity)) throw new RangeError(`mean must be finite and >= 0, got ${mean}`)
    let count = 0
    for (let rest = mean; rest > 0; rest -= 16) {
      const limit = Math.exp(-Math.min(rest, 16))
      for (let product = this.uniform(); product > limit; product *= this.uniform()) count++
    }
    return count
  }

  /** One element, uniformly. @throws RangeError if there is none. */
  choice<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** `count` different elements in random order; all of them if there are fewer. */
  sample<T>(items: readonly T[], count: number): T[] {
    const rest = [...items]
    const taken: T[] = []
    while (taken.length < count && rest.length > 0) taken.push(...rest.splice(this.below(rest.length), 1))
    return taken
  }
}

/** 32-bit hash of a string (FNV-1a over UTF-16 units): a seed word for a named stream. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function foldTo32Bits(word: number): number {
  const high = Math.floor(word / 4_294_967_296)
  return ((word % 4_294_967_296) ^ Math.imul(high, 0x9e3779b1)) | 0
}
