import { pino, type Logger } from 'pino'
import { type Config, loadConfig } from './config.ts'
import { pause, whileDependencyIsDown } from './retry.ts'
import { openStatusServer } from './status-server.ts'
import { SpoilerError } from './spoiler-error.ts'
import { Telemetry } from './telemetry.ts'

/** Exit code of a component that a person has to look at: its supervisor does not start it again. */
export const STOP_EXIT_CODE = 3
const RESTART_EXIT_CODE = 1

/** What a component tells its supervisor over the IPC channel. */
export type ComponentMessage =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'stopping'; readonly code: string; readonly message: string }

export interface ComponentContext {
  readonly name: string
  readonly config: Config
  readonly log: Logger
  readonly telemetry: Telemetry
  /** Aborts when the component shall finish its batch and end. */
  readonly signal: AbortSignal
  /** Ends the process at once, without closing anything. */
  readonly fail: (error: unknown) => never
}

interface ComponentHost {
  readonly name: string
  readonly process: NodeJS.Process
  readonly env: NodeJS.ProcessEnv
}

/**
 * Runs a component in its own process: configuration, log, metrics and readiness, signals, and an end that tells the
 * supervisor what to do: exit code 3 when a person has to decide, a SIGKILL of its own when a new process can go on,
 * since nothing less ends a process whose native client hangs. Returns when the body has finished.
 */
export async function runComponent(
  { name, process, env }: ComponentHost,
  body: (context: ComponentContext) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController()
  const stop = (): void => {
    stopping.abort()
  }
  // without its supervisor nobody would restart or stop it
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.on(event, stop)
  const log = pino({ name, level: 'info' }, pino.destination({ dest: 1, sync: true }))
  const tell = (message: ComponentMessage): void => {
    if (process.connected) process.send?.(message)
  }
  const fail = (error: unknown): never => {
    log.fatal({ err: error }, 'the component ends')
    const code = error instanceof SpoilerError ? error.code : 'unknown'
    tell({ kind: 'stopping', code, message: error instanceof Error ? error.message : String(error) })
    if (error instanceof SpoilerError && error.onError === 'stop') return process.exit(STOP_EXIT_CODE)
    // an exit waits for the thread pool, and with it for the native call that never comes back
    process.kill(process.pid, 'SIGKILL')
    return process.exit(RESTART_EXIT_CODE)
  }
  process.on('uncaughtException', fail)
  try {
    const config = loadConfig(env)
    log.level = config.LOG_LEVEL
    endWithin(config.SHUTDOWN_DEADLINE_MS, { process, log, signal: stopping.signal })
    const telemetry = new Telemetry()
    await using server = await openStatusServer(telemetry, config.HTTP_HOST, config.METRICS_PORT)
    tell({ kind: 'listening', url: server.url })
    log.info({ url: server.url }, 'started')
    await body({ name, config, log, telemetry, signal: stopping.signal, fail })
    log.info('finished')
  } catch (error) {
    fail(error)
  }
  if (process.connected) process.disconnect()
}

/** A broker that is gone can hold the end of a batch or of a client for ever, and with it a process that nobody watches. */
function endWithin(
  deadlineMs: number,
  { process, log, signal }: Pick<ComponentContext, 'log' | 'signal'> & Pick<ComponentHost, 'process'>,
): void {
  const end = (): void => {
    log.fatal({ deadlineMs }, 'the component did not finish in time, and ends')
    process.kill(process.pid, 'SIGKILL')
  }
  signal.addEventListener('abort', () => setTimeout(end, deadlineMs).unref(), { once: true })
}

/**
 * Runs work between opening native clients and closing them. When it fails nothing is closed: that may hang as long as
 * the call that failed. Only a failure that waits for a person leaves in order, so that the group knows at once.
 */
export async function failingAtOnce(
  { fail }: Pick<ComponentContext, 'fail'>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof SpoilerError && error.onError === 'stop') throw error
    fail(error)
  }
}

/** Waits for a dependency on behalf of a whole component. Undefined when the signal aborted first. */
export function whenAvailable<T>(
  { name, telemetry, log, signal }: ComponentContext,
  work: () => Promise<T>,
): Promise<T | undefined> {
  return whileDependencyIsDown(work, {
    signal,
    pause,
    onUp: () => {
      telemetry.setReady(name)
    },
    onDown: (error) => {
      telemetry.setUnready(name, error.message)
      log.warn({ err: error }, 'a dependency is down; waiting for it')
    },
  })
}
