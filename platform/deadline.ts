/** Set and cleared by the caller's clock, so that tests own the time. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}
export const SYSTEM_TIMERS: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => {
    clearTimeout(timer as NodeJS.Timeout)
  },
}

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

/**
 * Settles as `work` does, or rejects with a {@link DeadlineError} after `ms` and aborts the signal. A native call
 * cannot be cancelled: it goes on, so the caller has to leave the process.
 */
export function withDeadline<T>(
  doing: string,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  timers = SYSTEM_TIMERS,
): Promise<T> {
  const over = new AbortController()
  return new Promise((resolve, reject) => {
    const timer = timers.setTimeout(() => {
      over.abort()
      reject(new DeadlineError(`${doing} did not finish within ${ms} ms`))
    }, ms)
    const settle =
      <A>(then: (value: A) => void) =>
      (value: A): void => {
        timers.clearTimeout(timer)
        then(value)
      }
    work(over.signal).then(settle(resolve), settle(reject))
  })
}
