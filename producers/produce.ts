import { setImmediate as nextTurn } from 'node:timers/promises'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { NO_RECORDS, totalOf, type Checkpoint, type CheckpointStore, type TopicCounts } from './checkpoint.ts'
import type { EventSource, ProducedEvent } from './event-source.ts'
import { dueAtMs, type Pace, type PaceAnchor } from './pace.ts'
import type { RecordPublisher } from './record-publisher.ts'
import type { WallClock } from './wall-clock.ts'

/** Acknowledged records are written to the checkpoint this often: so much is sent again after a kill -9. */
export const CHECKPOINT_EVERY_MS = 1000
/** The broker client's callbacks get their turn after this many records. */
const RECORDS_PER_TURN = 256

export interface Progress {
  /** Records of this run, by topic. */
  readonly published: TopicCounts
  /** Records that an earlier run had published. */
  readonly skipped: number
  readonly eventTimeMs: number
  /** Records per second since the last report. */
  readonly ratePerSecond: number
  /** Time left, in milliseconds; null while unknown. */
  readonly leftMs: number | null
}

export interface ProduceOptions {
  readonly source: EventSource
  readonly publisher: RecordPublisher
  readonly pace: Pace
  readonly clock: WallClock
  readonly signal: AbortSignal
  /** Where the job stands: of a fresh one nothing is acknowledged. */
  readonly resumeFrom: Checkpoint
  readonly checkpoints: Pick<CheckpointStore, 'save'>
  readonly onProgress?: (progress: Progress) => void
  readonly progressEveryMs?: number
}

export interface ProduceResult {
  readonly outcome: 'finished' | 'interrupted' | 'paused'
  /** Records of this run, all acknowledged. */
  readonly published: TopicCounts
  /** Records over all runs of the job. */
  readonly acknowledged: TopicCounts
  readonly elapsedMs: number
}

/**
 * Publishes a source at its pace. Events that an earlier run had acknowledged are passed over. When the signal is
 * aborted everything queued is acknowledged and saved first, so that the next run publishes nothing twice; after a
 * kill -9 the records since the last checkpoint are sent again with the same ids, and intake's folds drop them.
 *
 * @throws whatever the source or the publisher throws; the checkpoint then names what was acknowledged before.
 */
export async function produce(options: ProduceOptions): Promise<ProduceResult> {
  const run = new Run(options)
  const startedMs = options.clock.nowMs()
  let outcome: ProduceResult['outcome'] = 'finished'
  for await (const event of options.source.events) {
    if (options.signal.aborted) {
      outcome = 'interrupted'
      break
    }
    if (run.skips(event)) {
      await run.takeTurn()
      continue
    }
    if (event.eventTimeMs > (options.source.pauseAtMs ?? Infinity)) {
      outcome = 'paused'
      break
    }
    if (!(await run.due(event))) {
      outcome = 'interrupted'
      break
    }
    await run.publish(event)
  }
  if (outcome === 'finished') run.checkSkipped()
  await run.save(outcome === 'finished')
  run.report()
  return {
    outcome,
    published: run.published,
    acknowledged: run.acknowledged,
    elapsedMs: options.clock.nowMs() - startedMs,
  }
}

class Run {
  readonly published: TopicCounts = { ...NO_RECORDS }
  acknowledged: TopicCounts
  private readonly options: ProduceOptions
  private readonly skip: number
  private readonly skippedByTopic: TopicCounts = { ...NO_RECORDS }
  private skipped = 0
  private anchor: PaceAnchor | null = null
  private sent = 0
  private saved = 0
  private eventMs = -Infinity
  private savedAtMs: number
  private reported: { readonly atMs: number; readonly sent: number }
  private firstReport: { readonly atMs: number; readonly share: number } | null = null

  constructor(options: ProduceOptions) {
    this.options = options
    this.acknowledged = options.resumeFrom.acknowledged
    this.skip = totalOf(this.acknowledged)
    this.savedAtMs = options.clock.nowMs()
    this.reported = { atMs: this.savedAtMs, sent: 0 }
  }

  /** True for events that an earlier run had acknowledged. */
  skips(event: ProducedEvent): boolean {
    if (this.skipped >= this.skip) return false
    this.skipped++
    this.skippedByTopic[event.topic]++
    this.eventMs = Math.max(this.eventMs, event.eventTimeMs)
    if (this.skipped === this.skip) this.checkSkipped()
    return true
  }

  /** A source that does not repeat itself must not be resumed by count. */
  checkSkipped(): void {
    const { acknowledged } = this.options.resumeFrom
    const same = (Object.keys(acknowledged) as (keyof TopicCounts)[]).every(
      (topic) => acknowledged[topic] === this.skippedByTopic[topic],
    )
    if (same) return
    const what = 'resuming: the input is not what the checkpoint was made of; start with --again'
    throw new SpoilerError('SPL_INPUT_FILE_INVALID', what, { onError: 'stop' })
  }

  /** Waits until the event is due; false if the run was interrupted. */
  async due(event: ProducedEvent): Promise<boolean> {
    const { clock, pace, signal } = this.options
    this.eventMs = Math.max(this.eventMs, event.eventTimeMs)
    this.anchor ??= { wallMs: clock.nowMs(), eventMs: this.eventMs }
    const dueMs = dueAtMs(pace, this.anchor, this.eventMs, this.sent)
    for (let nowMs = clock.nowMs(); ; nowMs = clock.nowMs()) {
      if (nowMs - this.savedAtMs >= CHECKPOINT_EVERY_MS && this.saved < this.sent) await this.save(false)
      if (nowMs - this.reported.atMs >= this.progressEveryMs) this.report()
      if (nowMs >= dueMs || signal.aborted) return !signal.aborted
      await clock.waitUntil(Math.min(dueMs, nowMs + Math.min(this.progressEveryMs, CHECKPOINT_EVERY_MS)), signal)
    }
  }

  async publish(event: ProducedEvent): Promise<void> {
    const room = publishTo(this.options.publisher, event)
    this.published[event.topic]++
    this.sent++
    if (room) await room
    await this.takeTurn()
  }

  /** Lets callbacks and signals in: a source that never waits would starve them. */
  async takeTurn(): Promise<void> {
    if ((this.sent + this.skipped) % RECORDS_PER_TURN === 0) await nextTurn()
  }

  /** Waits for every acknowledgement, then writes down how far the job is. */
  async save(finished: boolean): Promise<void> {
    const { publisher, checkpoints, resumeFrom, clock } = this.options
    await publisher.flush()
    const before = resumeFrom.acknowledged
    this.acknowledged = {
      movies: before.movies + this.published.movies,
      reviews: before.reviews + this.published.reviews,
      reviewLabels: before.reviewLabels + this.published.reviewLabels,
    }
    this.saved = this.sent
    await checkpoints.save({ ...resumeFrom, acknowledged: this.acknowledged, finished })
    this.savedAtMs = clock.nowMs()
  }

  report(): void {
    const { source, onProgress, clock } = this.options
    const atMs = clock.nowMs()
    const share = source.share()
    this.firstReport ??= { atMs, share }
    const { firstReport } = this
    const gained = share - firstReport.share
    onProgress?.({
      published: { ...this.published },
      skipped: this.skipped,
      eventTimeMs: this.eventMs,
      ratePerSecond: ((this.sent - this.reported.sent) * 1000) / Math.max(atMs - this.reported.atMs, 1),
      leftMs: gained > 0 ? ((1 - share) / gained) * (atMs - firstReport.atMs) : null,
    })
    this.reported = { atMs, sent: this.sent }
  }

  private get progressEveryMs(): number {
    return this.options.progressEveryMs ?? 1000
  }
}

function publishTo(publisher: RecordPublisher, event: ProducedEvent): void | Promise<void> {
  switch (event.topic) {
    case 'movies':
      return publisher.publish('movies', event.value)
    case 'reviews':
      return publisher.publish('reviews', event.value)
    case 'reviewLabels':
      return publisher.publish('reviewLabels', event.value)
  }
}
