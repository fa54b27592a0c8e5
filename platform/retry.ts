import { KafkaFault } from './kafka-fault.ts'
import { SpoilerError } from './spoiler-error.ts'

const LEAST_BACKOFF_MS = 100
const MOST_BACKOFF_MS = 5000

interface RetryOptions {
  readonly signal: AbortSignal
  readonly onDown: (error: SpoilerError) => void
  readonly onUp: () => void
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Tries until it works: a dependency that is down is no error of ours, and is waited for with backoff. Any other
 * error is thrown. Undefined when the signal aborted first.
 */
export async function whileDependencyIsDown<T>(work: () => Promise<T>, options: RetryOptions): Promise<T | undefined> {
  const { signal, onDown, onUp, pause } = options
  for (let backoffMs = LEAST_BACKOFF_MS; !signal.aborted; backoffMs = Math.min(MOST_BACKOFF_MS, backoffMs * 2)) {
    try {
      const result = await work()
      onUp()
      return result
    } catch (error) {
      if (!(error instanceof SpoilerError && error.onError === 'retry')) throw error
      onDown(error)
      await pause(backoffMs, signal)
    }
  }
  return undefined
}

/**
 * What {@link whileDependencyIsDown} waits for when a call to a broker fails. Also while an earlier transaction with
 * offsets of the group is undecided, the broker does not answer in time.
 *
 * @returns Throws SpoilerError SPL_BROKER_UNAVAILABLE (retry), or the cause if waiting does not help.
 */
export function waitForBroker(doing: string): (cause: unknown) => never {
  return (cause) => {
    if (!(cause instanceof KafkaFault && (cause.unreachable || cause.leaderMoves || cause.retriable))) throw cause
    throw new SpoilerError('SPL_BROKER_UNAVAILABLE', doing, { onError: 'retry', cause })
  }
}

/** Waits, or returns early when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
