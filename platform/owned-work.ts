import type { Applied } from './changelog.ts'
import type { BatchWorker, ComputedOutput } from './batch-worker.ts'
import type { InputRecord } from './input-record.ts'
import type { PartitionOffset, TopicPartition } from './kafka-consumer.ts'

interface OwnedWorkDeps {
  /** Ends soon after the signal aborts. */
  readonly work: (signal: AbortSignal) => Promise<void>
  /** Gets what the work failed with. */
  readonly fail: (error: unknown) => void
}

interface Running {
  readonly ending: AbortController
  readonly done: Promise<void>
}

/**
 * A worker of a topic with one partition, with work beside it that only the instance may do that has the partition: it
 * begins once the state is restored, and is told to end when the partition goes to another instance.
 */
export class OwnedWork implements BatchWorker, AsyncDisposable {
  readonly #worker: BatchWorker
  readonly #deps: OwnedWorkDeps
  #running: Running | undefined

  constructor(worker: BatchWorker, deps: OwnedWorkDeps) {
    this.#worker = worker
    this.#deps = deps
  }

  get stateful(): boolean {
    return this.#worker.stateful
  }

  async restore(input: TopicPartition): Promise<Applied | null> {
    const applied = await this.#worker.restore(input)
    this.#running ??= this.#begin() // a restore may be tried again
    return applied
  }

  release(input: TopicPartition): void {
    this.#running?.ending.abort()
    this.#running = undefined
    this.#worker.release(input)
  }

  compute(records: readonly InputRecord[], next: readonly PartitionOffset[]): Promise<ComputedOutput> {
    return this.#worker.compute(records, next)
  }

  commit(next: readonly PartitionOffset[]): void {
    this.#worker.commit(next)
  }

  discard(): void {
    this.#worker.discard()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running?.ending.abort()
    await this.#running?.done
  }

  #begin(): Running {
    const ending = new AbortController()
    return { ending, done: this.#deps.work(ending.signal).catch(this.#deps.fail) }
  }
}
