import { type CalibrationBin, calibrationBins } from '../../stats/classification.ts'
import { ranked } from '../../stats/ranking.ts'
import type { DatasetManifest } from '../dataset/manifest.ts'
import { compareScorers, type Compared } from './figures.ts'
import type { ScoredRows } from './scored-rows.ts'

/** Fewer spoilers or other reviews than these say nothing of a slice. */
const LEAST_OF_A_CLASS = 10
const SLICE_DRAWS = 300
const CURVE_POINTS = 200

export interface SliceFigures extends Compared {
  readonly slice: string
  readonly rows: number
  readonly positives: number
}

/** A point of a precision-recall curve. */
export type CurvePoint = readonly [recall: number, precision: number]

/** What a model is worth on rows that it has not seen, beside its baselines. The first scorer is the model. */
export interface Report extends Compared {
  readonly format: 1
  readonly model: string
  readonly tier: string
  readonly dataset: Pick<DatasetManifest, 'id' | 'featureService' | 'split' | 'spans'>
  readonly seed: number
  readonly rows: number
  readonly positives: number
  readonly calibration: readonly CalibrationBin[]
  readonly curves: readonly { readonly name: string; readonly points: readonly CurvePoint[] }[]
  readonly slices: readonly SliceFigures[]
  /** Slices with too few spoilers or other reviews to say anything. */
  readonly smallSlices: readonly { readonly slice: string; readonly rows: number; readonly positives: number }[]
}

export interface ReportSubject {
  readonly model: string
  readonly tier: string
  readonly dataset: DatasetManifest
  readonly seed: number
}

/** @param scored Rows of the gate span; its first scorer is the model. Depends on nothing but its arguments. */
export function reportOf(scored: ScoredRows, { model, tier, dataset, seed }: ReportSubject): Report {
  const { labels, scorers } = scored
  const [first] = scorers
  const { id, featureService, split, spans } = dataset
  return {
    format: 1,
    model,
    tier,
    dataset: { id, featureService, split, spans },
    seed,
    rows: labels.length,
    positives: labels.filter(Boolean).length,
    ...compareScorers(labels, scorers, { seed }),
    calibration: first === undefined ? [] : calibrationBins(first.scores, labels),
    curves: scorers.map(({ name, scores }) => ({ name, points: precisionRecall(scores, labels) })),
    ...slicesOf(scored, seed),
  }
}

function slicesOf({ labels, scorers, slices }: ScoredRows, seed: number): Pick<Report, 'slices' | 'smallSlices'> {
  const counted = [...slices]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([slice, rows]) => ({ slice, rows, positives: rows.filter((row) => labels[row] === true).length }))
  const [large, small] = [
    counted.filter(({ rows, positives }) => isLarge(rows.length, positives)),
    counted.filter(({ rows, positives }) => !isLarge(rows.length, positives)),
  ]
  return {
    slices: large.map(({ slice, rows, positives }) => {
      const own = scorers.map((scorer) => ({
        ...scorer,
        scores: Float64Array.from(rows, (row) => scorer.scores[row] as number),
      }))
      const ownLabels = rows.map((row) => labels[row] as boolean)
      return { slice, rows: rows.length, positives, ...compareScorers(ownLabels, own, { seed, draws: SLICE_DRAWS }) }
    }),
    smallSlices: small.map(({ slice, rows, positives }) => ({ slice, rows: rows.length, positives })),
  }
}

function isLarge(rows: number, positives: number): boolean {
  return positives >= LEAST_OF_A_CLASS && rows - positives >= LEAST_OF_A_CLASS
}

/** Points of the curve at about even recalls. */
function precisionRecall(scores: Float64Array, labels: readonly boolean[]): CurvePoint[] {
  const { endsTie, positive } = ranked(scores, labels)
  const positives = positive.reduce((sum, one) => sum + one, 0)
  const points: CurvePoint[] = []
  let hits = 0
  for (let rank = 0; rank < positive.length; rank++) {
    hits += positive[rank] as number
    const recall = hits / positives
    const last = points.at(-1)?.[0] ?? -1
    if (endsTie[rank] === 1 && (recall - last >= 1 / CURVE_POINTS || rank === positive.length - 1))
      points.push([recall, hits / (rank + 1)])
  }
  return points
}

/** What the manifest of a version says of its report. */
export function summaryOf({ dataset, seed, rows, positives, scorers, gains }: Report): object {
  const value = (figure: { readonly value: number } | null): number | null => figure?.value ?? null
  return {
    dataset: dataset.id,
    seed,
    gate: {
      rows,
      positives,
      scorers: scorers.map(({ name, prAuc, rocAuc, f1, brier, calibrationError }) => {
        return {
          name,
          prAuc: value(prAuc),
          rocAuc: value(rocAuc),
          f1: value(f1),
          brier: value(brier),
          calibrationError,
        }
      }),
      gains: gains.map(({ over, prAuc, rocAuc }) => ({ over, prAuc, rocAuc })),
    },
  }
}
