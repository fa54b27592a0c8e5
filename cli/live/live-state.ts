import type { ModelDeployment, ReviewLabel, SpoilerScore } from '../../schemas/generated.ts'
import { CHAMPION } from '../../schemas/deployment-slots.ts'
import type { ComponentReport } from '../component-metrics.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { LiveQuality, type Quality } from './live-quality.ts'
import { deploymentNews } from './news.ts'

/** A component as the view knows it. */
export interface ComponentView extends ComponentReport {
  readonly name: string
  readonly state: 'running' | 'restarting' | 'stopped' | 'finished'
  readonly restarts: number
  readonly lastFailure: string | undefined
}

/** A review that is shown, with what spoils hidden. */
export interface ShownReview {
  readonly title: string
  readonly probability: number
  readonly isSpoiler: boolean
  readonly words: string
}

/** Everything that the view follows from. Times are wall-clock milliseconds. */
export type LiveEvent =
  | { readonly kind: 'score'; readonly atMs: number; readonly score: SpoilerScore }
  | { readonly kind: 'label'; readonly label: ReviewLabel }
  | { readonly kind: 'dead-letter' }
  /** Records published since the start. */
  | { readonly kind: 'published'; readonly atMs: number; readonly reviews: number; readonly labels: number }
  | { readonly kind: 'components'; readonly components: readonly ComponentView[] }
  | { readonly kind: 'shown'; readonly review: ShownReview }
  /** What a training job is at. */
  | { readonly kind: 'training'; readonly text: string }
  /** A decision about a slot, also one of before the start. */
  | { readonly kind: 'deployment'; readonly atMs: number; readonly deployment: ModelDeployment }
  /** Something that happens seldom: an alarm, a decision about a job. */
  | { readonly kind: 'news'; readonly atMs: number; readonly text: string }

export interface Figures {
  readonly reviews: number
  readonly labels: number
  readonly scores: number
  readonly reviewsPerSecond: number
  readonly scoresPerSecond: number
  /** From the review's append to the read of its committed score, milliseconds; null while there is none. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** Share of scores that say spoiler; null while there is none. */
  readonly spoilerShare: number | null
  /** `name@version` of the newest score. */
  readonly model: string | null
  readonly deadLetters: number
  readonly restarts: number
  readonly secondsBehind: number
  readonly quality: Quality
}

/** What happened, and how well reviews were answered then. */
export interface News {
  readonly sinceStartMs: number
  readonly text: string
  /** Of the newest labelled reviews; null without labels of both kinds. */
  readonly f1: number | null
}

export interface LiveView extends Figures {
  readonly startedMs: number
  readonly elapsedMs: number
  readonly firstScoreAtMs: number | null
  readonly components: readonly ComponentView[]
  readonly training: string | null
  /** The newest last. */
  readonly news: readonly News[]
  /** Spoilers, newest first. */
  readonly shown: readonly ShownReview[]
}

interface Slice {
  readonly beginMs: number
  readonly latencies: LatencyHistogram
  scores: number
  reviews: number
}

const SLICE_MS = 1000
/** Rates of the view look back this far, quantiles three times as far. */
const RATE_SLICES = 10
const KEPT_SLICES = 30
const SHOWN_REVIEWS = 12
const SHOWN_NEWS = 8
/** How old the shown quality may be: it takes a sort of all labelled reviews. */
const QUALITY_MS = 2000

/** Folds events into the figures of the view. Holds no clock; memory is constant. */
export class LiveState {
  readonly #startedMs: number
  readonly #latencies = new LatencyHistogram()
  readonly #quality = new LiveQuality()
  #slices: Slice[] = []
  #published = { reviews: 0, labels: 0 }
  #scores = 0
  #spoilers = 0
  #deadLetters = 0
  #firstScoreAtMs: number | null = null
  #newest: SpoilerScore | null = null
  #newestSpoiler: SpoilerScore | null = null
  #training: string | null = null
  #news: readonly News[] = []
  #isModelDeployed = false
  #shownQuality: { readonly atMs: number; readonly quality: Quality } | undefined
  #components: readonly ComponentView[] = []
  #shown: readonly ShownReview[] = []

  /** @param startedMs Reviews appended earlier count as scores, but not for the latency: they waited for the start. */
  constructor(startedMs: number) {
    this.#startedMs = startedMs
  }

  get newestSpoiler(): SpoilerScore | null {
    return this.#newestSpoiler
  }

  /** Reviews published since the start. */
  get reviews(): number {
    return this.#published.reviews
  }

  /** Whether a model was ever deployed: it serves as soon as there is something to score. */
  get isModelDeployed(): boolean {
    return this.#isModelDeployed
  }

  apply(event: LiveEvent): void {
    switch (event.kind) {
      case 'score':
        this.#onScore(event.score, event.atMs)
        return
      case 'label':
        this.#quality.onLabel(event.label)
        return
      case 'dead-letter':
        this.#deadLetters += 1
        return
      case 'published':
        this.#sliceAt(event.atMs).reviews += event.reviews - this.#published.reviews
        this.#published = event
        return
      case 'components':
        this.#components = event.components
        return
      case 'training':
        this.#training = event.text
        return
      case 'deployment':
        this.#isModelDeployed ||= event.deployment.slot === CHAMPION
        if (event.deployment.decidedAtMs >= this.#startedMs)
          this.#onNews({ atMs: event.atMs, text: deploymentNews(event.deployment) })
        return
      case 'news':
        this.#onNews(event)
        return
      case 'shown':
        this.#shown = [event.review, ...this.#shown].slice(0, SHOWN_REVIEWS)
    }
  }

  /** @param nowMs Not before any event. */
  view(nowMs: number): LiveView {
    const recent = this.#slices.filter(({ beginMs }) => beginMs > nowMs - KEPT_SLICES * SLICE_MS)
    const latencies = new LatencyHistogram()
    for (const slice of recent) latencies.merge(slice.latencies)
    const rated = recent.filter(({ beginMs }) => beginMs > nowMs - RATE_SLICES * SLICE_MS)
    const seconds = Math.min(RATE_SLICES, Math.max(1, (nowMs - (rated[0]?.beginMs ?? nowMs)) / 1000))
    const perSecond = (key: 'scores' | 'reviews'): number => rated.reduce((sum, slice) => sum + slice[key], 0) / seconds
    return {
      ...this.#figures(latencies, this.#qualityAt(nowMs)),
      reviewsPerSecond: perSecond('reviews'),
      scoresPerSecond: perSecond('scores'),
      startedMs: this.#startedMs,
      elapsedMs: nowMs - this.#startedMs,
      firstScoreAtMs: this.#firstScoreAtMs,
      components: this.#components,
      training: this.#training,
      news: this.#news,
      shown: this.#shown,
    }
  }

  /** The figures of the whole run. @param elapsedMs Time in which the reviews were published. */
  totals(elapsedMs: number): Figures {
    const seconds = Math.max(elapsedMs, 1) / 1000
    const rates = {
      reviewsPerSecond: this.#published.reviews / seconds,
      scoresPerSecond: this.#scores / seconds,
    }
    return { ...this.#figures(this.#latencies, this.#quality.quality()), ...rates }
  }

  #qualityAt(nowMs: number): Quality {
    if (this.#shownQuality === undefined || nowMs >= this.#shownQuality.atMs + QUALITY_MS)
      this.#shownQuality = { atMs: nowMs, quality: this.#quality.quality() }
    return this.#shownQuality.quality
  }

  #figures(latencies: LatencyHistogram, quality: Quality): Omit<Figures, 'reviewsPerSecond' | 'scoresPerSecond'> {
    const newest = this.#newest
    return {
      reviews: this.#published.reviews,
      labels: this.#published.labels,
      scores: this.#scores,
      p50Ms: latencies.quantile(0.5),
      p99Ms: latencies.quantile(0.99),
      spoilerShare: this.#scores === 0 ? null : this.#spoilers / this.#scores,
      model: newest === null ? null : `${newest.modelName}@${newest.modelVersion}`,
      deadLetters: this.#deadLetters,
      quality,
      restarts: this.#components.reduce((sum, { restarts }) => sum + restarts, 0),
      secondsBehind: Math.max(0, ...this.#components.flatMap(({ tasks }) => tasks.map((task) => task.secondsBehind))),
    }
  }

  #onNews({ atMs, text }: Pick<Extract<LiveEvent, { kind: 'news' }>, 'atMs' | 'text'>): void {
    const { f1 } = this.#qualityAt(atMs).model
    this.#news = [...this.#news, { sinceStartMs: atMs - this.#startedMs, text, f1 }].slice(-SHOWN_NEWS)
  }

  #onScore(score: SpoilerScore, atMs: number): void {
    this.#scores += 1
    if (score.isSpoiler) {
      this.#spoilers += 1
      this.#newestSpoiler = score
    }
    if (score.slot === CHAMPION) this.#newest = score
    this.#quality.onScore(score)
    this.#firstScoreAtMs ??= atMs
    const slice = this.#sliceAt(atMs)
    slice.scores += 1
    if (score.reviewAppendedAtMs < this.#startedMs) return
    slice.latencies.add(atMs - score.reviewAppendedAtMs)
    this.#latencies.add(atMs - score.reviewAppendedAtMs)
  }

  #sliceAt(atMs: number): Slice {
    const last = this.#slices.at(-1)
    if (last !== undefined && atMs < last.beginMs + SLICE_MS) return last
    const slice = { beginMs: atMs, latencies: new LatencyHistogram(), scores: 0, reviews: 0 }
    this.#slices = [...this.#slices, slice].slice(-KEPT_SLICES)
    return slice
  }
}
