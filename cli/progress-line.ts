import type { TextStream } from './context.ts'
import { Screen } from './screen.ts'
import { durationText, grouped } from './text.ts'

const EVERY_MS_ON_TERMINAL = 100
const EVERY_MS_IN_PIPE = 5_000

export interface Progress {
  readonly step: string
  readonly done: number
  readonly total: number
}

/** Slower steps are not worth a rate. */
const LEAST_RATE_PER_S = 1

/** How far long work is: in place on a terminal, now and then a line elsewhere. */
export class ProgressLine implements Disposable {
  readonly #screen: Screen
  readonly #clockMs: () => number
  #step: { readonly name: string; readonly beganMs: number; readonly had: number } | undefined
  #shownMs: number

  constructor(stream: TextStream, clockMs: () => number) {
    this.#screen = new Screen(stream)
    this.#clockMs = clockMs
    this.#shownMs = clockMs()
  }

  show(progress: Progress): void {
    const nowMs = this.#clockMs()
    if (this.#step?.name !== progress.step) this.#step = { name: progress.step, beganMs: nowMs, had: progress.done }
    const everyMs = this.#screen.interactive ? EVERY_MS_ON_TERMINAL : EVERY_MS_IN_PIPE
    if (nowMs - this.#shownMs < everyMs) return
    this.#shownMs = nowMs
    const text = progressText(progress, (progress.done - this.#step.had) / (nowMs - this.#step.beganMs))
    if (this.#screen.interactive) this.#screen.draw([{ text }])
    else this.#screen.print(text)
  }

  /** A line that stays. */
  note(text: string): void {
    this.#screen.print(text)
  }

  [Symbol.dispose](): void {
    this.#screen.draw([])
    this.#screen[Symbol.dispose]()
  }
}

/** @param perMs How many are done in a millisecond; 0 or no number when that is not known yet. */
export function progressText({ step, done, total }: Progress, perMs: number): string {
  const counts = `${step}: ${grouped(done)} of ${grouped(total)}`
  if (!(perMs > 0 && perMs < Infinity)) return counts
  const rate = perMs * 1000 >= LEAST_RATE_PER_S ? `, ${grouped(perMs * 1000)}/s` : ''
  return `${counts}${rate}, ${durationText((total - done) / perMs)} left`
}
