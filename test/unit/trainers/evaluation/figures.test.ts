import { expect, test } from 'vitest'
import { brierScore, decisionsAt } from '../../../../stats/classification.ts'
import { ranked, rankedAveragePrecision, rankedRocAuc } from '../../../../stats/ranking.ts'
import { compareScorers, METRICS } from '../../../../trainers/evaluation/figures.ts'
import type { Scorer } from '../../../../trainers/evaluation/scored-rows.ts'
import { calibratedRows } from '../../../support/reference-stream.ts'

const { probabilities, labels } = calibratedRows(3, 400)
const scorer = (name: string, scores: readonly number[], areProbabilities = true): Scorer => {
  return { name, threshold: 0.4, scores: Float64Array.from(scores), areProbabilities }
}
const good = scorer('good', probabilities)
const coin = scorer(
  'coin',
  probabilities.map((_, i) => ((i * 7) % 11) / 11),
)

test('figures are those of the statistics, and lie in their intervals', () => {
  const { scorers } = compareScorers(labels, [good, coin], { seed: 1 })
  const valuesOf = (i: number) => METRICS.map((metric) => scorers[i]?.[metric]?.value)
  const expected = ({ scores, threshold }: Scorer) => {
    const ranking = ranked(scores, labels)
    const { f1, precision, recall } = decisionsAt(threshold, scores, labels)
    const [prAuc, rocAuc] = [rankedAveragePrecision(ranking), rankedRocAuc(ranking)]
    return [prAuc, rocAuc, f1, precision, recall, brierScore(scores, labels)]
  }
  expect([valuesOf(0), valuesOf(1)]).toEqual([expected(good), expected(coin)])
  for (const figures of scorers)
    for (const metric of METRICS) {
      const { value, low, high } = figures[metric] ?? { value: NaN, low: NaN, high: NaN }
      expect(low).toBeLessThanOrEqual(value)
      expect(high).toBeGreaterThanOrEqual(value)
    }
})

test('a gain is the difference on the same draws: over itself it is 0 in every draw', () => {
  const { gains } = compareScorers(labels, [good, { ...good, name: 'twin' }, coin], { seed: 1 })
  expect(gains.map(({ over }) => over)).toEqual(['twin', 'coin'])
  expect(gains[0]?.prAuc).toEqual({ value: 0, low: 0, high: 0 })
  const ofCoin = compareScorers(labels, [coin], { seed: 1 }).scorers[0]?.prAuc
  const ofGood = compareScorers(labels, [good], { seed: 1 }).scorers[0]?.prAuc
  expect(gains[1]?.prAuc?.value).toBe((ofGood?.value ?? 0) - (ofCoin?.value ?? 0))
  expect(gains[1]?.prAuc?.low).toBeGreaterThan(0)
})

test('equal seeds give equal intervals, others do not', () => {
  const intervalOf = (seed: number) => compareScorers(labels, [good], { seed, draws: 50 }).scorers[0]?.prAuc
  expect(intervalOf(1)).toEqual(intervalOf(1))
  expect(intervalOf(2)).not.toEqual(intervalOf(1))
})

test('what is no probability has neither Brier score nor calibration error, nor a gain in them', () => {
  const lengths = scorer(
    'length',
    probabilities.map((p) => 1000 * p),
    false,
  )
  const { scorers, gains } = compareScorers(labels, [good, lengths], { seed: 1, draws: 50 })
  expect([scorers[0]?.brier === null, scorers[0]?.calibrationError === null]).toEqual([false, false])
  expect([scorers[1]?.brier, scorers[1]?.calibrationError, gains[0]?.brier]).toEqual([null, null, null])
})

test('without one of the classes there is no order to judge, and no error', () => {
  const none = labels.map(() => false)
  const { scorers } = compareScorers(none, [good], { seed: 1, draws: 20 })
  expect([scorers[0]?.prAuc, scorers[0]?.rocAuc]).toEqual([null, null])
  expect(scorers[0]?.brier).not.toBeNull()
})
