import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  binOf,
  edgesOf,
  FEATURE_MEASURES,
  featureCells,
  measureNamed,
  placesOf,
  SCORE_MEASURES,
} from '../../../features/measures.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'

const ALL = [...FEATURE_MEASURES.measures, ...SCORE_MEASURES.measures]

describe('bins follow from the declared range', () => {
  test.each([
    { of: 'a flag', declared: { type: 'boolean', min: 0, max: 1 }, edges: [1] },
    { of: 'a rating', declared: { type: 'int', min: 1, max: 10 }, edges: [2, 3, 4, 5, 6, 7, 8, 9, 10] },
    { of: 'counts', declared: { type: 'int', min: 0, max: 100 }, edges: [1, 2, 3, 5, 10, 20, 30, 50, 100] },
    {
      of: 'two signs',
      declared: { type: 'int', min: -30, max: 50 },
      edges: [-30, -20, -10, -5, -3, -2, -1, 0, 1, 2, 3, 5, 10, 20, 30, 50],
    },
  ] as const)('$of', ({ declared, edges }) => {
    expect(edgesOf(declared)).toEqual(edges)
  })

  test.each(ALL.map((measure) => [measure.name, measure] as const))('%s: ascending, each once', (_, { edges }) => {
    expect(edges.length).toBeGreaterThan(0)
    expect(edges.length).toBeLessThan(60)
    expect(edges.every((edge, i) => i === 0 || edge > (edges[i - 1] as number))).toBe(true)
  })

  test('every value of its range has a bin, and larger values no lower one', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ALL), fc.double({ noNaN: true }), fc.double({ noNaN: true }), (measure, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a]
        expect(binOf(measure, low)).toBeLessThanOrEqual(binOf(measure, high))
        expect(binOf(measure, high)).toBeLessThanOrEqual(measure.edges.length)
      }),
      { seed: 1 },
    )
  })

  test('an edge belongs to the bin above it', () => {
    const units = measureNamed('text_units')
    expect(binOf(units, 200) - binOf(units, 199)).toBe(1)
    expect(binOf(units, 201)).toBe(binOf(units, 200))
    expect(placesOf(units)[binOf(units, 200)]).toBe(250)
    expect(placesOf(measureNamed('rating_given'))).toEqual([0, 1])
    expect(() => measureNamed('nothing')).toThrow(RangeError)
  })
})

test('a row is measured by its features, its headline and its new words', () => {
  const values = spoilerV1.features.map((feature) => feature.default)
  const row = { values, summary: null } as never
  const { measures, offsets, size } = FEATURE_MEASURES
  const cells = featureCells(row, 1)
  expect(cells).toHaveLength(measures.length)
  expect(cells.every((cell, i) => cell >= (offsets[i] as number) && cell < (offsets[i + 1] ?? size))).toBe(true)
  expect(cells.at(-2)).toBe(offsets.at(-2)) // no headline
  expect(cells.at(-1)).toBe(size - 1) // all words are new
})
