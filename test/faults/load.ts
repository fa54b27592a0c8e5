import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type IdempotentProducer, openIdempotentProducer } from '../../platform/kafka-producer.ts'
import type { ProducedEvent } from '../../producers/event-source.ts'
import { openImdbSource } from '../../producers/imdb-source.ts'
import { openRejectLog } from '../../producers/reject-log.ts'
import { World } from '../../producers/world/world.ts'
import { topics } from '../../schemas/topics.ts'
import { type Pipeline, publishEvent } from '../support/pipeline.ts'

const START_MS = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000
const TICK_MS = 50
/** One real event after so many of the world, and one record that is poison. */
const REAL_EVERY = 7
const POISON_EVERY = 400
const POISON = Buffer.from('{"reviewId":"cut')

/** Beside the repository, never in it: see the README there. */
const DATA = join(import.meta.dirname, '../../../shared/data')
const REVIEWS_FILE = join(DATA, 'imdb_spoiler_one_movie.jsonl.xz')
const MOVIES_FILE = join(DATA, 'imdb_movie_details_one_movie.jsonl')

export const REAL_REVIEWS_ARE_THERE = existsSync(REVIEWS_FILE) && existsSync(MOVIES_FILE)

/** The real reviews of one film with their labels; none where the files are absent. */
export async function realEvents(): Promise<ProducedEvent[]> {
  if (!REAL_REVIEWS_ARE_THERE) return []
  const workFolder = mkdtempSync(join(tmpdir(), 'spoiler-faults-'))
  try {
    using rejects = openRejectLog(join(workFolder, 'rejects.jsonl'))
    const labelDelay = { meanMs: 3 * DAY_MS, spreadMs: DAY_MS }
    const files = { reviewsFile: REVIEWS_FILE, moviesFile: MOVIES_FILE }
    using source = await openImdbSource({ ...files, workFolder, labelDelay, rejects })
    return await Array.fromAsync(source.events)
  } finally {
    rmSync(workFolder, { recursive: true, force: true })
  }
}

/** The world, with real events strewn in: reviews, labels and movies in the order in which they are published. */
function* mixed(seed: number, real: readonly ProducedEvent[]): Generator<ProducedEvent> {
  const world = new World({ seed, rate: 200, speed: 21_600, startMs: START_MS }).events()
  const others = real.values()
  let ordinal = 0
  for (const event of world) {
    yield event
    ordinal += 1
    const next = ordinal % REAL_EVERY === 0 ? others.next() : { done: true as const }
    if (next.done !== true) yield next.value
  }
}

/** What is published while faults happen, at a steady pace: the same events in the same order for the same seed. */
export class Load implements AsyncDisposable {
  published = 0
  reviews = 0
  poison = 0
  readonly #pipeline: Pipeline
  readonly #raw: IdempotentProducer
  readonly #events: Iterator<ProducedEvent>
  #stopping = false
  #isPaused = false
  #running: Promise<void> = Promise.resolve()

  private constructor(pipeline: Pipeline, raw: IdempotentProducer, events: Iterator<ProducedEvent>) {
    this.#pipeline = pipeline
    this.#raw = raw
    this.#events = events
  }

  static async start(
    pipeline: Pipeline,
    options: { readonly seed: number; readonly rate: number; readonly real: readonly ProducedEvent[] },
  ): Promise<Load> {
    const raw = await openIdempotentProducer(pipeline.config, 'test-poison')
    const load = new Load(pipeline, raw, mixed(options.seed, options.real))
    load.#running = load.#run(options.rate)
    load.#running.catch(() => undefined) // told by stop()
    return load
  }

  /** Publishes nothing for a while; resolves when everything is acknowledged. */
  async pause(): Promise<void> {
    this.#isPaused = true
    await this.#flush()
  }

  resume(): void {
    this.#isPaused = false
  }

  /** Stops when everything is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
    await this.#flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    await this.#running.catch(() => undefined)
    await this.#raw[Symbol.asyncDispose]()
  }

  async #run(rate: number): Promise<void> {
    let due = 0
    for (let lastMs = performance.now(); !this.#stopping;) {
      const nowMs = performance.now()
      if (!this.#isPaused) due += ((nowMs - lastMs) / 1000) * rate
      lastMs = nowMs
      while (this.published < due && this.#goesOn()) await this.#next()
      await pause(TICK_MS)
    }
  }

  #goesOn(): boolean {
    return !this.#stopping && !this.#isPaused
  }

  async #flush(): Promise<void> {
    await this.#pipeline.publisher.flush()
    await this.#raw.flush()
  }

  async #next(): Promise<void> {
    const next = this.#events.next()
    if (next.done === true) throw new RangeError('the world has come to its end')
    await publishEvent(this.#pipeline.publisher, next.value)
    this.published += 1
    if (next.value.topic === 'reviews') this.reviews += 1
    if (this.published % POISON_EVERY !== 0) return
    await this.#raw.send({ topic: topics.reviews.name, partition: null, key: null, value: POISON })
    this.poison += 1
  }
}
