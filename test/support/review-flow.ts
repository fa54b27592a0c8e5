import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaRecordPublisher } from '../../platform/record-publisher.ts'
import { reviewOf } from './linear-versions.ts'

const EVERY_MS = 5

/** Publishes feature rows without a pause, each of a text of its own, until it is stopped. */
export class ReviewFlow implements AsyncDisposable {
  readonly #publisher: KafkaRecordPublisher
  readonly #name: string
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  readonly ids: string[] = []

  /** @param name Ids begin with it. */
  constructor(publisher: KafkaRecordPublisher, name: string) {
    this.#publisher = publisher
    this.#name = name
    this.#done = this.#run()
  }

  async stop(): Promise<readonly string[]> {
    this.#stop.abort()
    await this.#done
    await this.#publisher.flush()
    return this.ids
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const reviewId = `${this.#name}-${this.ids.length}`
      await this.#publisher.publish('reviewFeatures', reviewOf(`${reviewId}: he dies, or so they say.`, { reviewId }))
      this.ids.push(reviewId)
      await sleep(EVERY_MS)
    }
  }
}
