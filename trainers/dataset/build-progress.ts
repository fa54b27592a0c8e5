import { setImmediate } from 'node:timers/promises'

export interface BuildProgress {
  readonly step: 'feature rows' | 'labels' | 'joining' | 'writing'
  /** Log positions passed, or rows, and how many there are. */
  readonly done: number
  readonly total: number
}

export interface ProgressDeps {
  readonly onProgress: (progress: BuildProgress) => void
  readonly signal: AbortSignal
}

const EVERY = 500

/** Tells how far a step is, and lets an interruption come through: what is sorted on disk waits for nothing. */
export class StepProgress {
  readonly #step: BuildProgress['step']
  readonly #total: number
  readonly #deps: ProgressDeps
  #calls = 0
  #done = 0

  constructor({ step, total }: Pick<BuildProgress, 'step' | 'total'>, deps: ProgressDeps) {
    this.#step = step
    this.#total = total
    this.#deps = deps
  }

  /** @throws AbortError when the signal aborted. */
  async advance(by = 1): Promise<void> {
    this.#done += by
    this.#calls += 1
    if (this.#calls % EVERY !== 0) return
    this.#tell(this.#done)
    await setImmediate()
    this.#deps.signal.throwIfAborted()
  }

  end(): void {
    this.#tell(this.#total)
  }

  #tell(done: number): void {
    this.#deps.onProgress({ step: this.#step, done, total: this.#total })
  }
}
