import type { DriftCounts } from '../../schemas/generated.ts'

/** Of a window of outcomes while it is open: all reviews that were scored. It has no measures. */
const SCORED = 'scored'
/** Of the same window once it is closed: those of them that no label came for in time. */
const UNLABELLED = 'unlabelled'

/** What a closed window of scores adds to the window of their outcomes, which closes when their labels are mature. */
export function scoredReviews({ subject, segments, ...window }: DriftCounts): DriftCounts {
  const rows = segments.reduce((sum, segment) => sum + segment.rows, 0)
  const scored = { segment: SCORED, rows, measures: [] }
  return { ...window, subject: subject.replace(/^scores/, 'outcomes'), segments: [scored], sums: {} }
}

/** A window of outcomes with the reviews that have none, so that it holds all that were scored. */
export function withUnlabelled(outcomes: DriftCounts): DriftCounts {
  const labelled = outcomes.segments.filter(({ segment }) => segment !== SCORED)
  const scored = outcomes.segments.find(({ segment }) => segment === SCORED)?.rows ?? 0
  const rows = Math.max(0, scored - labelled.reduce((sum, segment) => sum + segment.rows, 0))
  const unlabelled = { segment: UNLABELLED, rows, measures: [{ measure: 'labelled', counts: [rows, 0] }] }
  return { ...outcomes, segments: [...labelled, unlabelled] }
}
