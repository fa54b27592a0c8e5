import type { Logger } from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ComputedOutput } from './batch-worker.ts'
import type { SpoilerError } from './spoiler-error.ts'

/** What a component tells of itself: Prometheus metrics, and whether it is ready. */
export class Telemetry {
  readonly registry = new Registry()
  readonly #unready = new Map<string, string>()
  readonly recordsIn = this.#counter('spoiler_records_in_total', 'Records read and committed', ['component'])
  readonly recordsOut = this.#counter('spoiler_records_out_total', 'Records written, changelog included', ['component'])
  readonly dropped = this.#counter('spoiler_records_dropped_total', 'Records left out', ['component', 'reason'])
  readonly deadLetters = this.#counter('spoiler_dead_letters_total', 'Poison records', ['component', 'code'])
  readonly transactions = this.#counter('spoiler_transactions_total', 'Transactions', ['component', 'outcome'])
  readonly restored = this.#counter(
    'spoiler_restored_records_total',
    'Changelog records read to restore state, by what was restored: all of it, or what the disk did not have',
    ['component', 'part'],
  )
  readonly snapshots = this.#counter('spoiler_snapshots_total', 'Snapshots of state', ['component', 'outcome'])
  readonly partitions = this.#gauge('spoiler_assigned_partitions', 'Partitions assigned')
  readonly secondsBehind = this.#gauge(
    'spoiler_seconds_behind',
    'Age of the newest record read, 0 at the end of the log',
  )
  readonly batchSeconds = new Histogram({
    name: 'spoiler_batch_seconds',
    help: 'Time from the first computation of a batch to its commit',
    labelNames: ['component'],
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15],
    registers: [this.registry],
  })

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  #gauge(name: string, help: string): Gauge<'component'> {
    return new Gauge({ name, help, labelNames: ['component'], registers: [this.registry] })
  }

  setReady(component: string): void {
    this.#unready.delete(component)
  }

  setUnready(component: string, reason: string): void {
    this.#unready.set(component, reason)
  }

  /** Why the process is not ready, by component; empty when it is. */
  unready(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#unready)
  }
}

interface CommittedBatch {
  readonly recordsIn: number
  readonly computed: ComputedOutput
  readonly batchMs: number
  readonly behindMs: number
}

/** A partition whose state is there. */
export interface Restored {
  readonly partition: number
  /** Records of the changelog that were read. */
  readonly records: number
  /** Why all of it was read; null when the disk had the state but for its tail. */
  readonly because: string | null
  readonly ms: number
}

export function recordRestored({ restored }: Telemetry, log: Logger, component: string): (event: Restored) => void {
  return (event) => {
    restored.inc({ component, part: event.because === null ? 'tail' : 'all' }, event.records)
    log.info(event, event.because === null ? 'the state was on disk' : 'the state was read from the changelog')
  }
}

/** What becomes of snapshots. None of it stops a fold. */
export interface SnapshotTelemetry {
  /** @param copied `ms`: so long the fold stood still. */
  copied(copied: { readonly partition: number; readonly offset: number; readonly ms: number }): void
  kept(kept: { readonly partition: number; readonly offset: number }): void
  waiting(error: SpoilerError): void
  failed(error: unknown): void
}

export function snapshotTelemetry({ snapshots }: Telemetry, component: string, log: Logger): SnapshotTelemetry {
  return {
    copied: (copied) => {
      log.debug(copied, 'the state was copied')
    },
    kept: (kept) => {
      snapshots.inc({ component, outcome: 'kept' })
      log.info(kept, 'a snapshot of the state is kept')
    },
    waiting: (error) => {
      log.debug({ err: error }, 'a snapshot waits for the object store')
    },
    failed: (error) => {
      snapshots.inc({ component, outcome: 'failed' })
      log.warn({ err: error }, 'a snapshot of the state was not kept; the fold goes on without it')
    },
  }
}

/** One function per event: its log line and its metrics can never drift apart. */
export interface TaskTelemetry {
  restoring(partitions: number): void
  assigned(partitions: number): void
  committed(batch: CommittedBatch): void
  idle(): void
  aborted(error: SpoilerError): void
  dependencyDown(error: SpoilerError): void
  dependencyUp(): void
}

/** @param standsBy Whether it is as it should be without a partition: another instance may have the only one. */
export function taskTelemetry(telemetry: Telemetry, component: string, log: Logger, standsBy = false): TaskTelemetry {
  let down: SpoilerError | undefined
  let waitingFor: string | undefined
  const waitFor = (reason: string): void => {
    waitingFor = reason
    telemetry.setUnready(component, reason)
  }
  if (!standsBy) waitFor('no partitions assigned yet')
  return {
    restoring: (partitions) => {
      waitFor(`restoring the state of ${partitions} partitions`)
    },
    assigned: (partitions) => {
      waitingFor = undefined
      telemetry.partitions.set({ component }, partitions)
      telemetry.setReady(component)
    },
    committed: ({ recordsIn, computed, batchMs, behindMs }) => {
      telemetry.recordsIn.inc({ component }, recordsIn)
      telemetry.recordsOut.inc({ component }, computed.outgoing.length)
      for (const [reason, n] of Object.entries(computed.drops)) telemetry.dropped.inc({ component, reason }, n)
      for (const [code, n] of Object.entries(computed.rejects)) {
        telemetry.deadLetters.inc({ component, code }, n)
        log.warn({ code, n }, 'poison records went to dead-letters')
      }
      telemetry.transactions.inc({ component, outcome: 'committed' })
      telemetry.batchSeconds.observe({ component }, batchMs / 1000)
      telemetry.secondsBehind.set({ component }, behindMs / 1000)
    },
    idle: () => {
      telemetry.secondsBehind.set({ component }, 0)
    },
    aborted: (error) => {
      telemetry.transactions.inc({ component, outcome: 'aborted' })
      log.warn({ err: error }, 'transaction aborted; the batch is computed again')
    },
    dependencyDown: (error) => {
      telemetry.setUnready(component, error.message)
      if (down?.code !== error.code) log.warn({ err: error }, 'a dependency is down; waiting for it')
      down = error
    },
    dependencyUp: () => {
      if (down === undefined) return
      log.info({ code: down.code }, 'the dependency is back')
      down = undefined
      if (waitingFor === undefined) telemetry.setReady(component)
      else telemetry.setUnready(component, waitingFor)
    },
  }
}
