import type { MeasureLayout } from '../../features/measures.ts'
import type { DriftPartial, DriftTask } from '../../schemas/generated.ts'
import type { StoreDeclaration } from '../../schemas/processor.ts'
import {
  closedCounts,
  GRACE_MS,
  isOf,
  type OpenCounts,
  openedCounts,
  type Tally,
  windowStart,
  withTally,
} from './counters.ts'

/** So many records must stand at or after an instant before a task takes it for the present: one dated wrong is not enough. */
export const CONFIRMED_BY = 5
/** A task hands over what it has counted after so much append time, so that others see that it is alive. */
export const HAND_OVER_MS = 60_000
/** Beyond so many windows at a time, as in a load of old reviews in no order, it hands over at once: a bound on its state. */
const MOST_WINDOWS = 32

/** State of a task that counts the records of one partition. */
export interface CountingTask {
  /** Largest event times seen, descending. */
  readonly newestMs: readonly number[]
  readonly handedOverAtMs: number
  readonly handedOverToMs: number
  readonly counts: readonly OpenCounts[]
}

const NOTHING_COUNTED: CountingTask = { newestMs: [], handedOverAtMs: -HAND_OVER_MS, handedOverToMs: 0, counts: [] }

/** How a {@link CountingTask} stands in the changelog. */
export function countingStore(layout: MeasureLayout): StoreDeclaration<CountingTask> {
  return {
    schema: 'DriftTask',
    toRecord: ({ counts, ...rest }): DriftTask => ({
      ...rest,
      counts: counts.map((open) => closedCounts(open, layout)),
    }),
    fromRecord: ({ counts, ...rest }: DriftTask): CountingTask => {
      return { ...rest, counts: counts.map((closed) => openedCounts(closed, layout)) }
    },
  }
}

/** Event time that the task has reached; 0 before enough records confirm any. */
function windowTimeOf({ newestMs }: CountingTask): number {
  return newestMs[CONFIRMED_BY - 1] ?? 0
}

interface Place {
  readonly source: string
  readonly partition: number
  readonly streamTimeMs: number
  /** Event time that the record shows to be reached: all windows until then are complete, but for the grace. */
  readonly reachedMs: number
}

/**
 * Counts what one record tells. The first record of a task, the end of a window and a minute of append time hand over what was
 * counted since: a partial holds increments, so that partials of any partition and any time add up.
 */
export function counted(
  before: CountingTask = NOTHING_COUNTED,
  tallies: readonly Tally[],
  layout: MeasureLayout,
  place: Place,
): { readonly task: CountingTask; readonly partial: DriftPartial | null } {
  const counts = tallies.reduce((all, tally) => withCounted(all, tally, layout), before.counts)
  const newestMs = withInstant(before.newestMs, place.reachedMs)
  const task = { ...before, newestMs, counts }
  if (!isDue(task, place.streamTimeMs)) return { task, partial: null }
  const { source, partition, streamTimeMs } = place
  const windowTimeMs = windowTimeOf(task)
  const written = counts.map((one) => closedCounts(one, layout))
  return {
    task: { newestMs, handedOverAtMs: streamTimeMs, handedOverToMs: windowTimeMs, counts: [] },
    partial: { source, partition, windowTimeMs, streamTimeMs, counts: written },
  }
}

function withCounted(all: readonly OpenCounts[], tally: Tally, layout: MeasureLayout): readonly OpenCounts[] {
  const at = all.findIndex((open) => isOf(open, tally))
  const open = withTally(all[at], tally, layout)
  return at < 0 ? [...all, open] : all.with(at, open)
}

function withInstant(newestMs: readonly number[], atMs: number): readonly number[] {
  if (atMs <= (newestMs[CONFIRMED_BY - 1] ?? -Infinity)) return newestMs
  const at = newestMs.findIndex((one) => one < atMs)
  return newestMs.toSpliced(at < 0 ? newestMs.length : at, 0, atMs).slice(0, CONFIRMED_BY)
}

function isDue(task: CountingTask, streamTimeMs: number): boolean {
  const { handedOverAtMs, handedOverToMs, counts } = task
  const windowEnded = windowStart(windowTimeOf(task) - GRACE_MS) > windowStart(handedOverToMs - GRACE_MS)
  return windowEnded || streamTimeMs >= handedOverAtMs + HAND_OVER_MS || counts.length > MOST_WINDOWS
}
