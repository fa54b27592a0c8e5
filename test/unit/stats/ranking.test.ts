import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decisionsAt } from '../../../stats/classification.ts'
import { bestF1, ranked, rankedAveragePrecision, rankedRocAuc } from '../../../stats/ranking.ts'
import { calibratedRows } from '../../support/reference-stream.ts'

const row = fc.record({ score: fc.integer({ min: -4, max: 4 }), label: fc.boolean(), weight: fc.nat({ max: 3 }) })
const rowsOf = fc.array(row, { maxLength: 30 })
type Row = typeof row extends fc.Arbitrary<infer R> ? R : never

const rankingOf = (rows: readonly Pick<Row, 'score' | 'label'>[]) =>
  ranked(
    rows.map(({ score }) => score),
    rows.map(({ label }) => label),
  )

/** The definition: at each score, the precision of all at or above it, for each positive that has it. */
function byDefinition(rows: readonly Row[]): number | null {
  const positives = rows.filter(({ label }) => label)
  if (positives.length === 0) return null
  const precisions = positives.map(({ score }) => {
    const above = rows.filter((other) => other.score >= score)
    return above.filter(({ label }) => label).length / above.length
  })
  return precisions.reduce((sum, precision) => sum + precision, 0) / positives.length
}

test('figures of 300 rows with ties are those of scikit-learn 1.9.1, with weights and without', () => {
  const { probabilities, labels } = calibratedRows(5, 300)
  const ranking = ranked(probabilities, labels)
  expect(rankedAveragePrecision(ranking)).toBeCloseTo(0.8343085289526262, 12)
  expect(rankedRocAuc(ranking)).toBeCloseTo(0.9042876766091053, 12)
  const weights = probabilities.map((_, i) => i % 4)
  expect(rankedAveragePrecision(ranking, weights)).toBeCloseTo(0.862228101189237, 12)
  expect(rankedRocAuc(ranking, weights)).toBeCloseTo(0.910911779835391, 12)
})

test.each([
  { name: 'perfect order', scores: [1, 2, 8, 9], labels: [false, false, true, true], expected: 1 },
  { name: 'reversed order', scores: [9, 8], labels: [false, true], expected: 0.5 },
  {
    name: 'all tied: the share of positives',
    scores: [5, 5, 5, 5],
    labels: [true, false, false, false],
    expected: 0.25,
  },
  { name: 'no positive', scores: [1, 2], labels: [false, false], expected: null },
  { name: 'only positives', scores: [1, 2], labels: [true, true], expected: 1 },
  { name: 'nothing', scores: [], labels: [], expected: null },
])('average precision of $name is $expected', ({ scores, labels, expected }) => {
  expect(rankedAveragePrecision(ranked(scores, labels))).toBe(expected)
})

test('average precision is its definition, whatever ties', () => {
  fc.assert(
    fc.property(rowsOf, (rows) => {
      const expected = byDefinition(rows)
      const found = rankedAveragePrecision(rankingOf(rows))
      if (expected === null) expect(found).toBeNull()
      else expect(found).toBeCloseTo(expected, 12)
    }),
    { seed: 5 },
  )
})

test('a weight counts as so many rows', () => {
  fc.assert(
    fc.property(rowsOf, (rows) => {
      const weights = rows.map(({ weight }) => weight)
      const repeated = rankingOf(rows.flatMap((one) => Array<Row>(one.weight).fill(one)))
      const ranking = rankingOf(rows)
      for (const metric of [rankedRocAuc, rankedAveragePrecision]) {
        const expected = metric(repeated)
        if (expected === null) expect(metric(ranking, weights)).toBeNull()
        else expect(metric(ranking, weights)).toBeCloseTo(expected, 12)
      }
    }),
    { seed: 6 },
  )
})

test('only the order of the scores counts', () => {
  fc.assert(
    fc.property(rowsOf, (rows) => {
      const stretched = rankingOf(rows.map(({ score, label }) => ({ score: Math.exp(score), label })))
      expect(rankedRocAuc(stretched)).toBe(rankedRocAuc(rankingOf(rows)))
      expect(rankedAveragePrecision(stretched)).toBe(rankedAveragePrecision(rankingOf(rows)))
    }),
    { seed: 7 },
  )
})

test.each([
  { name: 'a perfect order', scores: [3, 2, 1], labels: [true, true, false], f1: 1 },
  { name: 'the reverse: calling all is best', scores: [1, 2, 3], labels: [true, false, false], f1: 1 / 2 },
  { name: 'a tie cannot be cut', scores: [2, 2, 1], labels: [true, false, false], f1: 2 / 3 },
  { name: 'no positives', scores: [1, 2], labels: [false, false], f1: null },
])('best F1 of $name is $f1', ({ scores, labels, f1 }) => {
  expect(bestF1(ranked(scores, labels))).toBe(f1)
})

test('no threshold has a better F1 than the best', () => {
  const rows = fc.array(fc.tuple(fc.nat(9), fc.boolean()), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(rows, (pairs) => {
      const [scores, labels] = [pairs.map(([score]) => score), pairs.map(([, label]) => label)]
      const all = scores.map((threshold) => decisionsAt(threshold, scores, labels).f1)
      expect(bestF1(ranked(scores, labels))).toBe(labels.includes(true) ? Math.max(...all.map((f1) => f1 ?? 0)) : null)
    }),
    { seed: 6 },
  )
})
