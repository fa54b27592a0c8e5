import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rocAuc } from '../../../stats/auc.ts'

/** The definition, by all pairs. */
function byPairs(scores: readonly number[], labels: readonly boolean[]): number | null {
  let sum = 0
  let pairs = 0
  scores.forEach((positive, i) =>
    scores.forEach((negative, j) => {
      if (labels[i] !== true || labels[j] !== false) return
      pairs++
      sum += positive > negative ? 1 : positive === negative ? 0.5 : 0
    }),
  )
  return pairs === 0 ? null : sum / pairs
}

test.each([
  { name: 'perfect order', scores: [0.1, 0.2, 0.8, 0.9], labels: [false, false, true, true], expected: 1 },
  { name: 'reversed order', scores: [0.9, 0.8, 0.2, 0.1], labels: [false, false, true, true], expected: 0 },
  { name: 'all tied', scores: [5, 5, 5, 5], labels: [true, false, true, false], expected: 0.5 },
  { name: 'scikit-learn example', scores: [0.1, 0.4, 0.35, 0.8], labels: [false, false, true, true], expected: 0.75 },
  { name: 'one class', scores: [1, 2], labels: [true, true], expected: null },
  { name: 'nothing', scores: [], labels: [], expected: null },
])('$name gives $expected', ({ scores, labels, expected }) => {
  expect(rocAuc(scores, labels)).toBe(expected)
})

test('equals the share of ordered pairs, ties counting half', () => {
  const row = fc.record({ score: fc.integer({ min: -5, max: 5 }), label: fc.boolean() })
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
      const scores = rows.map(({ score }) => score)
      const labels = rows.map(({ label }) => label)
      const expected = byPairs(scores, labels)
      if (expected === null) expect(rocAuc(scores, labels)).toBeNull()
      else expect(rocAuc(scores, labels)).toBeCloseTo(expected, 12)
    }),
    { seed: 3 },
  )
})

test('lengths that differ and NaN are refused', () => {
  expect(() => rocAuc([1, 2], [true])).toThrow(RangeError)
  expect(() => rocAuc([1, NaN], [true, false])).toThrow(RangeError)
})
