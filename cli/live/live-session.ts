import type { Config } from '../../platform/config.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { pause } from '../../platform/retry.ts'
import type { ComponentStatus } from '../../platform/supervisor.ts'
import type { SpoilerScore } from '../../schemas/generated.ts'
import { askComponent } from '../component-metrics.ts'
import type { Screen } from '../screen.ts'
import { type ComponentView, LiveState, type News } from './live-state.ts'
import { liveLines, newsLine, plainLine, shownReview } from './render.ts'
import { TopicObserver } from './topic-observer.ts'

const POLL_MS = 1000
const FRAME_MS = 250
const PLAIN_LINE_MS = 5000
/** Longest wait for the scores of what was published. */
const DRAIN_MS = 30_000
/** Without a new score for so long nothing more is expected: when nobody is behind, and when somebody is. */
const SETTLED_MS = 600
const STUCK_MS = 5000

interface LiveDeps {
  readonly config: Config
  readonly codec: RecordCodec
  readonly screen: Screen
  /** Reviews appended earlier do not count for the latency. */
  readonly startedMs: number
}

/** Watches the running pipeline and shows it, until it is closed. */
export class LiveSession implements AsyncDisposable {
  readonly state: LiveState
  readonly #deps: LiveDeps
  readonly #observer: TopicObserver
  readonly #closing = new AbortController()
  #shown: SpoilerScore | undefined
  #components: () => readonly ComponentStatus[] = () => []
  #loops: Promise<unknown> = Promise.resolve()

  private constructor(deps: LiveDeps, observer: TopicObserver) {
    this.#deps = deps
    this.#observer = observer
    this.state = new LiveState(deps.startedMs)
  }

  /** Sees every score that is committed after it resolves. */
  static async open(deps: LiveDeps): Promise<LiveSession> {
    const session = new LiveSession(deps, await TopicObserver.open(deps.config, deps.codec))
    session.#observer.start((event) => {
      session.state.apply(event)
    })
    return session
  }

  /** Begins to poll and to draw. @param components As their supervisors know them. */
  show(components: () => readonly ComponentStatus[]): void {
    this.#components = components
    this.#loops = Promise.all([this.#pollOn(), this.#deps.screen.interactive ? this.#draw() : this.#printLines()])
  }

  /** Draws and polls no more; scores are still counted. */
  hide(): void {
    this.#closing.abort()
    this.#deps.screen.draw([])
  }

  /** Waits until nobody is behind and no more scores come, though not for ever. */
  async drained(signal: AbortSignal): Promise<void> {
    const lateMs = Date.now() + DRAIN_MS
    let last = { scores: -1, atMs: Date.now() }
    while (!signal.aborted && Date.now() < lateMs) {
      await this.poll()
      const { scores, secondsBehind } = this.state.view(Date.now())
      if (scores !== last.scores) last = { scores, atMs: Date.now() }
      else if (Date.now() - last.atMs > (secondsBehind === 0 ? SETTLED_MS : STUCK_MS)) return
      await pause(POLL_MS / 10, signal)
    }
  }

  /** Asks the components and the input topics once. */
  async poll(): Promise<void> {
    const components = await Promise.all(this.#components().map(componentView))
    this.state.apply({ kind: 'components', components })
    // while the broker is down the last counts stand
    const published = await this.#observer.published().catch(() => undefined)
    if (published !== undefined) this.state.apply({ kind: 'published', atMs: Date.now(), ...published })
  }

  /** Resolves when no more scores come. */
  quiet(): Promise<void> {
    return this.#observer.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hide()
    await this.#loops
    await this.#observer[Symbol.asyncDispose]()
  }

  async #pollOn(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.poll()
      if (this.#deps.screen.interactive) await this.#showNewest()
      await pause(POLL_MS, signal)
    }
  }

  async #showNewest(): Promise<void> {
    const score = this.state.newestSpoiler
    if (score === null || score === this.#shown) return
    this.#shown = score
    const review = await this.#observer.reviewAt(score.position).catch(() => undefined)
    if (review === undefined) return
    const title = this.#observer.titles.get(review.movieId)
    this.state.apply({ kind: 'shown', review: shownReview(score, review, title) })
  }

  async #draw(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      this.#deps.screen.draw(liveLines(this.state.view(Date.now())))
      await pause(FRAME_MS, signal)
    }
  }

  async #printLines(): Promise<void> {
    const { signal } = this.#closing
    let told: News | undefined
    for (;;) {
      await pause(PLAIN_LINE_MS, signal)
      if (signal.aborted) return
      const view = this.state.view(Date.now())
      for (const news of view.news.slice(told === undefined ? 0 : view.news.indexOf(told) + 1))
        this.#deps.screen.print(newsLine(news))
      told = view.news.at(-1)
      this.#deps.screen.print(plainLine(view))
    }
  }
}

/** A component that answers nobody, such as the world, is ready while it runs. */
async function componentView({ name, state, restarts, lastFailure, url }: ComponentStatus): Promise<ComponentView> {
  const known = { name, state, restarts, lastFailure }
  if (name === 'world') return { ...known, ready: state !== 'stopped', unready: {}, tasks: [] }
  return { ...known, ...(await askComponent(url)) }
}
