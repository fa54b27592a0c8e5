import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeededRandom, seedOf } from '../../../stats/random.ts'

const DRAWS = 40_000

function draws(make: (random: SeededRandom) => number, count = DRAWS): number[] {
  const random = new SeededRandom(42)
  return Array.from({ length: count }, () => make(random))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)))
}

/** sfc32 as published by C. Doty-Humphrey, written with BigInt: independent of the number type. */
function referenceSfc32(words: [number, number, number], count: number): number[] {
  const mask = 0xffffffffn
  let [a, b, c, counter] = [...words.map((word) => BigInt(word) & mask), 1n] as [bigint, bigint, bigint, bigint]
  const next = (): number => {
    const result = (a + b + counter) & mask
    counter = (counter + 1n) & mask
    a = b ^ (b >> 9n)
    b = (c + (c << 3n)) & mask
    c = ((((c << 21n) & mask) | (c >> 11n)) + result) & mask
    return Number(result)
  }
  for (let round = 0; round < 15; round++) next()
  return Array.from({ length: count }, next)
}

test('numbers are those of the published sfc32', () => {
  const random = new SeededRandom(1, 2, 3)
  expect(Array.from({ length: 1000 }, () => random.uint32())).toEqual(referenceSfc32([1, 2, 3], 1000))
})

test('equal seeds give equal numbers, reseeding begins anew, any other word gives others', () => {
  const word = fc.integer({ min: 0, max: 2 ** 40 })
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      const first = new SeededRandom(a, b, c)
      const sequence = [first.uint32(), first.uint32(), first.uint32()]
      const second = new SeededRandom(0)
      second.uint32()
      second.reseed(a, b, c)
      expect([second.uint32(), second.uint32(), second.uint32()]).toEqual(sequence)
      expect(new SeededRandom(a + 1, b, c).uint32()).not.toBe(sequence[0])
      expect(new SeededRandom(a + 2 ** 32, b, c).uint32()).not.toBe(sequence[0])
    }),
    { seed: 1 },
  )
})

test.each([
  { name: 'uniform', make: (r: SeededRandom) => r.uniform(), mean: 0.5, deviation: Math.sqrt(1 / 12) },
  { name: 'normal', make: (r: SeededRandom) => r.normal(3, 2), mean: 3, deviation: 2 },
  { name: 'exponential', make: (r: SeededRandom) => r.exponential(5), mean: 5, deviation: 5 },
  { name: 'small poisson', make: (r: SeededRandom) => r.poisson(0.7), mean: 0.7, deviation: Math.sqrt(0.7) },
  { name: 'large poisson', make: (r: SeededRandom) => r.poisson(100), mean: 100, deviation: 10 },
  { name: 'chance', make: (r: SeededRandom) => Number(r.chance(0.26)), mean: 0.26, deviation: Math.sqrt(0.26 * 0.74) },
  { name: 'below', make: (r: SeededRandom) => r.below(6), mean: 2.5, deviation: Math.sqrt(35 / 12) },
])('$name has its mean and deviation', ({ make, mean: expectedMean, deviation: expectedDeviation }) => {
  const values = draws(make)
  expect(Math.abs(mean(values) - expectedMean)).toBeLessThan((4 * expectedDeviation) / Math.sqrt(DRAWS))
  expect(deviation(values) / expectedDeviation).toBeGreaterThan(0.97)
  expect(deviation(values) / expectedDeviation).toBeLessThan(1.03)
})

test('the median of lognormal draws is the one given', () => {
  const sorted = draws((random) => random.lognormal(900, 0.7)).sort((a, b) => a - b)
  expect((sorted[DRAWS / 2] as number) / 900).toBeCloseTo(1, 1)
})

test('sample takes different elements and leaves the input alone', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.nat(12), fc.integer(), (items, count, seed) => {
      const before = [...items]
      const taken = new SeededRandom(seed).sample(items, count)
      expect(taken).toHaveLength(Math.min(count, items.length))
      expect(new Set(taken).size).toBe(taken.length)
      expect(items).toEqual(before)
      expect(items).toEqual(expect.arrayContaining(taken))
    }),
    { seed: 2 },
  )
})

test.each([
  ['choice of nothing', (r: SeededRandom) => r.choice([])],
  ['below 0', (r: SeededRandom) => r.below(0)],
  ['poisson of a negative mean', (r: SeededRandom) => r.poisson(-1)],
  ['poisson of no number', (r: SeededRandom) => r.poisson(NaN)],
] as const)('%s is refused', (_name, draw) => {
  expect(() => draw(new SeededRandom(1))).toThrow(RangeError)
})

test('seedOf is FNV-1a', () => {
  expect(seedOf('')).toBe(0x811c9dc5)
  expect(seedOf('a')).toBe(0xe40c292c)
  expect(seedOf('foobar')).toBe(0xbf9cf968)
})
