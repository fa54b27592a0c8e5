import { measureNamed } from '../../features/measures.ts'
import type { DriftCounts, DriftFinding, DriftMeasure } from '../../schemas/generated.ts'
import { kolmogorovSmirnov } from '../../stats/distribution-shift.ts'
import { rowsOf } from './counters.ts'

/** A group of reviews makes most of a change from this share of it on. */
const MOSTLY = 0.65
const MOST_FINDINGS = 8

/** Of a flag: what the reviews are that have it, and those that have it not. */
const FLAGS: Readonly<Record<string, readonly [yes: string, no: string]>> = {
  spoiler_banner: ['that announce spoilers themselves', 'that announce no spoilers'],
  rating_given: ['with a rating', 'without a rating'],
  summary_given: ['with a headline', 'without a headline'],
  movie_known: ['on films with metadata', 'on films without metadata'],
  plot_known: ['on films with a plot', 'on films without a plot'],
  user_is_new: ['by authors without history', 'by authors with a history'],
  movie_is_new: ['on films without earlier reviews', 'on films with earlier reviews'],
  called_spoiler: ['called spoilers', 'not called spoilers'],
  labelled: ['with a label within a week', 'without a label within a week'],
  labelled_spoiler: ['that people call spoilers', 'that people call harmless'],
  soon_labelled_spoiler: ['that people call spoilers within a day', 'that people call harmless within a day'],
}
/** Of a number: what stands between `reviews` and the comparison, and the unit behind it. */
const NUMBERS: Readonly<Record<string, readonly [what: string, unit: string]>> = {
  text_units: ['', 'characters'],
  word_count: ['', 'words'],
  sentence_count: ['', 'sentences'],
  summary_units: ['with a headline', 'characters'],
  cue_count: ['with', 'spoiler cues'],
  plot_overlap: ['whose words stand in the plot for', 'of them'],
  unseen_term_share: ['whose words are new for', 'of them'],
  rating: ['with a rating', 'stars'],
  user_reviews: ['by authors with', 'earlier reviews'],
  movie_reviews: ['on films with', 'earlier reviews'],
  probability: ['with a spoiler probability', ''],
  label_age_days: ['labelled after', 'days'],
  label_less_probability: ['whose label, 1 or 0, less their probability is', ''],
}

/** Words that a number follows without another: "by authors with at least 5". */
const ENDS_OPEN = /(with|for|after|is)$/

/** What a measure shows in plain words and figures: at the value where the shares differ most. */
function findingOf(measure: DriftMeasure, counts: DriftCounts, reference: DriftCounts): DriftFinding {
  const { bin, rise } = kolmogorovSmirnov(measure.referenceCounts, measure.counts)
  const { edges } = measureNamed(measure.measure)
  const isBelow = rise > 0
  const side = (all: readonly number[]): number => {
    const part = isBelow ? all.slice(0, bin + 1) : all.slice(bin + 1)
    return part.reduce((sum, count) => sum + count, 0)
  }
  const shareOf = (all: readonly number[]): number => side(all) / all.reduce((sum, count) => sum + count, 0)
  const before = shareOf(measure.referenceCounts)
  const after = shareOf(measure.counts)
  const figures = { effect: measure.kolmogorovSmirnov ?? 0, limit: measure.limit ?? 0 }
  if (measure.measure === 'f1') return f1Finding(figures, 1 - before, 1 - after) // an upper share
  const who = mostlyBy(measure.measure, { counts, reference, side })
  const reviews = reviewsThat(measure.measure, edges[bin] as number, isBelow)
  const text = `share of reviews ${reviews} rose from ${percent(before)} to ${percent(after)}${who}`
  return { measure: measure.measure, text, ...figures, before, after }
}

/** It is looked at for falls alone. */
function f1Finding(figures: Pick<DriftFinding, 'effect' | 'limit'>, before: number, after: number): DriftFinding {
  const text = `F1 of the decisions, by the labels of a week, fell from ${percent(before)} to ${percent(after)}`
  return { measure: 'f1', text, ...figures, before, after }
}

/** The strongest first: by how far they are beyond their limits. */
export function findingsOf(
  measures: readonly DriftMeasure[],
  counts: DriftCounts,
  reference: DriftCounts,
): DriftFinding[] {
  const excess = ({ kolmogorovSmirnov, limit }: DriftMeasure): number => (kolmogorovSmirnov ?? 0) / (limit ?? 1)
  const strongest = [...measures].sort((a, b) => excess(b) - excess(a)).slice(0, MOST_FINDINGS)
  return strongest.map((measure) => findingOf(measure, counts, reference))
}

function reviewsThat(measure: string, edge: number, isBelow: boolean): string {
  const flag = FLAGS[measure]
  if (flag !== undefined) return isBelow ? flag[1] : flag[0]
  if (measure.startsWith('genre_')) {
    const genre = measure.slice('genre_'.length).replace('_', ' ')
    return isBelow ? `on films outside the genre ${genre}` : `on films of the genre ${genre}`
  }
  const [what, unit] = NUMBERS[measure] ?? [`with ${measure}`, '']
  const atLeast = ENDS_OPEN.test(what) ? 'at least' : 'of at least'
  return [what, isBelow ? 'under' : atLeast, String(edge), unit].filter((part) => part !== '').join(' ')
}

interface Parts {
  readonly counts: DriftCounts
  readonly reference: DriftCounts
  readonly side: (counts: readonly number[]) => number
}

/** Which group of reviews makes most of what is more than the reference would have. */
function mostlyBy(measure: string, { counts, reference, side }: Parts): string {
  const scale = rowsOf(counts) / rowsOf(reference)
  const on = (of: DriftCounts, segment: string): number => {
    const found = of.segments.find((one) => one.segment === segment)
    return side(found?.measures.find((one) => one.measure === measure)?.counts ?? [])
  }
  const excess = counts.segments.map(({ segment }) => ({
    segment,
    more: Math.max(0, on(counts, segment) - scale * on(reference, segment)),
  }))
  const all = excess.reduce((sum, { more }) => sum + more, 0)
  const most = excess.find(({ more }) => more > MOSTLY * all)
  if (counts.segments.length < 2 || most === undefined || SAYS_WHO.includes(measure)) return ''
  return `, mostly ${WHO[most.segment] ?? `among labels of the source ${most.segment}`}`
}

/** Measures by which groups are told apart. */
const SAYS_WHO: readonly string[] = ['user_is_new', 'labelled']

const WHO: Readonly<Record<string, string>> = {
  'new authors': 'by authors without history',
  'known authors': 'by authors with a history',
}

function percent(share: number): string {
  const hundredths = share * 100
  return `${hundredths > 0 && hundredths < 9.95 ? hundredths.toFixed(1) : hundredths.toFixed(0)} %`
}
