import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const MAIN = join(import.meta.dirname, 'main.ts')
/** Ends a child that does not end by itself so long after it was asked to. */
const KILL_AFTER_MS = 10_000

export interface ChildCommand {
  readonly line: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  /** Its stderr is kept there, after what stands there already. */
  readonly logFile: string
  /** Each line of its stderr: progress, and in the end what failed. */
  readonly onLine: (line: string) => void
}

/**
 * Runs `shield …` in a process of its own that gets the processor time that others leave. An abort interrupts it as
 * Ctrl-C does.
 *
 * @returns Its exit code and its output.
 */
export async function runChildCommand({
  line,
  env,
  signal,
  logFile,
  onLine,
}: ChildCommand): Promise<{ exitCode: number | null; stdout: string }> {
  const child = spawn(process.execPath, [MAIN, ...line], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.pipe(createWriteStream(logFile, { flags: 'a' }))
  createInterface(child.stderr).on('line', onLine)
  const interrupt = (): void => {
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref()
  }
  signal.addEventListener('abort', interrupt, { once: true })
  if (signal.aborted) interrupt()
  try {
    await once(child, 'close')
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
  return { exitCode: child.exitCode, stdout }
}
