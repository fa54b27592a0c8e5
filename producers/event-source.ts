import type { ValueOf } from '../schemas/topics.ts'
import type { InputTopic } from './record-publisher.ts'

/** A record to publish, with its place on the event clock (Unix milliseconds). */
export type ProducedEvent = {
  [T in InputTopic]: { readonly topic: T; readonly value: ValueOf<T>; readonly eventTimeMs: number }
}[InputTopic]

/** Rows of input files that were not published, by reason. Each is also a line of the rejects file. */
export type RejectCounts = ReadonlyMap<string, number>

/**
 * A finite, repeatable run of events: opened again with the same arguments it yields the same events in the same order,
 * which is what makes a resume by count correct. Read once.
 */
export interface EventSource {
  readonly events: Iterable<ProducedEvent> | AsyncIterable<ProducedEvent>
  /** Share of the work done by the events taken so far, in [0, 1], for the time left. */
  readonly share: () => number
  readonly rejects: RejectCounts
  /** Event time, Unix milliseconds: what comes later is left to another start. */
  readonly pauseAtMs?: number
}

export function movieEvent(value: ValueOf<'movies'>): ProducedEvent {
  return { topic: 'movies', value, eventTimeMs: value.updatedAtMs }
}

export function reviewEvent(value: ValueOf<'reviews'>): ProducedEvent {
  return { topic: 'reviews', value, eventTimeMs: value.writtenAtMs }
}

export function labelEvent(value: ValueOf<'reviewLabels'>): ProducedEvent {
  return { topic: 'reviewLabels', value, eventTimeMs: value.labelledAtMs }
}
