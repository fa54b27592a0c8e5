import type { Timers } from '../../platform/deadline.ts'

/** A clock that stands still until the test moves it. */
export class ManualTimers implements Timers {
  #nowMs = 0
  readonly #pending = new Map<number, { readonly atMs: number; readonly callback: () => void }>()
  #lastId = 0

  setTimeout(callback: () => void, ms: number): number {
    this.#lastId += 1
    this.#pending.set(this.#lastId, { atMs: this.#nowMs + ms, callback })
    return this.#lastId
  }

  clearTimeout(timer: unknown): void {
    this.#pending.delete(timer as number)
  }

  elapse(ms: number): void {
    this.#nowMs += ms
    for (const [id, { atMs, callback }] of this.#pending) {
      if (atMs > this.#nowMs) continue
      this.#pending.delete(id)
      callback()
    }
  }

  get pending(): number {
    return this.#pending.size
  }
}

/** Lets everything that is ready run: promises, and callbacks of setImmediate. */
export async function settled(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
