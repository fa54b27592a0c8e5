import { measureNamed, placesOf } from '../../features/measures.ts'
import type { DriftCounts, DriftMeasure, DriftSubject, JudgedWindow } from '../../schemas/generated.ts'
import {
  jensenShannonDistance,
  kolmogorovSmirnov,
  stabilityCritical,
  stabilityIndex,
  wassersteinDistance,
} from '../../stats/distribution-shift.ts'
import { added, rowsOf, totalsOf } from './counters.ts'

/** A window with fewer rows is joined with the next one. */
const LEAST_ROWS = 100
/** A measure of which a window, or all of its reference, has fewer values is not compared. */
const LEAST_VALUES = 50
/** A limit is learned from no fewer windows. */
const LEAST_DISTANCES = 8
/** So many windows stand between the window that is judged and those that it is compared with. */
const RECENT_WINDOWS = 3
/** Of the recent windows, the one that is judged included, so many must be over for an alarm. */
const OVER_WINDOWS = 2
/** Two weeks: every day of the week is in it twice. */
export const LEARNED_WINDOWS = 14
/** Four weeks. The reference moves along with seasons. */
const REFERENCE_WINDOWS = 28
/** So many windows within limits end an alarm. */
const CALM_WINDOWS = 3
/** An alarm that has stood so long ends: what it warned of is the world now, and the reference is learned anew. */
export const LONGEST_ALARM_WINDOWS = 28
/** After an alarm has ended no other is raised for so many windows. */
const COOLDOWN_WINDOWS = 3
/** While an alarm stands its measures are calm below this share of their limits. */
const HYSTERESIS = 0.8
/** No distance below it is an effect. */
const LEAST_DISTANCE = 0.1
/** The limit lies so many deviations above the mean of the distances in the reference, and so far above the largest. */
const DEVIATIONS = 5
const OVER_LARGEST = 1.3
/** Probability that chance alone brings the stability index beyond its critical value. */
const ALPHA = 1e-4
/** A reference of fewer windows is no measure for the distance of another window. */
const LEAST_FOR_DISTANCE = 4

export const NEW_SUBJECT: DriftSubject = {
  waiting: null,
  recent: [],
  reference: [],
  alarmSinceMs: null,
  alarmMeasures: [],
  calmWindows: 0,
  windowsSinceChange: COOLDOWN_WINDOWS,
}

/** A window beside the ones that it is compared with. */
export interface Judgement {
  readonly counts: DriftCounts
  /** All windows of the reference together; null while they are too few. */
  readonly reference: DriftCounts | null
  readonly referenceWindows: number
  readonly verdict: 'learning' | 'quiet' | 'over'
  readonly measures: readonly DriftMeasure[]
  readonly judged: JudgedWindow
}

/**
 * Compares a window with its reference. A measure is over when its effect, the largest difference of the cumulated shares,
 * is beyond the limit that the windows of the reference have set: the share of reviews under or over some value has moved
 * by so much.
 *
 * O(bins of all measures).
 */
export function judge(counts: DriftCounts, reference: readonly JudgedWindow[]): Judgement {
  const isLearned = reference.length >= LEARNED_WINDOWS
  const [first, ...others] = reference.map((one) => one.counts)
  const pooled = first === undefined || reference.length < LEAST_FOR_DISTANCE ? null : added(first, ...others)
  const before = pooled === null ? new Map<string, readonly number[]>() : totalsOf(pooled)
  const compared = [...totalsOf(counts)].map(([measure, current]) => {
    const referenceCounts = before.get(measure)
    const fewerBy = valuesOf(referenceCounts ?? []) / reference.length / valuesOf(current)
    return referenceCounts === undefined || valuesOf(current) < LEAST_VALUES || valuesOf(referenceCounts) < LEAST_VALUES
      ? notCompared(measure, current)
      : compare(measure, { current, reference: referenceCounts, limit: limitOf(measure, reference, fewerBy) })
  })
  const measures = isLearned ? compared : compared.map((one) => ({ ...one, limit: null, over: false }))
  const over = measures.filter((one) => one.over).map(({ measure }) => measure)
  const distances = compared.flatMap((one) =>
    one.kolmogorovSmirnov === null ? [] : [[one.measure, one.kolmogorovSmirnov]],
  )
  return {
    counts,
    reference: isLearned ? pooled : null,
    referenceWindows: isLearned ? reference.length : 0,
    verdict: !isLearned ? 'learning' : over.length > 0 ? 'over' : 'quiet',
    measures,
    judged: { counts, over, distances: Object.fromEntries(distances) as Record<string, number> },
  }
}

interface Sides {
  readonly current: readonly number[]
  readonly reference: readonly number[]
  readonly limit: number | null
}

function compare(measure: string, { current, reference, limit }: Sides): DriftMeasure {
  const { edges, alarms } = measureNamed(measure)
  const { distance, rise } = kolmogorovSmirnov(reference, current)
  const isLooked = alarms === 'any' || (alarms === 'fall' && rise > 0) // more lower values are a fall
  return {
    measure,
    counts: current,
    referenceCounts: reference,
    jensenShannon: jensenShannonDistance(reference, current),
    limit,
    psi: stabilityIndex(reference, current),
    psiCritical: criticalOf(reference, current),
    wasserstein: wassersteinDistance(placesOf({ edges }), reference, current),
    kolmogorovSmirnov: distance,
    over: isLooked && limit !== null && distance > limit,
  }
}

function notCompared(measure: string, counts: readonly number[]): DriftMeasure {
  const nothing = { psi: null, psiCritical: null, wasserstein: null, kolmogorovSmirnov: null }
  return { measure, counts, referenceCounts: [], jensenShannon: null, limit: null, ...nothing, over: false }
}

/** Bins that hold nothing on either side say nothing. */
function criticalOf(reference: readonly number[], current: readonly number[]): number {
  const filled = reference.filter((count, i) => count + (current[i] as number) > 0).length
  const rows = [reference, current].map(valuesOf)
  return filled < 2 ? 0 : stabilityCritical(filled, [rows[0] as number, rows[1] as number], ALPHA)
}

function valuesOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/**
 * What windows of the reference have shown of themselves, the largest of them included. Chance moves a window the more
 * the fewer values it has: in the inverse of their root.
 *
 * @param fewerBy Values of a usual window of the reference, by those of the window that is judged.
 */
function limitOf(measure: string, reference: readonly JudgedWindow[], fewerBy: number): number | null {
  const distances = reference.flatMap(({ distances: own }) => own[measure] ?? [])
  if (distances.length < LEAST_DISTANCES) return null
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / Math.max(1, distances.length)
  const squares = distances.reduce((sum, distance) => sum + (distance - mean) ** 2, 0)
  const deviation = Math.sqrt(squares / Math.max(1, distances.length - 1))
  const shown = Math.max(mean + DEVIATIONS * deviation, OVER_LARGEST * Math.max(0, ...distances))
  return Math.max(LEAST_DISTANCE, shown * Math.sqrt(Math.max(1, fewerBy)))
}

/** What a window makes of an alarm. */
export type Change =
  | { readonly kind: 'raised'; readonly measures: readonly string[]; readonly sinceMs: number }
  | { readonly kind: 'ended'; readonly because: 'calm' | 'usual by now' }
  | null

/** @param recent The windows before it, oldest first. */
export function changeOf(subject: DriftSubject, judgement: Judgement, recent: readonly JudgedWindow[]): Change {
  if (subject.alarmSinceMs !== null) return endOf(subject, judgement)
  if (subject.windowsSinceChange < COOLDOWN_WINDOWS) return null
  const lately = [...recent, judgement.judged].slice(-RECENT_WINDOWS)
  const timesOver = (measure: string): number => lately.filter(({ over }) => over.includes(measure)).length
  const measures = judgement.judged.over.filter((measure) => timesOver(measure) >= OVER_WINDOWS)
  if (measures.length === 0) return null
  const first = lately.find(({ over }) => over.some((measure) => measures.includes(measure))) as JudgedWindow
  return { kind: 'raised', measures, sinceMs: first.counts.startMs }
}

function endOf(subject: DriftSubject, judgement: Judgement): Change {
  if (subject.windowsSinceChange + 1 >= LONGEST_ALARM_WINDOWS) return { kind: 'ended', because: 'usual by now' }
  if (isCalm(subject, judgement) && subject.calmWindows + 1 >= CALM_WINDOWS) return { kind: 'ended', because: 'calm' }
  return null
}

function isCalm({ alarmMeasures }: DriftSubject, { measures }: Judgement): boolean {
  return measures
    .filter(({ measure }) => alarmMeasures.includes(measure))
    .every(({ kolmogorovSmirnov: distance, limit }) => (distance ?? 0) <= HYSTERESIS * (limit ?? Infinity))
}

/**
 * The subject after a window. Windows enter the reference when they are no longer recent, unless an alarm stood by then:
 * what may turn out to be drift is no measure for drift.
 */
export function subjectAfter(
  subject: DriftSubject,
  judgement: Judgement,
  change: Change,
): { readonly subject: DriftSubject; readonly forgotten: readonly number[] } {
  const { startMs } = judgement.counts
  const stands = change === null ? subject.alarmSinceMs !== null : change.kind === 'raised'
  const moved = movedOn(subject, startMs, change, stands)
  const kept = new Set([...moved.recent, ...moved.reference])
  return {
    subject: {
      waiting: null,
      ...moved,
      alarmSinceMs: change?.kind === 'raised' ? change.sinceMs : stands ? subject.alarmSinceMs : null,
      alarmMeasures: change?.kind === 'raised' ? change.measures : stands ? subject.alarmMeasures : [],
      calmWindows: stands && change === null && isCalm(subject, judgement) ? subject.calmWindows + 1 : 0,
      windowsSinceChange: change === null ? subject.windowsSinceChange + 1 : 0,
    },
    forgotten: [...subject.recent, ...subject.reference].filter((start) => !kept.has(start)),
  }
}

function movedOn(
  { recent, reference }: DriftSubject,
  startMs: number,
  change: Change,
  stands: boolean,
): Pick<DriftSubject, 'recent' | 'reference'> {
  if (change?.kind === 'ended' && change.because === 'usual by now') return { recent: [], reference: [startMs] }
  if (stands || change?.kind === 'ended') return { recent: [], reference }
  const lately = [...recent, startMs]
  const gap = reference.length < LEARNED_WINDOWS ? 0 : RECENT_WINDOWS - 1
  const old = lately.slice(0, Math.max(0, lately.length - gap))
  return { recent: lately.slice(old.length), reference: [...reference, ...old].slice(-REFERENCE_WINDOWS) }
}

export function hasEnoughRows(counts: DriftCounts): boolean {
  return rowsOf(counts) >= LEAST_ROWS
}
