import { pino } from 'pino'
import type { BatchWorker } from '../../../platform/batch-worker.ts'
import { AppendTimeOrder, arrivalOrder, idOf } from '../../../platform/input-order.ts'
import type { PartitionReader, TopicPartition, Watermarks } from '../../../platform/kafka-consumer.ts'
import type { TransactionalProducer } from '../../../platform/kafka-producer.ts'
import type { StateFiles } from '../../../platform/state-files.ts'
import { StreamTask } from '../../../platform/stream-task.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { Telemetry, taskTelemetry } from '../../../platform/telemetry.ts'
import { nextTurn, type SimulatedCluster } from './cluster.ts'
import type { SimulatedDisk } from './disk.ts'
import { type ConsumerPort, SimulatedConsumer, type SimulatedGroup } from './group.ts'
import { SimulatedProducer } from './producer.ts'

const SESSION_TIMEOUT = 20
/** Small, so that a run has many batches. */
const LIMITS = {
  COMMIT_INTERVAL_MS: 0,
  MAX_BATCH_RECORDS: 9,
  STEP_DEADLINE_MS: 60_000,
  MISSING_RECORDS: 'stop',
  TOPIC_PARTITIONS: 2,
  LINEAGE: 1,
} as const
const silent = pino({ level: 'silent' })

/** All that a stream task is given: what a bug wraps. */
export interface Ports {
  readonly consumer: ConsumerPort
  readonly producer: TransactionalProducer
  readonly worker: BatchWorker
  readonly watermarks: (input: TopicPartition) => Promise<Watermarks>
}
export interface RestorePorts {
  readonly states: StateFiles
  readonly watermarks: (input: TopicPartition) => Promise<Watermarks>
  readonly openReader: () => Promise<PartitionReader>
}

/** What runs in a process, and the bug that it may have. */
export interface Program {
  readonly name: string
  readonly openWorker: (ports: RestorePorts) => BatchWorker
  readonly wrap: (ports: Ports, cluster: SimulatedCluster, group: SimulatedGroup) => Ports
  readonly wrapRestore: (ports: RestorePorts, cluster: SimulatedCluster) => RestorePorts
}

interface Place {
  readonly program: Program
  readonly slot: number
  readonly disk: SimulatedDisk
}

/** A stream task of the runtime, unchanged, with a broker in memory; it can be killed and frozen at any of its steps. */
export class SimulatedProcess {
  readonly program: Program
  readonly slot: number
  stopped: string | undefined
  readonly #cluster: SimulatedCluster
  readonly #group: SimulatedGroup
  readonly #disk: SimulatedDisk
  #mounted: (StateFiles & Disposable) | undefined
  #life = new AbortController()
  #consumer: SimulatedConsumer | undefined
  #producer: SimulatedProducer | undefined
  #isKilled = false
  #silentSince = 0
  #thaw: (() => void) | undefined
  #frozen: Promise<void> | undefined
  #thawAt = 0
  #restartAt = Infinity
  #now: number

  constructor(cluster: SimulatedCluster, group: SimulatedGroup, { program, slot, disk }: Place) {
    this.#cluster = cluster
    this.#disk = disk
    this.#group = group
    this.program = program
    this.slot = slot
    this.#now = cluster.turn
    this.#start()
  }

  /** Nothing of it happens any more; the broker notices when its session is over. */
  kill(restartAfter: number): void {
    if (this.#restartAt !== Infinity || this.#frozen !== undefined) return
    this.#isKilled = true
    this.#life.abort()
    this.#mounted?.[Symbol.dispose]()
    this.#silentSince = this.#cluster.turn
    this.#restartAt = this.#cluster.turn + restartAfter
  }

  freeze(turns: number): void {
    if (this.#restartAt !== Infinity || this.#frozen !== undefined) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#frozen = promise
    this.#thaw = () => {
      resolve(undefined)
    }
    this.#silentSince = this.#cluster.turn
    this.#thawAt = this.#cluster.turn + turns
  }

  failCommit(fault: 'abortable' | 'reply lost'): void {
    if (this.#producer !== undefined) this.#producer.nextFault = fault
  }

  /** Leaves its group in order. */
  async stop(): Promise<void> {
    this.#life.abort()
    await nextTurn()
    this.#mounted?.[Symbol.dispose]()
  }

  tick(): void {
    const { turn } = this.#cluster
    if (this.#isSilent && turn - this.#silentSince > SESSION_TIMEOUT && this.#isMember) this.#leave()
    if (this.#frozen !== undefined && turn >= this.#thawAt) {
      if (!this.#isMember) this.#consumer?.rejoin()
      this.#frozen = undefined
      this.#thaw?.()
    }
    if (turn >= this.#restartAt && !this.#isMember) this.#start()
  }

  get #isSilent(): boolean {
    return this.#isKilled || this.#frozen !== undefined
  }

  get #isMember(): boolean {
    return this.#consumer !== undefined && this.#group.has(this.#consumer)
  }

  #leave(): void {
    if (this.#consumer !== undefined) this.#group.leave(this.#consumer)
  }

  get isWhole(): boolean {
    return this.#restartAt === Infinity && this.#frozen === undefined
  }

  #start(): void {
    this.#restartAt = Infinity
    this.#isKilled = false
    this.#life = new AbortController()
    const life = this.#life
    this.#mounted = this.#disk.mount()
    this.#producer = new SimulatedProducer(this.#cluster, `${this.program.name}-${this.slot}`)
    this.#consumer = new SimulatedConsumer(this.#cluster, this.#group)
    this.#task(this.#producer, this.#consumer, this.#mounted)
      .run(life.signal)
      .catch((error: unknown) => {
        if (life === this.#life) this.#ended(error)
      })
  }

  #ended(error: unknown): void {
    if (this.#isKilled) return
    this.#frozen = undefined
    if (error instanceof SpoilerError && error.onError === 'exit') {
      this.kill(1)
      return
    }
    this.stopped = error instanceof Error ? error.message : String(error)
  }

  #task(producer: SimulatedProducer, consumer: SimulatedConsumer, states: StateFiles): StreamTask {
    const { name, wrap, wrapRestore, openWorker } = this.program
    const cluster = this.#cluster
    const openReader = (): Promise<PartitionReader> => Promise.resolve(cluster.openReader())
    const worker = openWorker(wrapRestore({ states, watermarks: cluster.watermarks, openReader }, cluster))
    const ports = wrap({ consumer, producer, worker, watermarks: cluster.watermarks }, cluster, this.#group)
    const alive = this.#aliveUntilKilled()
    const nowMs = (): number => (this.#now += 1)
    const caughtUp = (input: TopicPartition): boolean => consumer.atEnd.has(idOf(input))
    return new StreamTask({
      name,
      config: LIMITS,
      consumer: mortal(ports.consumer, ['committed', 'commit', 'seek', 'read'], alive),
      producer: mortal(ports.producer, ['begin', 'sendAll', 'sendOffsets', 'commit', 'abort'], alive),
      worker: mortal(ports.worker, ['restore', 'compute'], alive),
      watermarks: ports.watermarks,
      order: this.#group.inputs.length === 1 ? arrivalOrder() : new AppendTimeOrder({ caughtUp, nowMs, waitMs: 5 }),
      telemetry: taskTelemetry(new Telemetry(), name, silent),
      log: silent,
      nowMs,
      pause: () => nextTurn(),
    })
  }

  /** Resolves while the process lives, later while it is frozen, never once it was killed. */
  #aliveUntilKilled(): () => Promise<void> {
    const life = this.#life
    return async () => {
      await this.#frozen
      if (this.#isKilled || life !== this.#life) await new Promise(() => undefined)
    }
  }
}

/** Calls begin and end only while the process is alive. */
function mortal<T extends object>(port: T, names: readonly (keyof T & string)[], alive: () => Promise<void>): T {
  return new Proxy(port, {
    get: (target, property) => {
      const found: unknown = Reflect.get(target, property)
      if (typeof found !== 'function') return found
      const call = found.bind(target) as (...args: unknown[]) => unknown
      if (!names.includes(property as keyof T & string)) return call
      return async (...args: unknown[]) => {
        await alive()
        const result = await call(...args)
        await alive()
        return result
      }
    },
  })
}
