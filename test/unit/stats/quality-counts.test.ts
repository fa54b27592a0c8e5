import fc from 'fast-check'
import { expect, test } from 'vitest'
import { added, counted, type CountedRow, NOTHING_COUNTED, type QualityCounts } from '../../../stats/quality-counts.ts'

const anyRow: fc.Arbitrary<CountedRow> = fc.record({
  probability: fc.double({ min: 0, max: 1, noNaN: true }),
  isCalled: fc.boolean(),
  units: fc.oneof(fc.nat(40), fc.nat(100_000)),
  isPositive: fc.option(fc.boolean()),
})
const countsOf = (rows: readonly CountedRow[]): QualityCounts =>
  rows.reduce((counts, row) => counted(counts, row, 1), NOTHING_COUNTED)

test('what was counted can be taken back in any order, and nothing is left', () => {
  const property = fc.property(fc.array(anyRow), fc.array(anyRow), (stay, go) => {
    const all = countsOf([...go, ...stay])
    expect(go.toReversed().reduce((counts, row) => counted(counts, row, -1), all)).toEqual(countsOf(stay))
  })
  fc.assert(property, { seed: 7 })
})

test('counts of parts add up to those of the whole, in any order', () => {
  const property = fc.property(fc.array(anyRow), fc.array(anyRow), (first, second) => {
    const whole = countsOf([...first, ...second])
    expect(added(countsOf(first), countsOf(second))).toEqual(whole)
    expect(added(countsOf(second), countsOf(first))).toEqual(whole)
  })
  fc.assert(property, { seed: 8 })
})

test('all counts are whole numbers', () => {
  const property = fc.property(fc.array(anyRow), (rows) => {
    expect(Object.values(countsOf(rows)).flat().every(Number.isSafeInteger)).toBe(true)
  })
  fc.assert(property, { seed: 9 })
})

test('a longer text is in no lower bin, and bins are narrow: a text an eighth longer is in a higher one', () => {
  const binOf = (units: number): number =>
    counted(NOTHING_COUNTED, { probability: 0, isCalled: false, units, isPositive: null }, 1).rowsByLength.length
  const property = fc.property(fc.nat(90_000), fc.nat(90_000), (a, b) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)]
    expect(binOf(low)).toBeLessThanOrEqual(binOf(high))
    if (low >= 1 && high >= low * 1.126) expect(binOf(low)).toBeLessThan(binOf(high))
  })
  fc.assert(property, { seed: 10 })
})

test('what is no probability is refused', () => {
  const row = { isCalled: false, units: 1, isPositive: null }
  expect(() => counted(NOTHING_COUNTED, { ...row, probability: 1.01 }, 1)).toThrow(RangeError)
  expect(() => counted(NOTHING_COUNTED, { ...row, probability: NaN }, 1)).toThrow(RangeError)
})
