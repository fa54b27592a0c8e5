import type { Logger } from 'pino'
import type { BatchWorker, ComputedOutput } from './batch-worker.ts'
import type { Config } from './config.ts'
import { idOf, type InputOrder } from './input-order.ts'
import { inputRecord, type InputRecord } from './input-record.ts'
import type { GroupConsumer, PartitionOffset, TopicPartition, Watermarks } from './kafka-consumer.ts'
import type { TransactionalProducer } from './kafka-producer.ts'
import { readOrWait } from './read-or-wait.ts'
import { waitForBroker, whileDependencyIsDown } from './retry.ts'
import { SpoilerError } from './spoiler-error.ts'
import { startOffset } from './start-offset.ts'
import type { TaskTelemetry } from './telemetry.ts'
import { partitionAdded } from './topic-lineage.ts'
import { commitBatch } from './transaction.ts'

export interface StreamTaskDeps {
  readonly name: string
  readonly config: Pick<
    Config,
    'COMMIT_INTERVAL_MS' | 'MAX_BATCH_RECORDS' | 'STEP_DEADLINE_MS' | 'MISSING_RECORDS' | 'TOPIC_PARTITIONS' | 'LINEAGE'
  >
  readonly consumer: Pick<
    GroupConsumer,
    'nextRebalance' | 'accept' | 'release' | 'committed' | 'commit' | 'seek' | 'read' | 'groupMetadata' | 'atEnd'
  >
  readonly producer: TransactionalProducer
  readonly worker: BatchWorker
  readonly order: InputOrder
  /** Watermarks under read_uncommitted. */
  readonly watermarks: (input: TopicPartition) => Promise<Watermarks>
  readonly telemetry: TaskTelemetry
  readonly log: Logger
  readonly nowMs: () => number
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

const IDLE_POLL_MS = 100

/** One consume-process-produce loop, exactly once: poll, compute, one transaction, repeat. */
export class StreamTask {
  readonly #deps: StreamTaskDeps
  /** Next offset of every assigned partition, as committed. */
  readonly #positions = new Map<string, PartitionOffset>()
  #committedAtMs = -Infinity

  constructor(deps: StreamTaskDeps) {
    this.#deps = deps
  }

  /**
   * Runs until the signal aborts; the running batch is finished first.
   *
   * @throws SpoilerError with `onError: 'exit'` or `'stop'`: the process has to end.
   */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#applyRebalances(signal)
      const records = await this.#gather()
      if (records.length > 0) await this.#process(records, signal)
      else if (this.#caughtUp()) this.#deps.telemetry.idle()
    }
  }

  #caughtUp(): boolean {
    return [...this.#positions.keys()].every((input) => this.#deps.consumer.atEnd.has(input))
  }

  /** Takes effect between batches, so a revocation never meets a half-done one. */
  async #applyRebalances(signal: AbortSignal): Promise<void> {
    const { consumer, worker, order, log, telemetry } = this.#deps
    for (let event = consumer.nextRebalance(); event !== undefined; event = consumer.nextRebalance()) {
      log.info({ kind: event.kind, partitions: event.partitions.map(idOf) }, 'rebalance')
      if (event.kind === 'assigned') {
        const { partitions } = event
        telemetry.restoring(partitions.length)
        const starts = await this.#whileDependencyIsDown(signal, () =>
          this.#restore(partitions).catch(waitForBroker('restoring')),
        )
        if (starts === undefined) return
        order.assign(partitions)
        for (const start of starts) this.#positions.set(idOf(start), start)
        consumer.accept(starts)
      } else {
        order.revoke(event.partitions)
        consumer.release(event.partitions)
        for (const input of event.partitions) {
          this.#positions.delete(idOf(input))
          worker.release(input)
        }
      }
      telemetry.assigned(this.#positions.size)
    }
  }

  async #restore(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    const { consumer, worker, watermarks, config, log } = this.#deps
    const added = partitions.find(({ partition }) => partition >= config.TOPIC_PARTITIONS)
    if (added !== undefined) throw partitionAdded(added, config.TOPIC_PARTITIONS, config.LINEAGE)
    const committed = await consumer.committed(partitions)
    const starts: PartitionOffset[] = []
    for (const [index, input] of partitions.entries()) {
      const applied = await worker.restore(input)
      const offset = startOffset(idOf(input), {
        committed: committed[index]?.offset ?? null,
        applied: applied?.offset ?? null,
        stateful: worker.stateful,
        watermarks: await watermarks(input),
        missingRecords: config.MISSING_RECORDS,
      })
      starts.push({ ...input, offset })
    }
    // From now on a missing offset means that it was lost, not that this is the first start. A skipped position is left
    // to the first batch, which commits it together with the state's own.
    const first = starts.filter((_, index) => (committed[index] ?? null) === null)
    if (first.length > 0) await consumer.commit(first)
    log.info({ starts: starts.map((s) => `${idOf(s)}@${s.offset}`) }, 'restored')
    return starts
  }

  /** Records for one batch: at once when the last commit is a commit interval ago, else what gathers until then. */
  async #gather(): Promise<InputRecord[]> {
    const { order, config, nowMs } = this.#deps
    let deadline: number | null = null
    for (;;) {
      const timeoutMs = deadline === null ? (order.held > 0 ? 5 : IDLE_POLL_MS) : Math.max(1, deadline - nowMs())
      const polled = await readOrWait({ timeoutMs, maxRecords: config.MAX_BATCH_RECORDS }, this.#deps)
      order.add(polled.map(inputRecord))
      if (order.held > 0) deadline ??= this.#committedAtMs + config.COMMIT_INTERVAL_MS
      if (deadline === null || nowMs() >= deadline || order.held >= config.MAX_BATCH_RECORDS) break
    }
    return order.take(config.MAX_BATCH_RECORDS)
  }

  async #process(records: readonly InputRecord[], signal: AbortSignal): Promise<void> {
    const { consumer, producer, worker, config, telemetry, nowMs } = this.#deps
    const groupMetadata = consumer.groupMetadata()
    const next = nextOffsets(records)
    const startedMs = nowMs()
    const computed = await this.#whileDependencyIsDown(signal, () => worker.compute(records, next))
    if (computed === undefined) return
    const batch = { outgoing: computed.outgoing, nextOffsets: next, groupMetadata }
    try {
      await commitBatch(batch, { producer, stepDeadlineMs: config.STEP_DEADLINE_MS })
    } catch (error) {
      if (!(error instanceof SpoilerError && error.onError === 'retry')) throw error
      telemetry.aborted(error)
      await this.#rewind()
      return
    }
    this.#committedAtMs = nowMs()
    worker.commit(next)
    for (const position of next) this.#positions.set(idOf(position), position)
    this.#report(records, computed, startedMs)
  }

  /** Nothing of the batch happened: forget it, and read again from what is committed. */
  async #rewind(): Promise<void> {
    this.#deps.worker.discard()
    this.#deps.order.clear()
    await this.#deps.consumer.seek([...this.#positions.values()])
  }

  /** A dependency that is down is not poison: the task stops reading, is unready, and tries the same again. */
  #whileDependencyIsDown<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    const { worker, telemetry, pause } = this.#deps
    return whileDependencyIsDown(work, {
      signal,
      pause,
      onUp: () => {
        telemetry.dependencyUp()
      },
      onDown: (error) => {
        worker.discard()
        telemetry.dependencyDown(error)
      },
    })
  }

  #report(records: readonly InputRecord[], computed: ComputedOutput, startedMs: number): void {
    const { telemetry, nowMs } = this.#deps
    const last = records.at(-1) as InputRecord
    telemetry.committed({
      recordsIn: records.length,
      computed,
      batchMs: nowMs() - startedMs,
      behindMs: this.#caughtUp() ? 0 : Math.max(0, nowMs() - last.appendedAtMs),
    })
  }
}

/** Per partition the offset after its last record. */
export function nextOffsets(records: readonly InputRecord[]): PartitionOffset[] {
  const next = new Map<string, PartitionOffset>()
  for (const record of records) {
    const { topic, partition, offset } = record
    next.set(idOf(record), { topic, partition, offset: offset + 1 })
  }
  return [...next.values()]
}
