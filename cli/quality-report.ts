import type { QualityCounters } from '../schemas/generated.ts'
import { topics } from '../schemas/topics.ts'
import { ALL, SCORED } from '../stream-processors/quality-counters.ts'
import { added, NOTHING_COUNTED, type QualityCounts } from '../stats/quality-counts.ts'
import {
  estimatedFigures,
  type EstimatedFigures,
  qualityFigures,
  type QualityFigures,
} from '../stats/quality-figures.ts'

/** Labels that do not depend on the score: what is masked is reported less often. Decisions rest on these. */
const DECIDING: readonly string[] = ['audit', 'self-declared']

/** Figures of labelled rows, with what had been promised of them without labels. */
interface Realised extends QualityFigures {
  readonly estimated: EstimatedFigures
}

export interface SliceQuality {
  readonly slice: string
  readonly scored: number
  readonly labelled: number
  /** What is promised of all that was scored, as long as the probabilities are right. */
  readonly estimated: EstimatedFigures
  /** By labels that do not depend on the score: audit and self-declared. */
  readonly deciding: Realised
  /** By labels of any source. */
  readonly all: Realised
}

export interface VersionQuality {
  /** serve, canary or shadow. */
  readonly mode: string
  readonly model: string
  /** The first is of all reviews. */
  readonly slices: readonly SliceQuality[]
}

/** Adds up counters of all partitions. @param counters Of one key several may come: the last counts. */
export function qualityReport(counters: Iterable<QualityCounters>): VersionQuality[] {
  const newest = new Map(Array.from(counters, (one) => [topics.qualityCounters.key(one), one]))
  const versions = Map.groupBy(newest.values(), ({ mode, modelName, modelVersion }) =>
    JSON.stringify([mode, `${modelName}@${modelVersion}`]),
  )
  const reports = Array.from(versions, ([id, own]) => {
    const [mode, model] = JSON.parse(id) as [string, string]
    const slices = Array.from(
      Map.groupBy(own, ({ slice }) => slice),
      ([slice, of]) => sliceQuality(slice, of),
    )
    return { mode, model, slices: slices.filter(({ scored }) => scored > 0).sort(allFirst) }
  })
  return reports.filter(({ slices }) => slices.length > 0).sort((a, b) => compare(idOf(a), idOf(b)))
}

function sliceQuality(slice: string, counters: readonly QualityCounters[]): SliceQuality {
  const sumOf = (matches: (source: string) => boolean): QualityCounts =>
    counters
      .filter(({ labelSource }) => matches(labelSource))
      .reduce<QualityCounts>((sum, one) => added(sum, one), NOTHING_COUNTED)
  const scored = sumOf((source) => source === SCORED)
  const all = sumOf((source) => source !== SCORED)
  return {
    slice,
    scored: scored.rows,
    labelled: all.rows,
    estimated: estimatedFigures(scored),
    deciding: realised(sumOf((source) => DECIDING.includes(source))),
    all: realised(all),
  }
}

function realised(counts: QualityCounts): Realised {
  return { ...qualityFigures(counts), estimated: estimatedFigures(counts) }
}

function idOf({ mode, model }: VersionQuality): string {
  return `${mode} ${model}`
}

function allFirst(a: SliceQuality, b: SliceQuality): number {
  if (a.slice === ALL || b.slice === ALL) return a.slice === ALL ? -1 : 1
  return compare(a.slice, b.slice)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
