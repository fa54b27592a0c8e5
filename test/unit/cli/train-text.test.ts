import { expect, test } from 'vitest'
import { trainingText } from '../../../cli/train-text.ts'
import type { Figure, Figures } from '../../../trainers/evaluation/figures.ts'
import type { Report } from '../../../trainers/evaluation/report.ts'

const figure = (value: number): Figure => ({ value, low: value - 0.05, high: value + 0.05 })
const figures = (value: number): Figures => {
  const one = figure(value)
  return { prAuc: one, rocAuc: one, f1: one, precision: one, recall: one, brier: null }
}
const report = {
  rows: 1_200,
  positives: 300,
  scorers: [{ name: 'baseline', threshold: 0.3, ...figures(0.7), calibrationError: 0.02 }],
} as unknown as Report
const trained = {
  name: 'baseline',
  featureService: 'spoiler_v1',
  version: '0123456789abcdef',
  address: 's3://b/models/x',
  source: 'models/x',
  report,
}

test('a training tells the version, where it lies, and what it is worth', () => {
  expect(trainingText({ ...trained, deployment: { outcome: 'trained' } })).toBe(
    [
      'baseline@0123456789abcdef',
      's3://b/models/x',
      '',
      'On 1,200 held-out reviews, 25.0 % of them spoilers, with 95 % intervals:',
      '          PR-AUC               ROC-AUC              F1                   BRIER  CALIBRATION ERROR',
      'baseline  0.700 (0.650–0.750)  0.700 (0.650–0.750)  0.700 (0.650–0.750)  –      0.020',
      '',
    ].join('\n'),
  )
})

test.each([
  { outcome: 'deployed', line: 'Takes over: because' },
  { outcome: 'kept', line: 'Not deployed: because' },
] as const)('$outcome: "$line"', ({ outcome, line }) => {
  expect(
    trainingText({ ...trained, deployment: { outcome, reason: 'because', gate: { report: 'k', page: '' } } }),
  ).toContain(`\n${line}\n`)
})
