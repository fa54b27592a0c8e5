import type { MeasureLayout } from '../../features/measures.ts'
import type { DriftCounts, DriftSegment } from '../../schemas/generated.ts'

/** Width of a window of event time. Windows are counted from the Unix epoch. */
export const WINDOW_MS = 86_400_000
/** Records may be so much older than others that stand before them in a partition. Event time; a second of a world at 21,600x. */
export const GRACE_MS = 6 * 3_600_000

/** Start of the window that holds an instant. */
export function windowStart(atMs: number): number {
  return Math.floor(atMs / WINDOW_MS) * WINDOW_MS
}

/** What one record adds to a window. */
export interface Tally extends Pick<DriftCounts, 'subject' | 'modelName' | 'modelVersion' | 'sums'> {
  /** Event time, Unix milliseconds. */
  readonly atMs: number
  readonly segment: string
  /** By measure of the layout. */
  readonly bins: readonly number[]
}

interface SegmentCounts {
  readonly rows: number
  /** All measures side by side, as the layout says. */
  readonly counts: Int32Array
}

/** Counters of a subject in a window while records are added one by one. Never changed in place: a batch may be undone. */
export interface OpenCounts extends Pick<DriftCounts, 'subject' | 'modelName' | 'modelVersion' | 'startMs' | 'sums'> {
  readonly segments: ReadonlyMap<string, SegmentCounts>
}

export function isOf(open: OpenCounts, { subject, atMs }: Tally): boolean {
  return open.subject === subject && open.startMs === windowStart(atMs)
}

/** O(bins of the layout): the counts of one segment are copied. */
export function withTally(open: OpenCounts | undefined, tally: Tally, { offsets, size }: MeasureLayout): OpenCounts {
  const { subject, modelName, modelVersion, segment, bins, atMs } = tally
  const before = open?.segments.get(segment)
  const counts = before === undefined ? new Int32Array(size) : before.counts.slice()
  for (let i = 0; i < bins.length; i += 1) {
    const at = (offsets[i] as number) + (bins[i] as number)
    counts[at] = (counts[at] as number) + 1
  }
  const segments = new Map(open?.segments).set(segment, { rows: (before?.rows ?? 0) + 1, counts })
  const sums = addedSums(open?.sums ?? {}, tally.sums)
  return { subject, modelName, modelVersion, startMs: windowStart(atMs), segments, sums }
}

/** As it is written. */
export function closedCounts(open: OpenCounts, { measures, offsets }: MeasureLayout): DriftCounts {
  const { subject, modelName, modelVersion, startMs, sums } = open
  const segments = [...open.segments].map(([segment, { rows, counts }]) => ({
    segment,
    rows,
    measures: measures.map(({ name, edges }, i) => {
      const from = offsets[i] as number
      return { measure: name, counts: [...counts.subarray(from, from + edges.length + 1)] }
    }),
  }))
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
    return [segment, { rows, counts }] as const
  })
  return { subject, modelName, modelVersion, startMs, segments: new Map(segments), sums }
}

/** Counters of one subject add up: those of partitions, and those of windows that stand side by side. */
export function added(one: DriftCounts, other: DriftCounts): DriftCounts {
  const names = new Set([...one.segments, ...other.segments].map(({ segment }) => segment))
  const of = (counts: DriftCounts, name: string): DriftSegment | undefined =>
    counts.segments.find(({ segment }) => segment === name)
  return {
    ...one,
    startMs: Math.min(one.startMs, other.startMs),
    endMs: Math.max(one.endMs, other.endMs),
    segments: [...names].sort().map((name) => addedSegments(name, [of(one, name), of(other, name)])),
    sums: addedSums(one.sums, other.sums),
  }
}

function addedSegments(segment: string, parts: readonly (DriftSegment | undefined)[]): DriftSegment {
  const known = parts.filter((part) => part !== undefined)
  const rows = known.reduce((sum, part) => sum + part.rows, 0)
  const sums = new Map<string, number[]>()
  for (const { measure, counts } of known.flatMap(({ measures }) => measures)) {
    const before = sums.get(measure)
    sums.set(measure, before === undefined ? [...counts] : before.map((count, i) => count + (counts[i] ?? 0)))
  }
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
  const first = segments[0]
  if (first === undefined) return new Map()
  const total = segments.slice(1).reduce((sum, next) => addedSegments('all', [sum, next]), first)
  return new Map(total.measures.map(({ measure, counts }) => [measure, counts]))
}
