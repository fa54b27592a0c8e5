import type { RecordPublisher } from '../../../producers/record-publisher.ts'
import type { WallClock } from '../../../producers/wall-clock.ts'

export interface RecordedPublisher extends RecordPublisher, AsyncDisposable {
  /** Everything published, in order. */
  readonly records: { readonly topic: string; readonly value: unknown }[]
  /** How many of them are acknowledged. */
  readonly acknowledged: () => number
  readonly isClosed: () => boolean
}

interface Behaviour {
  /** Called before each record; may throw or abort. */
  readonly onPublish?: (ordinal: number) => void
  readonly onFlush?: () => void
}

/** Stands for the broker: acknowledges on flush, and every seventh record finds the local queue full. */
export function recordedPublisher({ onPublish, onFlush }: Behaviour = {}): RecordedPublisher {
  const records: { topic: string; value: unknown }[] = []
  let acknowledged = 0
  let closed = false
  return {
    records,
    acknowledged: () => acknowledged,
    isClosed: () => closed,
    publish(topic, value) {
      onPublish?.(records.length)
      records.push({ topic, value })
      if (records.length % 7 === 0) return Promise.resolve()
    },
    flush() {
      onFlush?.()
      acknowledged = records.length
      return Promise.resolve()
    },
    [Symbol.asyncDispose]() {
      closed = true
      return Promise.resolve()
    },
  }
}

/** A clock that only moves when somebody waits, and by `tickMs` whenever it is read. */
export function manualClock(startMs = 0, tickMs = 0): WallClock & { readonly waits: number[] } {
  let nowMs = startMs
  const waits: number[] = []
  return {
    waits,
    nowMs: () => (nowMs += tickMs),
    waitUntil(atMs, signal) {
      if (signal.aborted) return Promise.resolve()
      waits.push(atMs)
      nowMs = Math.max(nowMs, atMs)
      return Promise.resolve()
    },
  }
}
