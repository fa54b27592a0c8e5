import type { Outcome, ReviewFeatures, SpoilerScore } from '../schemas/generated.ts'
import { type Feature, spoilerV1 } from '../schemas/spoiler-v1.ts'

/**
 * What drift is measured by. Bins are fixed: they follow from the declared range of a feature alone, so that counts are
 * integers that add up over partitions, windows and versions.
 */
export interface Measure {
  readonly name: string
  /** Bin i holds the values from `edges[i - 1]`, inclusive, to `edges[i]`; the outer bins are open. */
  readonly edges: readonly number[]
  /**
   * Which change raises an alarm; `fall` is one to lower values. Never for what changes by itself while the world stays as
   * it is: which films come out, and how long films and authors have been known. That is only shown.
   */
  readonly alarms: 'any' | 'fall' | 'never'
}

/** Measures side by side in one array of counts: that of a bin stands at the offset of its measure plus the bin. */
export interface MeasureLayout {
  readonly measures: readonly Measure[]
  readonly offsets: readonly number[]
  /** Bins of all measures. */
  readonly size: number
}

/** Steps of a decade where values span several. */
const STEPS = [1, 2, 3, 5] as const
/** Ranges up to this are cut into steps of one. */
const WIDEST_BY_ONE = 20
const SHARE_EDGES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05] as const

/** Edges of the bins of a feature. Pure: equal declarations have equal bins. */
export function edgesOf({ type, min, max }: Pick<Feature, 'type' | 'min' | 'max'>): readonly number[] {
  if (type === 'boolean') return [1]
  if (min === 0 && max === 1) return [...SHARE_EDGES, ...steps(0.1, 1, 0.05)]
  if (max - min <= 2) return steps(min + 0.1, max, 0.1)
  if (max - min <= WIDEST_BY_ONE) return steps(min + 1, max, 1)
  if (min > 0 && max < 10 * min) return steps(min + 10, max, 10)
  const positive = decades(max, type === 'int' ? 1 : 0.1)
  if (min >= 0) return positive
  const negative = decades(-min, type === 'int' ? 1 : 0.1).map((edge) => -edge)
  return [...negative.reverse(), 0, ...positive]
}

/** From `first` to at most `last`, without the crumbs of adding decimals. */
function steps(first: number, last: number, by: number): number[] {
  const count = Math.floor((last - first) / by + 1e-9) + 1
  return Array.from({ length: count }, (_, i) => Math.round((first + i * by) * 1_000) / 1_000)
}

function decades(upTo: number, from: number): number[] {
  const edges: number[] = []
  for (let decade = from; decade <= upTo; decade *= 10)
    for (const step of STEPS) if (decade * step <= upTo) edges.push(Math.round(decade * step * 10) / 10)
  return edges
}

/** @returns in [0, edges.length]. */
export function binOf({ edges }: Pick<Measure, 'edges'>, value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value < (edges[middle] as number)) high = middle
    else low = middle + 1
  }
  return low
}

/** A value for each bin, ascending: its middle; of an outer bin its edge; of a flag 0 and 1. */
export function placesOf({ edges }: Pick<Measure, 'edges'>): number[] {
  if (edges.length === 1) return [0, 1]
  return Array.from({ length: edges.length + 1 }, (_, bin) => {
    const low = edges[Math.max(0, bin - 1)] as number
    const high = bin === 0 ? low : (edges[bin] ?? low)
    return (low + high) / 2
  })
}

function layoutOf(measures: readonly Measure[]): MeasureLayout {
  let size = 0
  const offsets = measures.map(({ edges }) => {
    const offset = size
    size += edges.length + 1
    return offset
  })
  return { measures, offsets, size }
}

const SHARE = { type: 'double', min: 0, max: 1 } as const
const FLAG = { type: 'boolean', min: 0, max: 1 } as const
/** What describes a film, its plot included (overlap depends on whose plot it is), and what grows with time. */
const FILM_OR_TIME =
  /^(movie_(?!known$)|genre_|film_|release_|duration_|units_per_minute$)|(plot|ending)_overlap$|_tenure_weeks$/

function measure(name: string, range: Pick<Feature, 'type' | 'min' | 'max'>): Measure {
  return { name, edges: edgesOf(range), alarms: FILM_OR_TIME.test(name) ? 'never' : 'any' }
}

/** Of a row of spoiler_v1: its features, and what the row says besides. */
export const FEATURE_MEASURES = layoutOf([
  ...spoilerV1.features.map((feature) => measure(feature.name, feature)),
  measure('summary_given', FLAG),
  measure('unseen_term_share', SHARE),
])

/**
 * The cells of a layout's counts to which a record adds one: of each measure that of its bin. Value i is of measure i; null
 * is not counted.
 */
function cellsOf({ measures, offsets }: MeasureLayout, values: readonly (number | null)[]): number[] {
  const cells: number[] = []
  for (let i = 0; i < measures.length; i += 1) {
    const value = values[i] as number | null
    if (value !== null) cells.push((offsets[i] as number) + binOf(measures[i] as Measure, value))
  }
  return cells
}

/** @param unseenTerms share of the content words that did not occur lately. */
export function featureCells({ values, summary }: ReviewFeatures, unseenTerms: number): number[] {
  return cellsOf(FEATURE_MEASURES, [...values, summary === null ? 0 : 1, unseenTerms])
}

/** Of a score. */
export const SCORE_MEASURES = layoutOf([measure('probability', SHARE), measure('called_spoiler', FLAG)])

export function scoreCells({ probability, isSpoiler }: SpoilerScore): number[] {
  return cellsOf(SCORE_MEASURES, [probability, isSpoiler ? 1 : 0])
}

const DAY_MS = 86_400_000

/** Of a label, on the day on which it is given. */
export const LABEL_MEASURES = layoutOf([
  { name: 'label_age_days', edges: [0.25, 0.5, 1, 2, 3, 5, 7, 10, 14, 20, 30, 45], alarms: 'any' },
  measure('labelled_spoiler', FLAG),
  measure('soon_labelled_spoiler', FLAG), // these are of reviews of today: a change is seen at once
])

export function labelCells({ score, label }: Outcome): number[] {
  const ageDays = (label.labelledAtMs - score.writtenAtMs) / DAY_MS
  const isSpoiler = label.isSpoiler ? 1 : 0
  return cellsOf(LABEL_MEASURES, [ageDays, isSpoiler, ageDays < 1 ? isSpoiler : null])
}

/**
 * Of a review whose labels are mature. `f1` counts two for a spoiler that was called one, in its upper bin, and one for
 * each error, in its lower: its upper share is F1.
 */
export const OUTCOME_MEASURES = layoutOf([
  { ...measure('labelled', FLAG), alarms: 'fall' },
  { ...measure('f1', FLAG), alarms: 'fall' },
  measure('labelled_spoiler', FLAG),
  measure('label_less_probability', { type: 'double', min: -1, max: 1 }),
])

export function outcomeCells({ score, label }: Outcome): number[] {
  const isHit = score.isSpoiler && label.isSpoiler
  const isError = score.isSpoiler !== label.isSpoiler
  const truth = label.isSpoiler ? 1 : 0
  const cells = cellsOf(OUTCOME_MEASURES, [1, isHit ? 1 : isError ? 0 : null, truth, truth - score.probability])
  return isHit ? [...cells, cells[1] as number] : cells
}

const ALL_MEASURES = [FEATURE_MEASURES, SCORE_MEASURES, LABEL_MEASURES, OUTCOME_MEASURES]
const BY_NAME = new Map(ALL_MEASURES.flatMap(({ measures }) => measures).map((one) => [one.name, one]))

/** @throws RangeError for one that nothing counts. */
export function measureNamed(name: string): Measure {
  const found = BY_NAME.get(name)
  if (found === undefined) throw new RangeError(`no measure ${name}`)
  return found
}
