import { type Span, SPANS } from './dataset-row.ts'
import type { LeftOut } from './manifest.ts'
import type { KnownLabel, LabelClock, ReviewTable, SeenRow } from './review-table.ts'
import { planSpans, type SpanPlan, type SplitOptions } from './split.ts'

/** What was read of the two logs. */
export interface ReadLogs {
  readonly reviews: ReviewTable
  readonly clock: LabelClock
}

export interface DecideOptions {
  readonly split: SplitOptions
  readonly maturityMs: number
  /** Another one only in tests. */
  readonly plan?: typeof planSpans
}

type Reason = Exclude<keyof LeftOut, 'otherFeatureService' | 'superseded'>
/** What becomes of the newest row of each review. */
export interface Decisions {
  readonly plan: SpanPlan
  /** The span of a review and the label that it has there; undefined when it is left out. */
  readonly of: (review: number) => { readonly span: Span; readonly label: KnownLabel } | undefined
  readonly leftOut: Readonly<Record<Reason, number>>
}

const LEFT_OUT = -1

/** Pure, and O(n log n) in the number of reviews; one byte a review beside the table. */
export function decideRows(
  { reviews, clock }: ReadLogs,
  { split, maturityMs, plan: planOf = planSpans }: DecideOptions,
): Decisions {
  const untilOf = (span: Span): number => plan.times[span].labelsUntilMs ?? Infinity
  const isMature = (row: SeenRow, knownMs: number): boolean =>
    maturityMs === 0 || row.writtenAtMs + maturityMs <= knownMs
  const newestMs = clock.before(Infinity)
  const plan = planOf(
    split,
    candidateTimes(reviews, (row) => isMature(row, newestMs)),
  )
  const knownMs = new Map(SPANS.map((span) => [span, clock.before(untilOf(span))]))
  const leftOut = { immature: 0, unlabelled: 0, labelAfterCutoff: 0, userKnown: 0 }
  const decided = new Int8Array(reviews.size).fill(LEFT_OUT)

  const decide = (review: number, row: SeenRow): Span | Reason => {
    const span = plan.spanOf(row)
    if (!isMature(row, knownMs.get(span) as number)) return 'immature'
    if (!reviews.hasLabel(review)) return 'unlabelled'
    return reviews.labelBefore(review, untilOf(span)) === undefined ? 'labelAfterCutoff' : span
  }
  const settle = (review: number, outcome: Span | Reason): void => {
    if (outcome in leftOut) leftOut[outcome as Reason] += 1
    decided[review] = SPANS.indexOf(outcome as Span)
  }
  for (let review = 0; review < reviews.size; review += 1) settle(review, decide(review, reviews.row(review)))
  if (split.by === 'cold-user') leaveOutKnownUsers(reviews, decided, settle)

  return {
    plan,
    leftOut,
    of: (review) => {
      const span = SPANS[decided[review] as number]
      const label = span === undefined ? undefined : reviews.labelBefore(review, untilOf(span))
      return span === undefined || label === undefined ? undefined : { span, label }
    },
  }
}

function candidateTimes(reviews: ReviewTable, isMature: (row: SeenRow) => boolean): Float64Array {
  const times = new Float64Array(reviews.size)
  let count = 0
  for (let review = 0; review < reviews.size; review += 1) {
    const row = reviews.row(review)
    if (!reviews.hasLabel(review) || !isMature(row)) continue
    times[count] = row.appendedAtMs
    count += 1
  }
  return times.subarray(0, count)
}

/** The gate keeps only rows of users that no earlier span has. */
function leaveOutKnownUsers(
  reviews: ReviewTable,
  decided: Int8Array,
  settle: (review: number, reason: Reason) => void,
): void {
  const gate = SPANS.indexOf('gate')
  const known = new Set<string>()
  for (const [review, span] of decided.entries())
    if (span !== LEFT_OUT && span !== gate) known.add(reviews.row(review).userId)
  for (const [review, span] of decided.entries())
    if (span === gate && known.has(reviews.row(review).userId)) settle(review, 'userKnown')
}
