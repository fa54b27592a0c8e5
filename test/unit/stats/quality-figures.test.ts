import { expect, test } from 'vitest'
import { estimatedDecisions, estimatedRocAuc } from '../../../stats/cbpe.ts'
import { brierScore, calibrationBins, decisionsAt, expectedCalibrationError } from '../../../stats/classification.ts'
import { counted, type CountedRow, NOTHING_COUNTED } from '../../../stats/quality-counts.ts'
import { estimatedFigures, qualityFigures } from '../../../stats/quality-figures.ts'
import { SeededRandom } from '../../../stats/random.ts'
import { bestF1, ranked, rankedAveragePrecision, rankedRocAuc } from '../../../stats/ranking.ts'

const THRESHOLD = 0.4
/** Reviews whose probabilities are right, longer ones likelier to spoil. */
const random = new SeededRandom(3)
const rows: readonly (CountedRow & { readonly isPositive: boolean })[] = Array.from({ length: 4_000 }, () => {
  const probability = random.uniform() ** 2
  return {
    probability,
    isCalled: probability >= THRESHOLD,
    units: Math.round(random.lognormal(400 + 1_000 * probability, 0.6)),
    isPositive: random.chance(probability),
  }
})
const probabilities = rows.map(({ probability }) => probability)
const labels = rows.map(({ isPositive }) => isPositive)
const lengths = rows.map(({ units }) => units)
const counts = rows.reduce((sum, row) => counted(sum, row, 1), NOTHING_COUNTED)
const figures = qualityFigures(counts)

test('decisions and Brier score are those of the rows', () => {
  const { precision, recall, f1 } = decisionsAt(THRESHOLD, probabilities, labels)
  expect(figures).toMatchObject({ labelled: 4_000, positives: labels.filter(Boolean).length, precision, recall, f1 })
  expect(figures.brier).toBeCloseTo(brierScore(probabilities, labels) ?? NaN, 6)
})

test('areas and calibration error are those of the rows to a few thousandths, those of the length to a hundredth', () => {
  const [byScore, byLength] = [ranked(probabilities, labels), ranked(lengths, labels)]
  const near = (value: number | null, expected: number | null, within = 0.004) => {
    expect(Math.abs((value ?? NaN) - (expected ?? NaN))).toBeLessThan(within)
  }
  near(figures.prAuc, rankedAveragePrecision(byScore))
  near(figures.rocAuc, rankedRocAuc(byScore))
  near(figures.calibrationError, expectedCalibrationError(calibrationBins(probabilities, labels)))
  near(figures.length.prAuc, rankedAveragePrecision(byLength), 0.01)
  near(figures.length.rocAuc, rankedRocAuc(byLength), 0.01)
  near(figures.length.f1, bestF1(byLength), 0.01)
})

test('what is expected without labels is what the rows promise', () => {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const called = probabilities.filter((p) => p >= THRESHOLD)
  const promised = estimatedDecisions({
    rows: rows.length,
    called: called.length,
    expectedPositives: sum(probabilities),
    expectedHits: sum(called),
  })
  const estimated = estimatedFigures(counts)
  for (const name of ['precision', 'recall', 'f1', 'accuracy', 'specificity'] as const)
    expect(estimated[name], name).toBeCloseTo(promised[name] ?? NaN, 6)
  const ones = probabilities.map(() => 1)
  expect(Math.abs((estimated.rocAuc ?? NaN) - (estimatedRocAuc(probabilities, ones) ?? NaN))).toBeLessThan(0.004)
})

test('probabilities that are right promise what then comes true', () => {
  const estimated = estimatedFigures(counts)
  expect(Math.abs((estimated.f1 ?? NaN) - (figures.f1 ?? NaN))).toBeLessThan(0.03)
  expect(Math.abs((estimated.rocAuc ?? NaN) - (figures.rocAuc ?? NaN))).toBeLessThan(0.03)
})

test('what cannot be told is null', () => {
  expect(qualityFigures(NOTHING_COUNTED)).toEqual({
    labelled: 0,
    positives: 0,
    precision: null,
    recall: null,
    f1: null,
    prAuc: null,
    rocAuc: null,
    brier: null,
    calibrationError: null,
    length: { f1: null, prAuc: null, rocAuc: null },
  })
})
