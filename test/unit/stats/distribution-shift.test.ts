import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  jensenShannonDistance,
  kolmogorovSmirnov,
  stabilityCritical,
  stabilityIndex,
  wassersteinDistance,
} from '../../../stats/distribution-shift.ts'
import { lcg } from '../../support/reference-stream.ts'

interface Vectors {
  readonly evidently: {
    readonly inputs: Readonly<Record<string, readonly (number | string)[]>>
    readonly results: readonly { readonly case: string; readonly method: string; readonly value: number }[]
  }
}
const FILE = join(import.meta.dirname, '../../../../shared/vectors/reference.json')
const vectors = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Vectors).evidently : null

/** Every value a bin of its own: then binned is exact. */
function distinctBins<V extends number | string>(reference: readonly V[], current: readonly V[]) {
  const places = [...new Set([...reference, ...current])].sort((a, b) => (a < b ? -1 : 1))
  const counted = (values: readonly V[]): number[] =>
    places.map((place) => values.filter((value) => value === place).length)
  return { places, reference: counted(reference), current: counted(current) }
}

/** As Evidently bins more than 20 values: numpy's Sturges edges over both samples together. */
function sturgesBins(reference: readonly number[], current: readonly number[]) {
  const all = [...reference, ...current]
  const low = Math.min(...all)
  const high = Math.max(...all)
  const bins = Math.ceil(Math.log2(all.length) + 1)
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins)
  const counted = (values: readonly number[]): number[] => {
    const counts = new Array<number>(bins).fill(0)
    for (const value of values) {
      const bin = edges.findLastIndex((edge) => edge <= value)
      counts[Math.min(bin, bins - 1)] = (counts[Math.min(bin, bins - 1)] ?? 0) + 1
    }
    return counts
  }
  return { reference: counted(reference), current: counted(current) }
}

describe.skipIf(vectors === null)('equal to Evidently', () => {
  const { inputs, results } = vectors ?? { inputs: {}, results: [] }
  const valueOf = (name: string, method: string): number =>
    results.find((result) => result.case === name && result.method === method)?.value ?? NaN
  const numbers = (name: string): number[] => (inputs[name] ?? []).map(Number)
  const words = (name: string): string[] => (inputs[name] ?? []).map(String)
  const large = (): { reference: number[]; current: number[] } => {
    const uniform = lcg(11)
    const draw = (): number => uniform.next().value
    return {
      reference: Array.from({ length: 1200 }, draw),
      current: Array.from({ length: 800 }, () => draw() + 0.1),
    }
  }
  const LARGE = 'num1200 (LCG seed 11: ref=1200 u; cur=next 800 u + 0.1)'
  const bins = {
    num_small: () => distinctBins(numbers('num_small_ref'), numbers('num_small_cur')),
    cat_small: () => distinctBins(words('cat_ref'), words('cat_cur')),
    cat40: () => distinctBins(words('cat40_ref'), words('cat30_cur')),
    num40: () => sturgesBins(numbers('num40_ref'), numbers('num30_cur')),
    [LARGE]: () => sturgesBins(large().reference, large().current),
  }

  test.each(Object.keys(bins) as (keyof typeof bins)[])('stability index: %s', (name) => {
    const { reference, current } = bins[name]()
    expect(stabilityIndex(reference, current)).toBeCloseTo(valueOf(name, 'psi'), 12)
  })

  test.each(Object.keys(bins) as (keyof typeof bins)[])('Jensen-Shannon distance: %s', (name) => {
    const { reference, current } = bins[name]()
    expect(jensenShannonDistance(reference, current)).toBeCloseTo(valueOf(name, 'jensenshannon'), 12)
  })

  test.each([
    { name: 'num_small', ...distinctBins(numbers('num_small_ref'), numbers('num_small_cur')) },
    { name: 'num40', ...distinctBins(numbers('num40_ref'), numbers('num30_cur')) },
    { name: LARGE, ...distinctBins(large().reference, large().current) },
  ])('Wasserstein distance, a bin for each value: $name', ({ name, places, reference, current }) => {
    expect(wassersteinDistance(places, reference, current)).toBeCloseTo(valueOf(name, 'wasserstein'), 10)
  })

  test.each([
    { name: 'num_small', ...distinctBins(numbers('num_small_ref'), numbers('num_small_cur')) },
    { name: 'num40', ...distinctBins(numbers('num40_ref'), numbers('num30_cur')) },
  ])('Kolmogorov-Smirnov, by the exact probability of its statistic: $name', ({ name, reference, current }) => {
    const sizes = [reference, current].map((counts) => counts.reduce((sum, count) => sum + count, 0))
    const { distance } = kolmogorovSmirnov(reference, current)
    expect(probabilityOf(distance, sizes[0] ?? 0, sizes[1] ?? 0)).toBeCloseTo(valueOf(name, 'ks'), 10)
  })
})

/** Probability that two samples of one distribution differ as much: paths through the lattice that touch the bound. */
function probabilityOf(distance: number, n: number, m: number): number {
  const inside: number[][] = []
  for (let i = 0; i <= n; i++) {
    const row: number[] = (inside[i] = [])
    for (let j = 0; j <= m; j++) {
      const ways = i === 0 && j === 0 ? 1 : (inside[i - 1]?.[j] ?? 0) + (row[j - 1] ?? 0)
      row.push(Math.abs(i / n - j / m) >= distance - 1e-12 ? 0 : ways)
    }
  }
  let paths = 1
  for (let i = 1; i <= m; i++) paths = (paths * (n + i)) / i
  return 1 - (inside[n]?.[m] ?? 0) / paths
}

describe('what a wide bin hides', () => {
  test('binned, the same change looks smaller, never larger', () => {
    const fine = { reference: [10, 10, 10, 10], current: [4, 16, 12, 8] }
    const coarse = { reference: [20, 20], current: [20, 20] }
    for (const distance of [stabilityIndex, jensenShannonDistance]) {
      expect(distance(fine.reference, fine.current)).toBeGreaterThan(0.01)
      expect(distance(coarse.reference, coarse.current)).toBe(0)
    }
  })
})

describe('the index of two samples of one distribution', () => {
  test('exceeds its critical value as often as it may: 200 rows on both sides would miss .1 half of the time', () => {
    expect(stabilityCritical(10, [200, 200], 0.05)).toBeCloseTo(0.16919, 4)
    const uniform = lcg(3)
    const counts = (): number[] => {
      const bins = new Array<number>(10).fill(0)
      for (let row = 0; row < 400; row++) {
        const bin = Math.floor(uniform.next().value * 10)
        bins[bin] = (bins[bin] as number) + 1
      }
      return bins
    }
    const critical = stabilityCritical(10, [400, 400], 0.05)
    const exceeded = Array.from({ length: 1_000 }, () => stabilityIndex(counts(), counts()) > critical)
    const share = exceeded.filter(Boolean).length / 1_000
    expect(share).toBeGreaterThan(0.03)
    expect(share).toBeLessThan(0.07)
  })
})

const someCounts = fc.integer({ min: 1, max: 12 }).chain((bins) => {
  const side = fc.array(fc.nat(1_000), { minLength: bins, maxLength: bins }).filter((all) => all.some((n) => n > 0))
  return fc.record({ reference: side, current: side })
})

describe('for any counts', () => {
  test('nothing has changed between equal shares, whatever the number of rows', () => {
    fc.assert(
      fc.property(someCounts, fc.integer({ min: 1, max: 9 }), ({ reference }, factor) => {
        const current = reference.map((count) => count * factor)
        expect(stabilityIndex(reference, current)).toBeCloseTo(0, 12)
        expect(jensenShannonDistance(reference, current)).toBeCloseTo(0, 7)
        expect(kolmogorovSmirnov(reference, current).distance).toBeCloseTo(0, 12)
        expect(wassersteinDistance([...reference.keys()], reference, current)).toBeCloseTo(0, 9)
      }),
      { seed: 1 },
    )
  })

  test('distances have their bounds, and do not depend on which side is which', () => {
    fc.assert(
      fc.property(someCounts, ({ reference, current }) => {
        const distance = jensenShannonDistance(reference, current)
        expect(distance).toBeLessThanOrEqual(Math.sqrt(Math.LN2) + 1e-12)
        expect(distance).toBeCloseTo(jensenShannonDistance(current, reference), 12)
        expect(stabilityIndex(reference, current)).toBeGreaterThanOrEqual(-1e-12)
        expect(stabilityIndex(reference, current)).toBeCloseTo(stabilityIndex(current, reference), 9)
        const { distance: steps, rise, bin } = kolmogorovSmirnov(reference, current)
        expect(steps).toBeLessThanOrEqual(1 + 1e-12)
        expect(kolmogorovSmirnov(current, reference).distance).toBeCloseTo(steps, 12)
        expect(Math.abs(rise)).toBe(steps)
        expect(bin).toBeLessThan(reference.length)
      }),
      { seed: 2 },
    )
  })

  test('joining neighbouring bins never makes a change look larger', () => {
    fc.assert(
      fc.property(someCounts, ({ reference, current }) => {
        const joined = (counts: readonly number[]): number[] => [
          counts.slice(0, 2).reduce((sum, count) => sum + count, 0),
          ...counts.slice(2),
        ]
        const coarse = [joined(reference), joined(current)] as const
        expect(jensenShannonDistance(...coarse)).toBeLessThanOrEqual(jensenShannonDistance(reference, current) + 1e-9)
        expect(kolmogorovSmirnov(...coarse).distance).toBeLessThanOrEqual(
          kolmogorovSmirnov(reference, current).distance + 1e-12,
        )
      }),
      { seed: 3 },
    )
  })
})

test('a bin that is empty on both sides changes nothing, however many rows there are', () => {
  const [reference, current] = [
    [15_000, 1, 0],
    [200, 100, 0],
  ]
  expect(stabilityIndex(reference, current)).toBe(stabilityIndex(reference.slice(0, 2), current.slice(0, 2)))
})

describe('without rows or with other bins', () => {
  test.each([
    { reference: [0, 0], current: [1, 2] },
    { reference: [1, 2], current: [0, 0] },
    { reference: [1, 2], current: [1, 2, 3] },
  ])('$reference and $current cannot be compared', ({ reference, current }) => {
    expect(() => jensenShannonDistance(reference, current)).toThrow(RangeError)
    expect(() => stabilityIndex(reference, current)).toThrow(RangeError)
    expect(() => kolmogorovSmirnov(reference, current)).toThrow(RangeError)
  })
})

test('a distribution of deviation .5 that moved up by 1 is two deviations away', () => {
  expect(wassersteinDistance([0, 1, 2, 3], [1, 1, 0, 0], [0, 1, 1, 0])).toBeCloseTo(2, 12)
  expect(kolmogorovSmirnov([6, 4, 0], [2, 4, 4])).toMatchObject({ bin: 0 })
  expect(kolmogorovSmirnov([6, 4, 0], [2, 4, 4]).rise).toBeCloseTo(-0.4, 12)
})
