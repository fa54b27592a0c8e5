import { setTimeout as delay } from 'node:timers/promises'

const LONGEST_TIMER_MS = 2_147_483_647

/** The wall clock as producers see it: injected, so that tests need not wait. */
export interface WallClock {
  nowMs(): number
  /** Resolves at `atMs`, or at once when `signal` is aborted; it never rejects. */
  waitUntil(atMs: number, signal: AbortSignal): Promise<void>
}

export const SYSTEM_CLOCK: WallClock = {
  nowMs: () => Date.now(),
  async waitUntil(atMs, signal) {
    for (let left = atMs - Date.now(); left > 0 && !signal.aborted; left = atMs - Date.now())
      await delay(Math.min(left, LONGEST_TIMER_MS), undefined, { signal }).catch(() => undefined)
  },
}
