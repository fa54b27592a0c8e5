import type { MeasureLayout } from '../../features/measures.ts'
import type { DriftCounts, DriftSegment } from '../../schemas/generated.ts'

/** Width of a window of event time. Windows are counted from the Unix epoch. */
export const WINDOW_MS = 86_400_000
/** Records may be so much older than others that stand before them in a partition. Event time; a second of a world at 21,600x. */
export const GRACE_MS = 6 * 3_600_000

/** Age of a review at which its labels are taken for complete, in event time. */
export const LABEL_MATURITY_MS = 7 * WINDOW_MS

/** Start of the window that holds an instant. */
export function windowStart(atMs: number): number {
  return Math.floor(atMs / WINDOW_MS) * WINDOW_MS
}

/** What one record adds to a window. */
export interface Tally extends Pick<DriftCounts, 'subject' | 'modelName' | 'modelVersion' | 'sums'> {
  /** Event time, Unix milliseconds. */
  readonly atMs: number
  readonly segment: string
  /** Of the layout: each counts one. */
  readonly cells: readonly number[]
  /** -1 takes back what was counted before. */
  readonly times: 1 | -1
}

/** Cells of records that stand in no array of counts yet, the newest first. */
interface Uncounted {
  readonly tally: Pick<Tally, 'cells' | 'times'>
  readonly before: Uncounted | null
}

interface SegmentCounts {
  readonly rows: number
  /** All measures side by side, as the layout says, but for what is not counted yet. */
  readonly counts: Int32Array
  readonly uncounted: Uncounted | null
  readonly uncountedRecords: number
}

/** So many records are counted together: an array of all counts is copied for them once. */
const COUNTED_TOGETHER = 64

/** Counters of a subject in a window while records are added one by one. Never changed in place: a batch may be undone. */
export interface OpenCounts extends Pick<DriftCounts, 'subject' | 'modelName' | 'modelVersion' | 'startMs' | 'sums'> {
  readonly segments: ReadonlyMap<string, SegmentCounts>
}

export function isOf(open: OpenCounts, { subject, atMs }: Tally): boolean {
  return open.subject === subject && open.startMs === windowStart(atMs)
}

/** O(measures), and now and then O(bins of the layout). */
export function withTally(open: OpenCounts | undefined, tally: Tally, layout: MeasureLayout): OpenCounts {
  const { subject, modelName, modelVersion, segment, atMs } = tally
  const before = open?.segments.get(segment) ?? NO_ROWS
  const uncountedRecords = before.uncountedRecords + 1
  const uncounted = { tally, before: before.uncounted }
  const one = { rows: before.rows + tally.times, counts: before.counts, uncounted, uncountedRecords }
  const isDue = uncountedRecords >= COUNTED_TOGETHER
  const segments = new Map(open?.segments).set(segment, isDue ? countedAll(one, layout) : one)
  const sums = addedSums(open?.sums ?? {}, tally.sums)
  return { subject, modelName, modelVersion, startMs: windowStart(atMs), segments, sums }
}

const ALL_COUNTED = { uncounted: null, uncountedRecords: 0 } as const
const NO_ROWS: SegmentCounts = { rows: 0, counts: new Int32Array(0), ...ALL_COUNTED }

function countedAll({ rows, counts: before, uncounted }: SegmentCounts, { size }: MeasureLayout): SegmentCounts {
  const counts = new Int32Array(size)
  counts.set(before)
  for (let one = uncounted; one !== null; one = one.before) {
    const { cells, times } = one.tally
    for (const cell of cells) counts[cell] = (counts[cell] as number) + times
  }
  return { rows, counts, ...ALL_COUNTED }
}

/** As it is written. */
export function closedCounts(open: OpenCounts, layout: MeasureLayout): DriftCounts {
  const { subject, modelName, modelVersion, startMs, sums } = open
  const segments = [...open.segments].map(([segment, one]) => {
    const { rows, counts } = countedAll(one, layout)
    const measures = layout.measures.map(({ name, edges }, i) => {
      const from = layout.offsets[i] as number
      const own: number[] = [] // a view of the array would cost more than what it shows
      for (let bin = 0; bin <= edges.length; bin += 1) own.push(counts[from + bin] as number)
      return { measure: name, counts: own }
    })
    return { segment, rows, measures }
  })
  return { subject, modelName, modelVersion, startMs, endMs: startMs + WINDOW_MS, segments, sums }
}

/** As it was written. Measures that nothing counts any more are left behind. */
export function openedCounts(closed: DriftCounts, { measures, offsets, size }: MeasureLayout): OpenCounts {
  const { subject, modelName, modelVersion, startMs, sums } = closed
  const segments = closed.segments.map(({ segment, rows, measures: written }) => {
    const known = new Map(written.map(({ measure, counts }) => [measure, counts]))
    const counts = new Int32Array(size)
    measures.forEach(({ name }, i) => {
      counts.set(known.get(name) ?? [], offsets[i])
    })
    return [segment, { rows, counts, ...ALL_COUNTED }] as const
  })
  return { subject, modelName, modelVersion, startMs, segments: new Map(segments), sums }
}

/** Counters of one subject add up: those of partitions, and those of windows that stand side by side. */
export function added(one: DriftCounts, ...others: readonly DriftCounts[]): DriftCounts {
  const all = [one, ...others]
  const bySegment = Map.groupBy(
    all.flatMap(({ segments }) => segments),
    ({ segment }) => segment,
  )
  return {
    ...one,
    startMs: Math.min(...all.map(({ startMs }) => startMs)),
    endMs: Math.max(...all.map(({ endMs }) => endMs)),
    segments: [...bySegment.keys()].sort().map((name) => addedSegments(name, bySegment.get(name) ?? [])),
    sums: others.reduce((sums, other) => addedSums(sums, other.sums), one.sums),
  }
}

function addedSegments(segment: string, parts: readonly DriftSegment[]): DriftSegment {
  const sums = new Map<string, number[]>()
  for (const { measure, counts } of parts.flatMap(({ measures }) => measures)) {
    const sum = sums.get(measure)
    if (sum === undefined) sums.set(measure, [...counts])
    else for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] as number) + (counts[i] ?? 0)
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  return { segment, rows, measures: [...sums].map(([measure, counts]) => ({ measure, counts })) }
}

function addedSums(one: DriftCounts['sums'], other: DriftCounts['sums']): DriftCounts['sums'] {
  const sums = { ...one }
  for (const [name, value] of Object.entries(other)) sums[name] = (sums[name] ?? 0) + value
  return sums
}

export function rowsOf({ segments }: DriftCounts): number {
  return segments.reduce((sum, { rows }) => sum + rows, 0)
}

/** All segments together, by measure. */
export function totalsOf({ segments }: DriftCounts): Map<string, readonly number[]> {
  return new Map(addedSegments('all', segments).measures.map(({ measure, counts }) => [measure, counts]))
}
