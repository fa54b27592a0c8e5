import type { ComponentSpec, ComponentStatus, Supervisor } from '../../platform/supervisor.ts'
import {
  COMPONENTS,
  metricOf,
  OFFLINE_STORE,
  type Pipeline,
  startPipeline,
  statusOf,
  unready,
  until,
} from '../support/pipeline.ts'
import { BrokerCluster, NODES } from '../support/broker-cluster.ts'
import { openS3Proxy, type S3Proxy } from '../support/s3-proxy.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { type Brokers, PROCESSES, type ProcessName } from './plan.ts'

const FOLD_TASKS = ['intake', 'user-history', 'movie-context'] as const
/** Topics that a group reads: with the group of each task, all that is consumed. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  intake: ['reviews', 'review-labels', 'movies'],
  'user-history': ['user-activity'],
  'movie-context': ['movie-activity'],
  scorer: ['review-features'],
  'redis-online-store': ['user-features', 'movie-features', 'movie-plots'],
  's3-offline-store': [
    'reviews',
    'review-labels',
    'movies',
    'user-activity',
    'movie-activity',
    'review-features',
    'spoiler-scores',
  ],
}
/** Short, so that a step that hangs shows within a fault; and files of seconds, so that chains have many links. */
const SETTINGS = { STEP_DEADLINE_MS: '5000', OFFLINE_FILE_MS: '4000' }

/** A process of a run: which program, and in which slot. */
interface Slot {
  readonly program: ComponentSpec
  readonly instance: string
  readonly tasks: readonly string[]
}

function slotOf(name: ProcessName): Slot {
  const [program, instance = '0'] = name === 's3-offline-store' ? [name] : (name.split('-') as [string, string?])
  const found = [...COMPONENTS, OFFLINE_STORE].find((component) => component.name === program)
  if (found === undefined) throw new RangeError(`no component ${program}`)
  const tasks = { folds: FOLD_TASKS, scorer: ['scorer'], sinks: ['redis-online-store'] }[program] ?? [program]
  return { program: found, instance, tasks }
}

/** One more process beside those of the run. */
export interface ExtraProcess extends AsyncDisposable {
  readonly status: () => ComponentStatus
  readonly partitions: () => Promise<number>
}

/** The whole pipeline in processes of its own, with a proxy in front of Redis, S3 and the registry. */
export class FaultySystem implements AsyncDisposable {
  readonly pipeline: Pipeline
  readonly redis: TcpProxy
  readonly registry: TcpProxy
  readonly s3: S3Proxy
  /** Who publishes to it from outside: nobody at first. */
  publishers = { pause: (): Promise<void> => Promise.resolve(), resume: (): void => undefined }
  readonly #cluster: BrokerCluster | undefined
  readonly #owned: AsyncDisposableStack
  readonly #running = new Map<ProcessName, Supervisor>()

  private constructor(
    pipeline: Pipeline,
    { cluster, ...proxies }: Pick<FaultySystem, 'redis' | 'registry' | 's3'> & { cluster: BrokerCluster | undefined },
    owned: AsyncDisposableStack,
  ) {
    this.#cluster = cluster
    this.pipeline = pipeline
    this.redis = proxies.redis
    this.registry = proxies.registry
    this.s3 = proxies.s3
    this.#owned = owned
  }

  static async start(brokers: Brokers): Promise<FaultySystem> {
    await using opening = new AsyncDisposableStack()
    const cluster = brokers === 1 ? undefined : opening.use(await BrokerCluster.start())
    const pipeline = opening.use(await startPipelineOn(cluster))
    await pipeline.stack.ready('s3')
    const { ports } = pipeline.stack
    const redis = opening.use(await openTcpProxy(ports.redis))
    const registry = opening.use(await openTcpProxy(ports.registry))
    const s3 = opening.use(await openS3Proxy(ports.s3))
    const system = new FaultySystem(pipeline, { cluster, redis, registry, s3 }, opening.move())
    system.startAll()
    return system
  }

  /** @throws RangeError when there is one broker. */
  get cluster(): BrokerCluster {
    if (this.#cluster === undefined) throw new RangeError('there is only one broker')
    return this.#cluster
  }

  startAll(): void {
    for (const name of PROCESSES) this.#start(name)
  }

  /** Ends all processes cleanly, in the middle of their work. */
  async end(): Promise<void> {
    await Promise.all([...this.#running.values()].map((supervisor) => supervisor[Symbol.asyncDispose]()))
  }

  /** Ends a process cleanly, in the middle of its work, and starts it anew. */
  async restart(name: ProcessName): Promise<void> {
    await this.#supervisorOf(name)[Symbol.asyncDispose]()
    this.#start(name)
    await this.untilWorking(name)
  }

  /** The process id, once it runs. */
  async pid(name: ProcessName): Promise<number> {
    await until(`${name} runs`, () => this.status(name).pid !== undefined)
    return this.status(name).pid as number
  }

  status(name: ProcessName): ComponentStatus {
    return statusOf(this.#supervisorOf(name), name)
  }

  statuses(): ComponentStatus[] {
    return PROCESSES.map((name) => this.status(name))
  }

  /** Partitions that are assigned to the tasks of a process. */
  partitions(name: ProcessName): Promise<number> {
    return partitionsOf(this.#supervisorOf(name), name, slotOf(name).tasks)
  }

  async untilWorking(name: ProcessName): Promise<void> {
    await until(`${name} has partitions`, async () => (await this.partitions(name)) > 0)
  }

  /** True when no other instance has any partition of what the process reads. */
  async hasAll(name: ProcessName): Promise<boolean> {
    const topics = slotOf(name).tasks.flatMap((task) => GROUPS[task] ?? [])
    return (await this.partitions(name)) === topics.length * this.pipeline.config.TOPIC_PARTITIONS
  }

  /** Records that the tasks of a process have processed since it started. */
  async processed(name: ProcessName): Promise<number> {
    const counts = slotOf(name).tasks.map((component) =>
      metricOf(this.#supervisorOf(name), name, 'spoiler_records_in_total', { component }),
    )
    return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0)
  }

  /** Why the tasks of a process are not ready, in one text. */
  async complaint(name: ProcessName): Promise<string> {
    return Object.values((await unready(this.#supervisorOf(name), name)) ?? {}).join(' ')
  }

  /** Starts the program of a process once more: under a slot of its own, or as a twin that claims the same. */
  startExtra(name: ProcessName, identity: 'third' | 'twin'): ExtraProcess {
    const { instance, tasks } = slotOf(name)
    const extra = `${name}-${identity}`
    const supervisor = this.#supervise(extra, name, identity === 'twin' ? instance : '2')
    return {
      status: () => statusOf(supervisor, extra),
      partitions: () => partitionsOf(supervisor, extra, tasks),
      [Symbol.asyncDispose]: () => supervisor[Symbol.asyncDispose](),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    await this.#owned.disposeAsync()
  }

  #start(name: ProcessName): void {
    this.#running.set(name, this.#supervise(name, name, slotOf(name).instance))
  }

  #supervise(as: string, name: ProcessName, INSTANCE: string): Supervisor {
    const addresses = {
      REDIS_URL: `redis://127.0.0.1:${this.redis.port}`,
      SCHEMA_REGISTRY_URL: `http://127.0.0.1:${this.registry.port}/apis/ccompat/v7`,
      S3_ENDPOINT: this.s3.url,
    }
    return this.pipeline.supervise([{ ...slotOf(name).program, name: as, env: { INSTANCE } }], addresses)
  }

  #supervisorOf(name: ProcessName): Supervisor {
    const found = this.#running.get(name)
    if (found === undefined) throw new RangeError(`${name} was not started`)
    return found
  }
}

function startPipelineOn(cluster: BrokerCluster | undefined): Promise<Pipeline> {
  if (cluster === undefined) return startPipeline(['kafka', 'registry', 'redis', 's3'], SETTINGS)
  const settings = { ...SETTINGS, KAFKA_BROKERS: cluster.addresses, TOPIC_REPLICATION: String(NODES.length) }
  return startPipeline(['registry', 'redis', 's3'], settings)
}

async function partitionsOf(supervisor: Supervisor, name: string, tasks: readonly string[]): Promise<number> {
  const counts = tasks.map((component) => metricOf(supervisor, name, 'spoiler_assigned_partitions', { component }))
  return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0)
}
