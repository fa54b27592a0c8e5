import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdirSync, openSync, closeSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { identifyProcess, isRunning, type ProcessIdentity } from '../../platform/process-identity.ts'
import { pause } from '../../platform/retry.ts'
import type { TaskProgress } from '../../schemas/generated.ts'
import type { LaunchedTask, Launcher, TaskStatus } from './launcher.ts'

/**
 * Runs a command when it is told to, and writes down how it ended: its own end, and that of whoever started it, lose
 * nothing. Whoever starts it first records which process it is, and then says `go`; killed in between, it leaves a
 * shell that finds its input closed and ends. The trap lets it outlive an interrupt that ends the command.
 */
const SCRIPT = `
trap : INT TERM
read -r go || exit 0
"$@" </dev/null
echo $? >"$0.partial" && mv "$0.partial" "$0"
`
/** Below STATE_DIR. */
export const TASKS_FOLDER = 'tasks'
const RECORD = 'process.json'
const EXIT = 'exit'
const OUTPUT = 'output'
const LOG = 'log'
const TASK_ID = /^[a-z0-9][a-z0-9-]*$/
/** An interrupted task may finish so long; then it is killed. */
const INTERRUPT_MS = 10_000
const POLL_MS = 100
/** Exit codes from here on are those of signals, as shells write them. */
const SIGNALLED = 128
const SHOWN_LINES = 8

const Identity = z.object({ pid: z.number().int().positive(), startedAt: z.string(), program: z.string() })

interface LocalOptions {
  /** Gets a folder for each task. */
  readonly folder: string
  /** The program that the lines of tasks are arguments of, such as `node cli/main.ts`. */
  readonly program: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/**
 * Launches tasks as processes of this machine, in the processor time that others leave. A task is known by its folder:
 * the process that runs it (pid, start time and program), its output, its log, and its exit code once it has ended.
 */
export function localLauncher({ folder, program, env }: LocalOptions): Launcher {
  const folderOf = (taskId: string): string => {
    if (!TASK_ID.test(taskId)) throw new RangeError(`"${taskId}" is no id of a task`)
    return join(folder, taskId)
  }
  return {
    submit: (task) => submit(folderOf(task.taskId), { task, program, env }),
    status: (taskId) => Promise.resolve(statusOf(folderOf(taskId))),
    logs: (taskId) => Promise.resolve(read(join(folderOf(taskId), LOG)) ?? ''),
    cancel: (taskId) => interrupt(folderOf(taskId)),
    running: () => Promise.resolve(runningIn(folder)),
  }
}

/** Ends every task of the folder, to be launched again by the next control. @returns their ids. */
export async function interruptTasks(folder: string): Promise<string[]> {
  const running = runningIn(folder)
  await Promise.all(running.map((taskId) => interrupt(join(folder, taskId))))
  return running
}

interface Submission extends Pick<LocalOptions, 'program' | 'env'> {
  readonly task: LaunchedTask
}

async function submit(folder: string, { task, program, env }: Submission): Promise<void> {
  mkdirSync(folder, { recursive: true })
  if (recordIn(folder) !== undefined) return
  const [output, log] = [OUTPUT, LOG].map((file) => openSync(join(folder, file), 'a')) as [number, number]
  const command = ['-c', SCRIPT, join(folder, EXIT), ...program, ...task.line]
  // a group of its own: what interrupts us does not interrupt it
  const child = spawn('sh', command, { env, detached: true, stdio: ['pipe', output, log] })
  if (child.stdin === null) throw new RangeError('a pipe was asked for')
  child.stdin.on('error', () => undefined) // it may be gone already: then its status says so
  const spawned = once(child, 'spawn')
  for (const file of [output, log]) closeSync(file) // the child has its own
  await spawned
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid)
  if (identity === undefined) throw new RangeError(`the process of ${task.taskId} is gone before it began`)
  setPriority(identity.pid, constants.priority.PRIORITY_LOW)
  child.stdin.end(tryRecord(folder, identity) ? 'go\n' : '')
  child.unref()
}

/** Of several that try one succeeds; what appears under the name is whole from the first moment. */
function tryRecord(folder: string, identity: ProcessIdentity): boolean {
  const mine = join(folder, `${RECORD}.${identity.pid}`)
  writeFileSync(mine, JSON.stringify(identity))
  try {
    linkSync(mine, join(folder, RECORD))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(mine)
  }
}

function statusOf(folder: string): TaskStatus {
  const record = recordIn(folder)
  if (record === undefined) return { kind: 'unknown' }
  const runs = isRunning(record) // before the exit code is looked for: it may end in between
  const exit = read(join(folder, EXIT))
  if (exit === undefined) return runs ? { kind: 'running', progress: progressOf(folder) } : lost('its process is gone')
  const code = Number(exit)
  if (code === 0) return { kind: 'succeeded', stdout: read(join(folder, OUTPUT)) ?? '' }
  if (code >= SIGNALLED) return lost(`it was interrupted or killed: exit code ${code}`)
  const message = failureIn(folder)
  return /^SPL_\w+_UNAVAILABLE:/.test(message) ? lost(message) : { kind: 'failed', message }
}

function lost(message: string): TaskStatus {
  return { kind: 'lost', message }
}

/** The failure that the command ended with, which begins with its code; else its last lines. */
function failureIn(folder: string): string {
  const lines = (read(join(folder, LOG)) ?? '').trimEnd().split('\n')
  const begins = lines.findLastIndex((line) => /^SPL_\w+:/.test(line))
  return lines.slice(begins === -1 ? -SHOWN_LINES : begins).join('\n')
}

/** From the newest line of its log that says how far it is. */
function progressOf(folder: string): TaskProgress | null {
  const lines = (read(join(folder, LOG)) ?? '').split('\n')
  const pattern = /^(.+): ([\d,]+) of ([\d,]+)/
  const [, step, done = '', total = ''] = pattern.exec(lines.findLast((line) => pattern.test(line)) ?? '') ?? []
  const count = (text: string): number => Number(text.replaceAll(',', ''))
  return step === undefined ? null : { step, done: count(done), total: count(total) }
}

async function interrupt(folder: string): Promise<void> {
  const record = recordIn(folder)
  if (record === undefined) return
  const killAtMs = performance.now() + INTERRUPT_MS
  if (isRunning(record)) signalGroup(record.pid, 'SIGINT')
  while (isRunning(record)) {
    if (performance.now() > killAtMs) signalGroup(record.pid, 'SIGKILL')
    await pause(POLL_MS, new AbortController().signal)
  }
}

/** The shell leads a group of its own, to which the command and what that starts belong. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function runningIn(folder: string): string[] {
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder).filter((taskId) => statusOf(join(folder, taskId)).kind === 'running')
}

function recordIn(folder: string): ProcessIdentity | undefined {
  const text = read(join(folder, RECORD))
  return text === undefined ? undefined : Identity.parse(JSON.parse(text))
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
