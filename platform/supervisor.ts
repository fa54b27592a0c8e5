import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { type ComponentMessage, STOP_EXIT_CODE } from './component.ts'

export interface ComponentSpec {
  readonly name: string
  /** Script and its arguments, run by this Node. */
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** True for what others shall not wait for: it gets the processor time that they leave. */
  readonly yields?: boolean
}

export type ComponentState = 'running' | 'restarting' | 'stopped' | 'finished'

export interface ComponentStatus {
  readonly name: string
  readonly state: ComponentState
  readonly pid: number | undefined
  /** Where it serves /metrics and /ready. */
  readonly url: string | undefined
  readonly restarts: number
  /** Why it ended last, in words. */
  readonly lastFailure: string | undefined
}

interface SupervisorOptions {
  readonly env: NodeJS.ProcessEnv
  readonly logDir: string
  readonly onChange?: (status: ComponentStatus) => void
}

const LEAST_BACKOFF_MS = 250
const MOST_BACKOFF_MS = 10_000
/** A component that ran this long starts with the least backoff again. */
const STEADY_MS = 30_000
const KILL_AFTER_MS = 20_000

/**
 * Keeps components running: one that exits is started anew with backoff, one that says that a person has to decide is
 * left stopped. Children end by themselves when the supervisor dies, since their IPC channel closes.
 */
export class Supervisor implements AsyncDisposable {
  readonly #components: SupervisedComponent[]

  constructor(specs: readonly ComponentSpec[], options: SupervisorOptions) {
    mkdirSync(options.logDir, { recursive: true })
    this.#components = specs.map((spec) => new SupervisedComponent(spec, options))
  }

  status(): ComponentStatus[] {
    return this.#components.map((component) => component.status())
  }

  /** Ends every component: each finishes its batch first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#components.map((component) => component.stop()))
  }
}

class SupervisedComponent {
  readonly #spec: ComponentSpec
  readonly #options: SupervisorOptions
  #child: ChildProcess
  #state: ComponentState = 'running'
  #url: string | undefined
  #restarts = 0
  #lastFailure: string | undefined
  /** True when the running child has said why it ends. */
  #told = false
  #backoffMs = LEAST_BACKOFF_MS
  #stopping = false
  #restartTimer: NodeJS.Timeout | undefined

  constructor(spec: ComponentSpec, options: SupervisorOptions) {
    this.#spec = spec
    this.#options = options
    this.#child = this.#start()
  }

  status(): ComponentStatus {
    const { name } = this.#spec
    const pid = this.#state === 'running' ? this.#child.pid : undefined
    return { name, state: this.#state, pid, url: this.#url, restarts: this.#restarts, lastFailure: this.#lastFailure }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restartTimer)
    const child = this.#child
    if (this.#state === 'restarting') this.#state = 'finished'
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    await once(child, 'exit')
    clearTimeout(timer)
  }

  #start(): ChildProcess {
    const { name, argv, env, yields = false } = this.#spec
    const log = openSync(join(this.#options.logDir, `${name}.log`), 'a')
    const startedMs = Date.now()
    // a group of its own: Ctrl-C reaches the supervisor only, which then ends its children in order
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
      env: { ...this.#options.env, UV_THREADPOOL_SIZE: '32', ...env },
    })
    closeSync(log) // the child has its own
    this.#told = false
    if (yields && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
    child.on('message', (message: ComponentMessage) => {
      if (message.kind === 'listening') this.#url = message.url
      else {
        this.#lastFailure = message.message
        this.#told = true
      }
      this.#changed()
    })
    child.on('exit', (code, signal) => {
      this.#ended(code, signal, Date.now() - startedMs)
    })
    this.#state = 'running'
    return child
  }

  #ended(code: number | null, signal: NodeJS.Signals | null, ranMs: number): void {
    this.#url = undefined
    if (this.#stopping || code === 0) this.#state = 'finished'
    else if (code === STOP_EXIT_CODE) this.#state = 'stopped'
    else {
      this.#state = 'restarting'
      if (!this.#told) this.#lastFailure = signal === null ? `exit code ${String(code)}` : `killed by ${signal}`
      if (ranMs >= STEADY_MS) this.#backoffMs = LEAST_BACKOFF_MS
      this.#restartTimer = setTimeout(() => {
        this.#restarts += 1
        this.#child = this.#start()
        this.#changed()
      }, this.#backoffMs)
      this.#backoffMs = Math.min(MOST_BACKOFF_MS, this.#backoffMs * 2)
    }
    this.#changed()
  }

  #changed(): void {
    this.#options.onChange?.(this.status())
  }
}
