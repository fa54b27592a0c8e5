import type { Interval } from '../stats/bootstrap.ts'
import { confidenceSequence } from '../stats/confidence-sequence.ts'

/** Counters of one version on labelled reviews since its stage began; those of partitions are added up. */
export interface LiveTally {
  readonly rows: number
  /** Called a spoiler. */
  readonly called: number
  readonly positives: number
  /** Called a spoiler, and one. */
  readonly hits: number
  /** Sum of the squared distances of probability and outcome, in millionths. */
  readonly squaredErrorMicros: number
}

/** shadow, canary: the candidate challenges. watch: it is champion, and the one before scores in the shadow. */
export type Stage = 'shadow' | 'canary' | 'watch'

interface LiveLimits {
  /** Fewest labelled spoilers of each version before anything is concluded. */
  readonly leastPositives: number
  /** So many labelled reviews are enough to conclude; without a conclusion the version before stays, or comes back. */
  readonly mostRows: number
  /** The candidate is good enough when it is shown to be no worse than by so much. */
  readonly f1Margin: number
  readonly brierMargin: number
  /**
   * Guardrail: it may call so many times as many reviews spoilers as the other, or the other way round, unless it is
   * nearer to how many there are: the other may have gone blind.
   */
  readonly mostCalledRatio: number
  /** Probability that an equal candidate is ever said to be worse, however often one looks. */
  readonly alpha: number
}

export const LIVE_LIMITS: LiveLimits = {
  leastPositives: 30,
  mostRows: 50_000,
  f1Margin: 0.1,
  brierMargin: 0.05,
  mostCalledRatio: 2,
  alpha: 0.05,
}

interface StageDecision {
  readonly verdict: 'wait' | 'advance' | 'retreat'
  /** For people. */
  readonly reason: string
}

/**
 * Compares a candidate with the version before it on live labels. It may be asked at every new label: its intervals
 * hold at all sample sizes at once. What is undecided at the end is a retreat.
 */
export function decideStage(
  { candidate, before }: { readonly candidate: LiveTally; readonly before: LiveTally },
  limits: LiveLimits = LIVE_LIMITS,
): StageDecision {
  const { leastPositives, mostRows } = limits
  if (![candidate, before].every(isWhole)) return { verdict: 'retreat', reason: 'its counters are none' }
  if (Math.min(candidate.positives, before.positives) < leastPositives)
    return { verdict: 'wait', reason: `${candidate.positives} and ${before.positives} labelled spoilers` }
  const ratio = calledShare(candidate) / calledShare(before)
  const isUsual = ratio <= limits.mostCalledRatio && ratio >= 1 / limits.mostCalledRatio
  if (!isUsual && !(calledTooOften(candidate) < calledTooOften(before)))
    return { verdict: 'retreat', reason: `it calls ${ratio.toFixed(2)} times as many reviews spoilers` }
  // of higher figures is better; two figures of two versions
  const alpha = limits.alpha / 4
  const f1 = { name: 'F1', mine: f1Of(candidate, alpha), other: f1Of(before, alpha), margin: limits.f1Margin }
  const accuracy = { name: '1 - Brier', mine: accuracyOf(candidate, alpha), other: accuracyOf(before, alpha) }
  const figures = [f1, { ...accuracy, margin: limits.brierMargin }]
  const reason = figures.map(({ name, mine, other }) => `${name} ${textOf(mine)} against ${textOf(other)}`).join(', ')
  if (figures.some(({ mine, other }) => mine.high < other.low))
    return { verdict: 'retreat', reason: `worse: ${reason}` }
  if (figures.every(({ mine, other, margin }) => mine.low >= other.high - margin))
    return { verdict: 'advance', reason: `no worse: ${reason}` }
  if (Math.min(candidate.rows, before.rows) >= mostRows) return { verdict: 'retreat', reason: `undecided: ${reason}` }
  return { verdict: 'wait', reason }
}

/** Who takes a slot; the deployment's version is the candidate's or that of the version before. */
export interface SlotChange {
  readonly slot: 'champion' | 'challenger'
  readonly mode: 'serve' | 'shadow' | 'canary' | 'off'
  readonly share: number
  readonly version: 'candidate' | 'before'
}

/** Share of the shadow of the version before. */
const WATCH_SHARE = 1
/** While no policy says another. */
const CANARY_SHARE = 0.2

/** What a conclusion does to the slots, and the stage behind it; null ends the trial. */
interface StageStep {
  readonly next: Stage | null
  readonly changes: readonly SlotChange[]
}

const EMPTIED: SlotChange = { slot: 'challenger', mode: 'off', share: 0, version: 'candidate' }
const TAKES_OVER: SlotChange = { slot: 'champion', mode: 'serve', share: 1, version: 'candidate' }
const COMES_BACK: SlotChange = { slot: 'champion', mode: 'serve', share: 1, version: 'before' }

const STEPS: Readonly<Record<Stage, Readonly<Record<'advance' | 'retreat', StageStep>>>> = {
  shadow: {
    advance: {
      next: 'canary',
      changes: [{ slot: 'challenger', mode: 'canary', share: CANARY_SHARE, version: 'candidate' }],
    },
    retreat: { next: null, changes: [EMPTIED] },
  },
  canary: {
    advance: {
      next: 'watch',
      changes: [TAKES_OVER, { slot: 'challenger', mode: 'shadow', share: WATCH_SHARE, version: 'before' }],
    },
    retreat: { next: null, changes: [EMPTIED] },
  },
  watch: {
    advance: { next: null, changes: [{ ...EMPTIED, version: 'before' }] },
    retreat: { next: null, changes: [COMES_BACK, { ...EMPTIED, version: 'before' }] },
  },
}

/** @param canaryShare Of the reviews, 0 to 1. */
export function stepOf(stage: Stage, verdict: 'advance' | 'retreat', canaryShare = CANARY_SHARE): StageStep {
  const { next, changes } = STEPS[stage][verdict]
  return { next, changes: changes.map((one) => (one.mode === 'canary' ? { ...one, share: canaryShare } : one)) }
}

function isWhole(tally: LiveTally): boolean {
  const { rows, called, positives, hits } = tally
  const counts = Object.values(tally).every((count: number) => Number.isFinite(count) && count >= 0)
  return counts && called <= rows && positives <= rows && hits <= Math.min(called, positives)
}

function calledShare({ called, rows }: LiveTally): number {
  return called / rows
}

/** By which factor calls and spoilers differ, as the size of its logarithm. */
function calledTooOften({ called, positives }: LiveTally): number {
  return Math.abs(Math.log(called / positives))
}

/** F1 = 2 J / (1 + J), where J is the share of hits among the reviews that are called or positive: a mean of a coin. */
function f1Of({ called, positives, hits }: LiveTally, alpha: number): Interval {
  const count = called + positives - hits
  const { low, high } = shareOf(hits / count, count, alpha)
  return { low: (2 * low) / (1 + low), high: (2 * high) / (1 + high) }
}

function accuracyOf({ rows, squaredErrorMicros }: LiveTally, alpha: number): Interval {
  return shareOf(1 - squaredErrorMicros / 1e6 / rows, rows, alpha)
}

/** Interval of the mean of values in [0, 1], whose deviation is at most that of a coin of the same mean. */
function shareOf(mean: number, count: number, alpha: number): Interval {
  const deviation = Math.sqrt(mean * (1 - mean))
  const { low, high } = confidenceSequence({ mean, deviation, count }, { alpha, tightestAt: 1_000 })
  return { low: Math.max(0, low), high: Math.min(1, high) }
}

function textOf({ low, high }: Interval): string {
  return `${low.toFixed(3)} to ${high.toFixed(3)}`
}
