import { type EstimatedDecisions, estimatedDecisions, estimatedRocAuc } from './cbpe.ts'
import { calibrationBins, expectedCalibrationError } from './classification.ts'
import { probabilityOfBin, type QualityCounts } from './quality-counts.ts'
import { bestF1, ranked, type Ranking, rankedAveragePrecision, rankedRocAuc } from './ranking.ts'

const MICROS = 1_000_000

/** How well an order agrees with the labels. Null where a kind of label is missing. */
interface RankingFigures {
  readonly prAuc: number | null
  readonly rocAuc: number | null
}

export interface QualityFigures extends RankingFigures {
  readonly labelled: number
  readonly positives: number
  readonly precision: number | null
  readonly recall: number | null
  readonly f1: number | null
  readonly brier: number | null
  readonly calibrationError: number | null
  /** Of the length of the text alone on the same rows, called by the threshold that turns out best in hindsight. */
  readonly length: RankingFigures & { readonly f1: number | null }
}

/** What is expected without labels. */
export type EstimatedFigures = EstimatedDecisions & Pick<RankingFigures, 'rocAuc'>

/**
 * Figures of labelled rows. Precision, recall, F1 and Brier score are exact to the millionth; areas and calibration error
 * follow from bins of a hundredth, which moves them by a few thousandths, and those of the length by less than a hundredth
 * (see the test).
 */
export function qualityFigures(counts: QualityCounts): QualityFigures {
  const { rows, called, positives, hits, squaredErrorMicros, rowsByScore, positivesByScore } = counts
  const scores = weighted(rowsByScore, positivesByScore)
  const lengths = weighted(counts.rowsByLength, counts.positivesByLength)
  const calibration = calibrationBins(scores.bins.map(probabilityOfBin), scores.labels, { weights: scores.weights })
  return {
    labelled: rows,
    positives,
    precision: over(hits, called),
    recall: over(hits, positives),
    f1: over(2 * hits, called + positives),
    prAuc: rankedAveragePrecision(scores.ranking, scores.weights),
    rocAuc: rankedRocAuc(scores.ranking, scores.weights),
    brier: over(squaredErrorMicros / MICROS, rows),
    calibrationError: expectedCalibrationError(calibration),
    length: {
      f1: bestF1(lengths.ranking, lengths.weights),
      prAuc: rankedAveragePrecision(lengths.ranking, lengths.weights),
      rocAuc: rankedRocAuc(lengths.ranking, lengths.weights),
    },
  }
}

/** The same as far as probabilities and decisions alone promise it: {@link estimatedDecisions}. */
export function estimatedFigures(counts: QualityCounts): EstimatedFigures {
  const { rows, called, expectedPositiveMicros, expectedHitMicros, rowsByScore } = counts
  const expected = {
    rows,
    called,
    expectedPositives: expectedPositiveMicros / MICROS,
    expectedHits: expectedHitMicros / MICROS,
  }
  const probabilities = rowsByScore.map((_, bin) => probabilityOfBin(bin))
  return { ...estimatedDecisions(expected), rocAuc: estimatedRocAuc(probabilities, rowsByScore) }
}

interface Weighted {
  readonly bins: readonly number[]
  readonly labels: readonly boolean[]
  readonly weights: readonly number[]
  readonly ranking: Ranking
}

/** Two rows a bin: its positives and its negatives. */
function weighted(rows: readonly number[], positives: readonly number[]): Weighted {
  const both = rows.flatMap((count, bin) => {
    const positive = positives[bin] ?? 0
    return [
      { bin, label: true, weight: positive },
      { bin, label: false, weight: count - positive },
    ]
  })
  const bins = both.map(({ bin }) => bin)
  const labels = both.map(({ label }) => label)
  return { bins, labels, weights: both.map(({ weight }) => weight), ranking: ranked(bins, labels) }
}

function over(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}
