import { bootstrapIntervals, type Estimate } from '../../stats/bootstrap.ts'
import { brierScore, calibrationBins, decisionsAt, expectedCalibrationError } from '../../stats/classification.ts'
import { ranked, rankedAveragePrecision, rankedRocAuc } from '../../stats/ranking.ts'
import type { Scorer } from './scored-rows.ts'

/** A figure with its 95 % bootstrap interval over the rows. */
export type Figure = Estimate

/** Of higher figures is better, but for the Brier score. */
export const METRICS = ['prAuc', 'rocAuc', 'f1', 'precision', 'recall', 'brier'] as const
export type Metric = (typeof METRICS)[number]
export type Figures = Readonly<Record<Metric, Figure | null>>

export interface ScorerFigures extends Figures {
  readonly name: string
  readonly threshold: number
  /** Expected calibration error in ten bins; null of what gives no probabilities. */
  readonly calibrationError: number | null
}

/** First scorer less another one, on the same draws. */
export interface Gain extends Figures {
  readonly over: string
}

type Values = Readonly<Record<Metric, number | null>>

export interface Compared {
  readonly scorers: readonly ScorerFigures[]
  /** The first scorer over each of the others. */
  readonly gains: readonly Gain[]
}

/** Figures of scorers on the same rows, with paired bootstrap intervals. O(draws * scorers * rows). */
export function compareScorers(
  labels: readonly boolean[],
  scorers: readonly Scorer[],
  options: { readonly seed: number; readonly draws?: number },
): Compared {
  const measures = scorers.map((scorer) => measureOf(labels, scorer))
  const values = measures.map((measure) => measure())
  const statistics = (weights: Uint32Array) => statisticsOf(measures.map((measure) => measure(weights)))
  const points = statisticsOf(values)
  const intervals = bootstrapIntervals(labels.length, statistics, options)
  const figureOf = (name: string): Figure | null => {
    const value = points[name] ?? null
    const interval = intervals[name] ?? null
    return value === null || interval === null ? null : { value, ...interval }
  }
  const figuresOf = (prefix: string): Figures =>
    Object.fromEntries(METRICS.map((metric) => [metric, figureOf(`${prefix}${metric}`)])) as unknown as Figures
  return {
    scorers: scorers.map(({ name, threshold, scores, areProbabilities }, i) => ({
      name,
      threshold,
      ...figuresOf(`${i}.`),
      calibrationError: areProbabilities ? expectedCalibrationError(calibrationBins(scores, labels)) : null,
    })),
    gains: scorers.slice(1).map(({ name }, i) => ({ over: name, ...figuresOf(`gain.${i + 1}.`) })),
  }
}

/** Figures of one scorer for row weights; its order is found once. */
function measureOf(
  labels: readonly boolean[],
  { scores, threshold, areProbabilities }: Scorer,
): (weights?: Uint32Array) => Values {
  const ranking = ranked(scores, labels)
  return (weights) => ({
    prAuc: rankedAveragePrecision(ranking, weights),
    rocAuc: rankedRocAuc(ranking, weights),
    ...decisionsAt(threshold, scores, labels, weights),
    brier: areProbabilities ? brierScore(scores, labels, weights) : null,
  })
}

function statisticsOf(values: readonly Values[]): Record<string, number | null> {
  const [first] = values
  const entries = values.flatMap((own, i) =>
    METRICS.flatMap((metric) => {
      const [mine, other] = [first?.[metric] ?? null, own[metric]]
      const gain = mine === null || other === null ? null : mine - other
      return [[`${i}.${metric}`, other] as const, ...(i === 0 ? [] : [[`gain.${i}.${metric}`, gain] as const])]
    }),
  )
  return Object.fromEntries(entries)
}
