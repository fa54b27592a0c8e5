import { statSync } from 'node:fs'
import { labelEvent, reviewEvent, type EventSource, type ProducedEvent } from './event-source.ts'
import { readMappedReview, type FieldMapping } from './field-mapping.ts'
import { delayedLabel, type LabelDelay } from './label-delay.ts'
import { LabelQueue } from './label-queue.ts'
import type { RejectLog } from './reject-log.ts'
import { nothingUsable, readRows } from './usable-rows.ts'

/** Event times for files that have none: row n is written at `startMs + n * stepMs`. */
export interface SyntheticClock {
  readonly startMs: number
  readonly stepMs: number
}

export interface JsonlOptions {
  readonly file: string
  readonly mapping: FieldMapping
  readonly clock: SyntheticClock
  readonly limit?: number
  /** Delay of the labels if `isSpoiler` is mapped; null publishes none. */
  readonly labelDelay: LabelDelay | null
  readonly rejects: RejectLog
}

/**
 * Reviews of any JSON-lines file in the order of the file, in constant memory. The event clock of a file that is not in
 * the order of time is the latest event time so far.
 *
 * @throws SpoilerError SPL_INPUT_FILE_INVALID (while reading) if the file cannot be read or holds no usable row.
 */
export function openJsonlSource(options: JsonlOptions): EventSource {
  const progress = { readBytes: 0, reviews: 0 }
  const totalBytes = statSync(options.file, { throwIfNoEntry: false })?.size ?? 0
  const { limit = Infinity } = options
  return {
    events: jsonlEvents(options, progress),
    share: () => Math.max(progress.readBytes / Math.max(totalBytes, 1), progress.reviews / limit),
    rejects: options.rejects.counts,
  }
}

async function* jsonlEvents(
  { file, mapping, clock, limit = Infinity, labelDelay, rejects }: JsonlOptions,
  progress: { readBytes: number; reviews: number },
): AsyncGenerator<ProducedEvent> {
  const labels = new LabelQueue()
  const onRead = (sizeBytes: number): void => {
    progress.readBytes = sizeBytes
  }
  const read = (row: Parameters<typeof readMappedReview>[0], line: number): ReturnType<typeof readMappedReview> =>
    readMappedReview(row, line, mapping, clock.startMs + (line - 1) * clock.stepMs)
  for await (const { value } of readRows(file, read, { rejects, onRead })) {
    for (const label of labels.release(value.review.writtenAtMs)) yield labelEvent(label)
    progress.reviews++
    yield reviewEvent(value.review)
    if (labelDelay && value.isSpoiler !== null) labels.push(delayedLabel(value.review, value.isSpoiler, labelDelay))
    if (progress.reviews >= limit) break
  }
  if (progress.reviews === 0) throw nothingUsable(file, rejects)
  for (const label of labels.release(Infinity)) yield labelEvent(label)
}
