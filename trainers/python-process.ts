import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { SpoilerError } from '../platform/spoiler-error.ts'

const FOLDER = join(import.meta.dirname, 'python')
const SHOWN_LINES = 15
/** Sums in one order, whatever the machine has: a fit is reproducible, and leaves the other cores to who serves. */
const ONE_THREAD = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }

export interface PythonRun {
  /** A file of trainers/python. */
  readonly script: string
  readonly args: readonly string[]
  /** Folder of the packages. */
  readonly packages: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  /** Gets the lines that it writes to stdout. */
  readonly onLine: (line: string) => void
}

/**
 * Runs a fit in a process of its own.
 *
 * @throws SpoilerError SPL_FIT_FAILED with its last lines; AbortError when the signal ended it.
 */
export async function runPython({ script, args, packages, env, signal, onLine }: PythonRun): Promise<void> {
  // Without PYTHONDONTWRITEBYTECODE: every start would compile the packages anew, which takes seconds.
  const { PYTHONDONTWRITEBYTECODE: _, ...kept } = env
  const child = spawn('python3', ['-s', join(FOLDER, script), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'], // its stdin stays open as long as we are there
    env: { ...kept, ...ONE_THREAD, PYTHONPATH: packages, PYTHONHASHSEED: '0' },
  })
  const end = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', end, { once: true })
  const errors: string[] = []
  createInterface({ input: child.stdout }).on('line', onLine)
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line)
    if (errors.length > SHOWN_LINES) errors.shift()
  })
  try {
    await once(child, 'close')
  } catch (cause) {
    throw failed(script, [], cause)
  } finally {
    signal.removeEventListener('abort', end)
  }
  signal.throwIfAborted()
  if (child.exitCode !== 0) throw failed(script, errors)
}

function failed(script: string, lines: readonly string[], cause?: unknown): SpoilerError {
  return new SpoilerError('SPL_FIT_FAILED', [`running ${script}`, ...lines].join('\n'), { onError: 'stop', cause })
}
