import type { Screen } from './screen.ts'
import { durationText } from './text.ts'

const FRAME_MS = 100

/** Steps with their times: a line for each that is done, and in place what is under way. */
export class Steps implements Disposable {
  readonly #screen: Screen
  readonly #running = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #quiet = false

  constructor(screen: Screen) {
    this.#screen = screen
  }

  /** Runs a step. Its line says what is so once it is done, such as `topics ready`. */
  async run<T>(name: string, work: () => Promise<T>, outcome = (_result: T): string => ''): Promise<T> {
    this.begin(name)
    try {
      const result = await work()
      this.end(name, outcome(result))
      return result
    } catch (error) {
      this.#forget(name)
      this.#screen.print(`✖ ${name}`)
      throw error
    }
  }

  begin(name: string): void {
    this.#running.set(name, performance.now())
    if (!this.#quiet) this.#timer ??= setInterval(() => this.#draw(), FRAME_MS)
    this.#draw()
  }

  end(name: string, outcome = ''): void {
    const startMs = this.#running.get(name)
    if (startMs === undefined) return
    const took = durationText(performance.now() - startMs)
    this.#screen.print(`✔ ${name}${outcome === '' ? '' : `: ${outcome}`}  ${took}`)
    this.#forget(name)
  }

  /** A line that belongs to no step. */
  say(line: string): void {
    this.#screen.print(line)
    this.#draw()
  }

  /** From now on only lines are written: the region below them belongs to somebody else. */
  quiet(): void {
    this.#screen.draw([])
    this.#quiet = true
    this.#stopClock()
  }

  [Symbol.dispose](): void {
    this.quiet()
  }

  #forget(name: string): void {
    this.#running.delete(name)
    if (this.#running.size === 0) this.#stopClock()
    this.#draw()
  }

  #stopClock(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #draw(): void {
    if (this.#quiet) return
    const lines = [...this.#running].map(([name, startMs]) => ({
      text: `  ${name} … ${((performance.now() - startMs) / 1000).toFixed(1)} s`,
      style: 'dim' as const,
    }))
    this.#screen.draw(lines)
  }
}
