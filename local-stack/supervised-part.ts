import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { forgetChild, recordChild, signalGroup } from './run-records.ts'

export type StackPart = 'kafka' | 'registry' | 'redis' | 's3'

export type PartState = 'starting' | 'ready' | 'exited' | 'failed' | 'stopping' | 'stopped'
export interface PartProgress {
  readonly part: StackPart
  readonly state: PartState
  readonly detail?: string
}

/** What is run, and how it is known to work. */
export interface PartProgram {
  /** The program itself, no wrapper that becomes it: its path is recorded, and tells it from another later on. */
  readonly command: string
  readonly args: readonly string[]
  /** Its whole environment; this process's own by default. */
  readonly env?: Readonly<Record<string, string>>
  /** One real request. @param log What the program has written since it started. */
  readonly answers: (log: string) => Promise<boolean>
  /** Puts right what the last run may have left, once it answers; aborted when it ends. @returns What was done. */
  readonly settle?: (signal: AbortSignal) => Promise<string | undefined>
  readonly readyWithinMs: number
  readonly stopWithinMs: number
}

interface PartSettings {
  readonly part: StackPart
  readonly logFile: string
  readonly runFolder: string
  /** Brings what the program needs, before each start. Aborted when the part shall be down after all. */
  readonly bring?: (signal: AbortSignal) => Promise<void>
  /** Called before each start, so that a start sees what the last one left. */
  readonly program: () => PartProgram
  readonly onProgress: (progress: PartProgress) => void
}

interface Running {
  readonly pid: number
  readonly exited: Promise<string>
  readonly ended: AbortSignal
  hasExited: boolean
}

const POLL_MS = 40
const SHOWN_LINES = 15
const FIRST_BACKOFF_MS = 500
const LAST_BACKOFF_MS = 30_000
/** Who ran that long has recovered: the next exit begins with the first backoff again. */
const RECOVERED_MS = 60_000

/** One child process that is kept running until it is told to stop. Backoff: 0.5 s, doubling up to 30 s. */
export class SupervisedPart {
  readonly #settings: PartSettings
  #running: Running | undefined
  #latest: Promise<void> = Promise.resolve()
  /** Aborted by stop and kill; a new one for each start. Undefined: the part shall be down. */
  #wanted: AbortController | undefined

  constructor(settings: PartSettings) {
    this.#settings = settings
    const { logFile } = settings
    if (existsSync(logFile)) renameSync(logFile, logFile.replace(/\.log$/, '.previous.log'))
  }

  /** Undefined while it is down. */
  get pid(): number | undefined {
    return this.#running?.hasExited === false ? this.#running.pid : undefined
  }

  /** @returns Settles with the newest start: when the part answers, or SPL_STACK_FAILED. */
  ready(): Promise<void> {
    return this.#latest
  }

  /**
   * Starts it and supervises it from then on.
   *
   * @param keepTrying Whether a first start that fails is tried again in the background.
   * @throws SpoilerError SPL_STACK_FAILED with the last lines of its log.
   */
  async start({ keepTrying = false } = {}): Promise<void> {
    if (this.#wanted !== undefined) return this.#latest
    const wanted = new AbortController()
    this.#wanted = wanted
    try {
      await this.#launch()
      void this.#supervise(wanted.signal)
    } catch (error) {
      const canBeTriedAgain = keepTrying && !(error instanceof SpoilerError && error.code === 'SPL_SETUP_FAILED')
      if (canBeTriedAgain) void this.#supervise(wanted.signal)
      else this.#wanted = undefined
      throw error
    }
  }

  /** Asks it to end, insists after its deadline, and leaves it down. */
  async stop(): Promise<void> {
    this.#release()
    const running = this.#running
    if (running === undefined || running.hasExited) return
    this.#report('stopping')
    signalGroup(running.pid, 'SIGTERM')
    const insist = new AbortController()
    await Promise.race([running.exited, delay(this.#settings.program().stopWithinMs, undefined, insist)])
    insist.abort()
    if (this.pid !== undefined) signalGroup(running.pid, 'SIGKILL')
    await running.exited
    this.#report('stopped')
  }

  /** Ends it with SIGKILL and leaves it down, as an outage would. */
  async kill(): Promise<void> {
    this.#release()
    if (this.#running === undefined || this.#running.hasExited) return
    signalGroup(this.#running.pid, 'SIGKILL')
    await this.#running.exited
    this.#report('stopped', 'killed')
  }

  /** For the last moment of the owner, when nothing can be awaited any more. */
  signalNow(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalGroup(this.pid, signal)
  }

  #release(): void {
    this.#wanted?.abort()
    this.#wanted = undefined
  }

  #report(state: PartState, detail?: string): void {
    this.#settings.onProgress({ part: this.#settings.part, state, ...(detail === undefined ? {} : { detail }) })
  }

  #launch(): Promise<void> {
    this.#latest = this.#startOnce()
    this.#latest.catch(() => undefined) // reported by start; ready() may never be asked
    return this.#latest
  }

  async #startOnce(): Promise<void> {
    const startMs = performance.now()
    this.#report('starting')
    await this.#bring()
    const program = this.#settings.program()
    const logStart = existsSync(this.#settings.logFile) ? statSync(this.#settings.logFile).size : 0
    const running = this.#spawn(program)
    const spawnedMs = performance.now()
    while (!(await program.answers(this.#logSince(logStart)))) {
      const late = performance.now() - spawnedMs > program.readyWithinMs
      if (!running.hasExited && !late) {
        await Promise.race([running.exited, delay(POLL_MS)])
        continue
      }
      if (late) signalGroup(running.pid, 'SIGKILL')
      throw this.#failure(late ? `it did not answer within ${program.readyWithinMs / 1000} s` : await running.exited)
    }
    const settled = await program.settle?.(running.ended)
    const took = `${((performance.now() - startMs) / 1000).toFixed(1)} s`
    this.#report('ready', settled === undefined ? took : `${took}; ${settled}`)
  }

  async #bring(): Promise<void> {
    const signal = this.#wanted?.signal ?? AbortSignal.abort()
    try {
      await this.#settings.bring?.(signal)
    } catch (error) {
      if (!signal.aborted) this.#report('failed', (error as Error).message)
      throw error
    }
    signal.throwIfAborted()
  }

  /** Its own process group: a terminal's Ctrl-C reaches the owner only, which then ends the parts in order. */
  #spawn({ command, args, env }: PartProgram): Running {
    const { part, logFile, runFolder } = this.#settings
    const log = openSync(logFile, 'a')
    const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], ...(env && { env }) })
    closeSync(log)
    const end = new AbortController()
    const exited = exitOf(child)
    const running = { pid: child.pid ?? 0, exited, ended: end.signal, hasExited: child.pid === undefined }
    void exited.then(() => {
      running.hasExited = true
      end.abort()
      forgetChild(runFolder, part)
    })
    if (child.pid !== undefined) recordChild(runFolder, part, child.pid)
    this.#running = running
    return running
  }

  async #supervise(stopped: AbortSignal): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS
    while (!stopped.aborted) {
      const sinceMs = performance.now()
      const how = (await this.#running?.exited) ?? 'it was not started'
      if (isAborted(stopped)) return
      if (performance.now() - sinceMs > RECOVERED_MS) backoffMs = FIRST_BACKOFF_MS
      this.#report('exited', `${how}; starting again in ${backoffMs / 1000} s`)
      await delay(backoffMs, undefined, { signal: stopped }).catch(() => undefined)
      if (isAborted(stopped)) return
      backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS)
      await this.#launch().catch(() => undefined) // reported; the next turn sees the exit
    }
  }

  #logSince(offset: number): string {
    return readFileSync(this.#settings.logFile).subarray(offset).toString('utf8')
  }

  #failure(reason: string): SpoilerError {
    const { part, logFile } = this.#settings
    const lines = this.#logSince(0).trimEnd().split('\n').slice(-SHOWN_LINES)
    const wasStopped = this.#wanted === undefined
    if (!wasStopped) this.#report('failed', reason)
    const shown = [`starting ${part}: ${reason}`, ...lines.map((line) => `  | ${line}`), `Whole log: ${logFile}`]
    return new SpoilerError('SPL_STACK_FAILED', shown.join('\n'), { onError: 'stop', context: { part, logFile } })
  }
}

/** A call, since the compiler takes a property that was false once to be false ever after. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

/** @returns How it ended, in words. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it cannot be run: ${error.message}`))
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `it ended with exit code ${code ?? ''}` : `it was ended by ${signal}`),
    )
  })
}
