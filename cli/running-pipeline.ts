import { join } from 'node:path'
import type { Config } from '../platform/config.ts'
import { pause } from '../platform/retry.ts'
import { type ComponentSpec, type ComponentStatus, Supervisor } from '../platform/supervisor.ts'
import { askComponent } from './component-metrics.ts'
import { CONTROL, OFFLINE_STORE, PIPELINE } from './pipeline.ts'
import { ComponentsFile } from './running-components.ts'
import { oneLine } from './text.ts'

const READY_WITHIN_MS = 60_000
const POLL_MS = 100

/** The components of the pipeline, and the world that feeds it, as processes of this one. */
export class RunningPipeline implements AsyncDisposable {
  readonly #config: Config
  readonly #env: NodeJS.ProcessEnv
  readonly #file: ComponentsFile
  readonly #components: Supervisor
  #background: Supervisor | undefined
  #world: Supervisor | undefined

  /** @param env Environment of the components, the addresses of the stack among it. */
  constructor(config: Config, env: NodeJS.ProcessEnv) {
    this.#config = config
    this.#env = env
    this.#file = new ComponentsFile(config.STATE_DIR)
    this.#components = this.#supervise(withMetricsPorts(PIPELINE, config, 0))
    this.#write()
  }

  get logDir(): string {
    return join(this.#config.STATE_DIR, 'logs')
  }

  status(): ComponentStatus[] {
    return [this.#components, this.#background, this.#world].flatMap((supervisor) => supervisor?.status() ?? [])
  }

  /**
   * What no review waits for: control and, unless the environment says nothing of an object store, the offline store.
   *
   * @param settings Of control.
   */
  startBackground(settings: Readonly<Record<string, string>>): void {
    const specs = [{ ...CONTROL, env: settings }, ...(this.#env['S3_ENDPOINT'] === undefined ? [] : [OFFLINE_STORE])]
    this.#background = this.#supervise(withMetricsPorts(specs, this.#config, PIPELINE.length))
    this.#write()
  }

  /** Instead of the one that was started before. */
  async startWorld(world: ComponentSpec): Promise<void> {
    await this.stopWorld()
    this.#world = this.#supervise([world])
    this.#write()
  }

  /** Whether the world publishes no more: it has published all that it was started for, or has failed. */
  get worldHasEnded(): boolean {
    return this.#world?.status().every(({ state }) => state === 'finished' || state === 'stopped') ?? false
  }

  /** Ends the world: what it has queued is acknowledged and written down first. */
  async stopWorld(): Promise<void> {
    await this.#world?.[Symbol.asyncDispose]()
  }

  /** Resolves when all components are ready, or with the reason why it did not wait any longer. */
  async ready(signal: AbortSignal): Promise<string | undefined> {
    const lateMs = performance.now() + READY_WITHIN_MS
    let reason = 'interrupted'
    while (!signal.aborted) {
      const status = this.#components.status()
      const [stopped] = stoppedOnes(status)
      if (stopped !== undefined) return stopped
      const reports = await Promise.all(status.map(({ url }) => askComponent(url)))
      if (reports.every(({ ready }) => ready)) return undefined
      reason = reports.flatMap(({ unready }) => Object.values(unready))[0] ?? 'not ready'
      if (performance.now() > lateMs) return `not ready yet: ${oneLine(reason)}`
      await pause(POLL_MS, signal)
    }
    return reason
  }

  /** Ends all: each component finishes its batch. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopWorld()
    await Promise.all([this.#components[Symbol.asyncDispose](), this.#background?.[Symbol.asyncDispose]()])
    this.#file[Symbol.dispose]()
  }

  #supervise(specs: readonly ComponentSpec[]): Supervisor {
    const onChange = (): void => {
      this.#write()
    }
    return new Supervisor(specs, { env: this.#env, logDir: this.logDir, onChange })
  }

  #write(): void {
    this.#file.write(this.status())
  }
}

/** What a person has to look at, a sentence each. */
export function stoppedOnes(components: readonly ComponentStatus[]): string[] {
  return components
    .filter(({ state }) => state === 'stopped')
    .map(({ name, lastFailure }) => `${name} stopped: ${oneLine(lastFailure ?? 'see its log')}`)
}

/** A configured port is the first component's; the others follow it. */
function withMetricsPorts(
  specs: readonly ComponentSpec[],
  { METRICS_PORT: port }: Config,
  first: number,
): ComponentSpec[] {
  if (port === 0) return [...specs]
  return specs.map((spec, i) => ({ ...spec, env: { ...spec.env, METRICS_PORT: String(port + first + i) } }))
}
