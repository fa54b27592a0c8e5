import { startPipeline } from '../test/support/pipeline.ts'
import { cpuOf, only, pids, publishAll, untilRead, type Wait, worldEvents } from './running-pipeline.ts'

export interface Saturation {
  readonly reviews: number
  readonly labels: number
  readonly seconds: number
  readonly reviewsPerSecond: number
  /** CPU-milliseconds per review, by process. */
  readonly cpuMsPerReview: Readonly<Record<string, number>>
}

interface SaturationOptions {
  readonly reviews: number
  readonly labels: boolean
  readonly processes: readonly string[]
}

/**
 * How fast a backlog is worked off: everything is published first, then the components start; the clock runs from the
 * first tenth of the backlog, when all are up, to its end.
 */
export async function saturation({ reviews, labels, processes }: SaturationOptions): Promise<Saturation> {
  await using pipeline = await startPipeline(processes.includes('sinks') ? undefined : ['kafka', 'registry'])
  const counts = await publishAll(pipeline, worldEvents(reviews, labels))
  const events = Object.values(counts).reduce((sum, n) => sum + n, 0)
  const supervisor = pipeline.supervise(only(...processes))
  const last: Wait = processes.includes('scorer')
    ? { process: 'scorer', task: 'scorer', records: reviews }
    : { process: 'folds', task: 'movie-context', records: reviews + (counts['movies'] ?? 0) }
  const warm = Math.floor(last.records / 10)
  const startedMs = await untilRead(supervisor, { ...last, records: warm })
  const running = pids(pipeline, supervisor, processes)
  const before = cpuOf(running)
  const endedMs = await untilRead(supervisor, last)
  if (labels) await untilRead(supervisor, { process: 'folds', task: 'intake', records: events })
  const after = cpuOf(running)
  const measured = reviews * 0.9
  const perReview = Object.entries(after).map(([name, ms]) => [name, (ms - (before[name] ?? 0)) / measured])
  const seconds = (endedMs - startedMs) / 1000
  return {
    reviews,
    labels: counts['reviewLabels'] ?? 0,
    seconds,
    reviewsPerSecond: measured / seconds,
    cpuMsPerReview: Object.fromEntries(perReview) as Record<string, number>,
  }
}
