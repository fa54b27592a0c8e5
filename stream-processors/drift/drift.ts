import type {
  DriftCounts,
  DriftEvent,
  DriftOrigin,
  DriftPartial,
  DriftProgress,
  DriftSubject,
  DriftWindow,
  JudgedWindow,
} from '../../schemas/generated.ts'
import {
  type Forward,
  NOTHING,
  type Processor,
  type Put,
  type ReadonlyStores,
  type Step,
} from '../../schemas/processor.ts'
import { added, GRACE_MS, rowsOf, windowStart } from './counters.ts'
import { type Change, changeOf, hasEnoughRows, judge, type Judgement, NEW_SUBJECT, subjectAfter } from './judge.ts'
import { scoredReviews, withUnlabelled } from './label-coverage.ts'
import { findingsOf } from './plain-words.ts'

/** A task that lags the newest of its source by more than this, in append time, is not waited for. */
export const IDLE_MS = 300_000

export interface DriftStores {
  /** By source and partition. */
  readonly origins: DriftOrigin
  /** By source. */
  readonly progress: DriftProgress
  /** Windows that are not closed, by source, start and subject. */
  readonly open: DriftCounts
  /** By subject. */
  readonly subjects: DriftSubject
  /** Closed windows that others are compared with, by subject and start. */
  readonly judged: JudgedWindow
}

type Stores = ReadonlyStores<DriftStores>

/**
 * Folds what the tasks have counted: closes the windows of a source in order, once all its partitions have passed their
 * end, compares each with its reference, and raises and ends alarms. Nothing but `drift-partials` enters, so equal
 * partials give equal windows and events.
 */
export const drift: Processor<DriftPartial, DriftStores> = {
  name: 'drift',
  stores: {
    origins: { schema: 'DriftOrigin' },
    progress: { schema: 'DriftProgress' },
    open: { schema: 'DriftCounts' },
    subjects: { schema: 'DriftSubject' },
    judged: { schema: 'JudgedWindow' },
  },

  onRecord({ value: partial }, stores, streamTimeMs) {
    const { source, partition, windowTimeMs, streamTimeMs: taskTimeMs } = partial
    const origin: DriftOrigin = { windowTimeMs, streamTimeMs: taskTimeMs }
    const progress = stores.progress.get(source) ?? NO_PROGRESS
    const counted = partial.counts.filter(({ endMs }) => endMs > progress.closedThroughMs)
    const open = withPartial(openWindows(source, stores), counted)
    const reached = windowStart(reachedBy(source, { ...partial, origin }, stores) - GRACE_MS)
    const through = source === OUTCOMES ? Math.min(reached, stores.progress.get(SCORES)?.closedThroughMs ?? 0) : reached
    const closed = [...open.values()].filter(({ endMs }) => endMs <= through).sort(byStartAndSubject)
    const late = counted.length < partial.counts.length ? [{ reason: 'late' } as const] : []
    const closing = new Closing(stores, progress, streamTimeMs)
    for (const counts of closed) closing.close(source === OUTCOMES ? withUnlabelled(counts) : counts)
    const put: Put<DriftStores>[] = [
      { store: 'origins', key: [source, String(partition)], value: origin },
      ...openPuts(source, { counted, open, closed }),
      ...(source === SCORES ? scoredPuts(closed, stores) : []),
      ...closing.puts(source, Math.max(progress.closedThroughMs, through)),
    ]
    return { ...NOTHING, puts: put, forwards: closing.forwards, drops: late } satisfies Step<DriftStores>
  },
}

/** Its windows wait for those of the scores, which tell how many labels there could be. */
const OUTCOMES = 'outcomes'
const SCORES = 'scores'
const NO_PROGRESS: DriftProgress = { closedThroughMs: 0, modelName: null, modelVersion: null }

function windowKey(source: string, { startMs, subject }: DriftCounts): readonly string[] {
  return [source, String(startMs), subject]
}

/** By start and subject. */
function openWindows(source: string, stores: Stores): ReadonlyMap<string, DriftCounts> {
  const own = [...stores.open.entries()].filter(([[of]]) => of === source)
  return new Map(own.map(([, counts]) => [idOf(counts), counts]))
}

function idOf({ subject, startMs }: DriftCounts): string {
  return `${subject}/${startMs}`
}

function withPartial(
  open: ReadonlyMap<string, DriftCounts>,
  counted: readonly DriftCounts[],
): ReadonlyMap<string, DriftCounts> {
  const all = new Map(open)
  for (const counts of counted) {
    const before = all.get(idOf(counts))
    all.set(idOf(counts), before === undefined ? counts : added(before, counts))
  }
  return all
}

interface OpenChanges {
  readonly counted: readonly DriftCounts[]
  readonly open: ReadonlyMap<string, DriftCounts>
  readonly closed: readonly DriftCounts[]
}

function openPuts(source: string, { counted, open, closed }: OpenChanges): Put<DriftStores>[] {
  const touched = new Set([...counted, ...closed].map(idOf))
  return [...open.values()]
    .filter((one) => touched.has(idOf(one)))
    .map((one) => ({ store: 'open', key: windowKey(source, one), value: closed.includes(one) ? null : one }))
}

/** How many reviews were scored, for the windows of their outcomes. */
function scoredPuts(closed: readonly DriftCounts[], { open }: Stores): Put<DriftStores>[] {
  return closed.map(scoredReviews).map((scored) => {
    const key = windowKey(OUTCOMES, scored)
    const before = open.get(key)
    return { store: 'open', key, value: before === undefined ? scored : added(before, scored) }
  })
}

/** Event time that all tasks of a source have reached, without those that have fallen silent. */
function reachedBy(
  source: string,
  { partition, origin }: { readonly partition: number; readonly origin: DriftOrigin },
  { origins }: Stores,
): number {
  const others = [...origins.entries()].filter(([[of, at]]) => of === source && at !== String(partition))
  const all = [...others.map(([, other]) => other), origin]
  const newestMs = Math.max(...all.map(({ streamTimeMs }) => streamTimeMs))
  const alive = all.filter(({ streamTimeMs }) => streamTimeMs >= newestMs - IDLE_MS)
  return Math.min(...alive.map(({ windowTimeMs }) => windowTimeMs))
}

function byStartAndSubject(a: DriftCounts, b: DriftCounts): number {
  return a.startMs - b.startMs || (a.subject < b.subject ? -1 : 1)
}

/** The windows that one partial closes, one after the other. */
class Closing {
  readonly forwards: Forward[] = []
  readonly #stores: Stores
  readonly #decidedAtMs: number
  readonly #subjects = new Map<string, DriftSubject>()
  readonly #judged = new Map<string, JudgedWindow | null>()
  #serving: Pick<DriftProgress, 'modelName' | 'modelVersion'>
  #rowsOfServing = { startMs: -1, rows: 0 }

  constructor(stores: Stores, progress: DriftProgress, decidedAtMs: number) {
    this.#stores = stores
    this.#decidedAtMs = decidedAtMs
    this.#serving = progress
  }

  close(counts: DriftCounts): void {
    this.#noteServing(counts)
    const { subject: name } = counts
    const subject = this.#subjects.get(name) ?? this.#stores.subjects.get(name) ?? NEW_SUBJECT
    const whole = subject.waiting === null ? counts : added(subject.waiting, counts)
    if (!hasEnoughRows(whole)) {
      this.#subjects.set(name, { ...subject, waiting: whole })
      return
    }
    const judgement = judge(whole, this.#windows(name, subject.reference))
    const change = changeOf(subject, judgement, this.#windows(name, subject.recent))
    const after = subjectAfter(subject, judgement, change)
    this.#subjects.set(name, after.subject)
    const keep = [...after.subject.recent, ...after.subject.reference].includes(whole.startMs)
    if (keep) this.#judged.set(judgedKey(name, whole.startMs), judgedFor(judgement, change))
    for (const start of after.forgotten) this.#judged.set(judgedKey(name, start), null)
    const window = this.#window(judgement, after.subject.alarmSinceMs !== null)
    this.forwards.push({ to: 'driftWindows', value: window })
    if (change !== null) this.forwards.push({ to: 'driftEvents', value: this.#event(judgement, change, window) })
  }

  puts(source: string, closedThroughMs: number): Put<DriftStores>[] {
    const { modelName, modelVersion } = this.#serving
    return [
      { store: 'progress', key: source, value: { closedThroughMs, modelName, modelVersion } },
      ...[...this.#subjects].map(([key, value]) => ({ store: 'subjects', key, value }) as const),
      ...[...this.#judged].map(([key, value]) => ({ store: 'judged', key: key.split(' '), value }) as const),
    ]
  }

  #windows(name: string, starts: readonly number[]): JudgedWindow[] {
    return starts.map((start) => {
      const key = judgedKey(name, start)
      const found = this.#judged.get(key) ?? this.#stores.judged.get(key.split(' '))
      if (found === undefined) throw new RangeError(`the window ${key} is not kept`)
      return found
    })
  }

  /** The model that made most scores of the newest window. */
  #noteServing(counts: DriftCounts): void {
    const { startMs, modelName, modelVersion } = counts
    if (modelVersion === null) return
    const rows = rowsOf(counts)
    if (startMs === this.#rowsOfServing.startMs && rows <= this.#rowsOfServing.rows) return
    this.#rowsOfServing = { startMs, rows }
    this.#serving = { modelName, modelVersion }
  }

  #window({ counts, reference, referenceWindows, verdict, measures }: Judgement, alarm: boolean): DriftWindow {
    const { subject, modelName, modelVersion, startMs, endMs, sums } = counts
    return {
      windowId: idOf(counts),
      subject,
      modelName,
      modelVersion,
      startMs,
      endMs,
      closedAtMs: this.#decidedAtMs,
      rows: rowsOf(counts),
      referenceRows: reference === null ? 0 : rowsOf(reference),
      referenceWindows,
      verdict,
      alarm,
      sums,
      measures,
    }
  }

  #event(judgement: Judgement, change: NonNullable<Change>, window: DriftWindow): DriftEvent {
    const { windowId, subject, startMs, endMs, rows, closedAtMs: decidedAtMs } = window
    const raised = change.kind === 'raised' ? change : null
    const drifted = judgement.measures.filter(({ measure }) => raised?.measures.includes(measure) === true)
    const findings = judgement.reference === null ? [] : findingsOf(drifted, judgement.counts, judgement.reference)
    const isOfModel = judgement.counts.modelVersion !== null
    const serving = isOfModel ? judgement.counts : (this.#stores.progress.get(SCORES) ?? NO_PROGRESS)
    return {
      eventId: `${windowId}/${change.kind}`,
      state: change.kind,
      subject,
      modelName: serving.modelName,
      modelVersion: serving.modelVersion,
      windowId,
      startMs: raised?.sinceMs ?? startMs,
      endMs,
      decidedAtMs,
      rows,
      cause: causeOf(change, findings[0]?.text),
      findings,
    }
  }
}

/** Where the reference is learned anew, the distance to the old one tells nothing. */
function judgedFor({ judged }: Judgement, change: Change): JudgedWindow {
  return change?.kind === 'ended' && change.because === 'usual by now' ? { ...judged, distances: {} } : judged
}

function judgedKey(subject: string, startMs: number): string {
  return `${subject} ${startMs}`
}

function causeOf(change: NonNullable<Change>, strongest: string | undefined): string {
  if (change.kind === 'raised') return strongest ?? 'a measure is beyond its limit'
  return change.because === 'calm'
    ? 'all that the alarm was raised for is within limits again'
    : 'what the alarm was raised for has lasted so long that it is usual by now'
}
