import type { BuildProgress } from '../trainers/dataset/build-dataset.ts'
import type { TextStream } from './context.ts'
import { Screen } from './screen.ts'
import { durationText, grouped } from './text.ts'

const EVERY_MS_ON_TERMINAL = 100
const EVERY_MS_IN_PIPE = 5_000

/** How far a build is: in place on a terminal, now and then a line elsewhere. */
export class ProgressLine implements Disposable {
  readonly #screen: Screen
  readonly #clockMs: () => number
  #step: { readonly name: BuildProgress['step']; readonly beganMs: number } | undefined
  #shownMs: number

  constructor(stream: TextStream, clockMs: () => number) {
    this.#screen = new Screen(stream)
    this.#clockMs = clockMs
    this.#shownMs = clockMs()
  }

  show(progress: BuildProgress): void {
    const nowMs = this.#clockMs()
    if (this.#step?.name !== progress.step) this.#step = { name: progress.step, beganMs: nowMs }
    const everyMs = this.#screen.interactive ? EVERY_MS_ON_TERMINAL : EVERY_MS_IN_PIPE
    if (nowMs - this.#shownMs < everyMs) return
    this.#shownMs = nowMs
    const text = progressText(progress, nowMs - this.#step.beganMs)
    if (this.#screen.interactive) this.#screen.draw([{ text }])
    else this.#screen.print(text)
  }

  [Symbol.dispose](): void {
    this.#screen.draw([])
    this.#screen[Symbol.dispose]()
  }
}

/** @param elapsedMs Since the step began. */
export function progressText({ step, done, total }: BuildProgress, elapsedMs: number): string {
  const perMs = done / Math.max(1, elapsedMs)
  const left = perMs > 0 ? `, ${durationText((total - done) / perMs)} left` : ''
  return `${step}: ${grouped(done)} of ${grouped(total)}, ${grouped(perMs * 1000)}/s${left}`
}
