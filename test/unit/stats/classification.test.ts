import { expect, test } from 'vitest'
import { brierScore, calibrationBins, decisionsAt, expectedCalibrationError } from '../../../stats/classification.ts'
import { calibratedRows } from '../../support/reference-stream.ts'

const { probabilities, labels } = calibratedRows(5, 300)
const weights = probabilities.map((_, i) => i % 4)

test('decisions and Brier score of 300 rows are those of scikit-learn 1.9.1, with weights and without', () => {
  const plain = decisionsAt(0.5, probabilities, labels)
  expect(plain.precision).toBeCloseTo(0.7840909090909091, 12)
  expect(plain.recall).toBeCloseTo(0.6634615384615384, 12)
  expect(plain.f1).toBeCloseTo(0.71875, 12)
  expect(brierScore(probabilities, labels)).toBeCloseTo(0.12055, 12)
  const weighted = decisionsAt(0.5, probabilities, labels, weights)
  expect(weighted.precision).toBeCloseTo(0.7898550724637681, 12)
  expect(weighted.recall).toBeCloseTo(0.6728395061728395, 12)
  expect(weighted.f1).toBeCloseTo(0.7266666666666667, 12)
  expect(brierScore(probabilities, labels, weights)).toBeCloseTo(0.11608066666666667, 12)
})

test.each([
  { name: 'the threshold itself is called', scores: [0.5], labels: [true], expected: [1, 1, 1] },
  { name: 'nothing called', scores: [0.1, 0.2], labels: [true, false], expected: [null, 0, 0] },
  { name: 'no positive', scores: [0.9], labels: [false], expected: [0, null, 0] },
  { name: 'no positive and nothing called', scores: [0.1], labels: [false], expected: [null, null, null] },
  { name: 'no row', scores: [], labels: [], expected: [null, null, null] },
])('decisions: $name', ({ scores, labels: given, expected }) => {
  const { precision, recall, f1 } = decisionsAt(0.5, scores, given)
  expect([precision, recall, f1]).toEqual(expected)
})

test.each([
  { name: 'certain and right', scores: [0, 1], labels: [false, true], expected: 0 },
  { name: 'certain and wrong', scores: [0, 1], labels: [true, false], expected: 1 },
  {
    name: 'the share of positives',
    scores: [0.25, 0.25, 0.25, 0.25],
    labels: [true, false, false, false],
    expected: 0.1875,
  },
  { name: 'nothing', scores: [], labels: [], expected: null },
])('Brier score of $name is $expected', ({ scores, labels: given, expected }) => {
  expect(brierScore(scores, given)).toBe(expected)
})

test('every row stands in one bin of equal width, the two ends too', () => {
  const bins = calibrationBins([0, 0.05, 0.1, 0.95, 1], [false, true, true, true, true])
  expect(bins.map(({ rows }) => rows)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 2])
  expect(bins[0]).toEqual({ from: 0, to: 0.1, rows: 2, meanProbability: 0.025, positiveShare: 0.5 })
  expect(bins[5]).toEqual({ from: 0.5, to: 0.6, rows: 0, meanProbability: null, positiveShare: null })
  expect(bins[9]).toMatchObject({ to: 1, meanProbability: 0.975, positiveShare: 1 })
})

test.each([-0.1, 1.2, NaN])('%s is no probability', (probability) => {
  expect(() => calibrationBins([probability], [true])).toThrow(RangeError)
})

test('the calibration error is the distance in each bin, weighted by its rows (computed by numpy)', () => {
  expect(expectedCalibrationError(calibrationBins(probabilities, labels))).toBeCloseTo(0.0386, 12)
  expect(expectedCalibrationError(calibrationBins([0.2, 0.2, 0.9], [false, false, true]))).toBeCloseTo(0.5 / 3, 12)
  expect(expectedCalibrationError(calibrationBins([], []))).toBeNull()
})
