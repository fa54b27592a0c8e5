import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'

const ROOT = join(import.meta.dirname, '..')
const SETUP = join(ROOT, 'scripts/setup.mjs')
/** Written by scripts/setup/record.mjs. */
const RECORD = join(ROOT, 'node_modules/.spoiler-shield/setup.json')
const Record = z.object({ trainers: z.object({ pythonPath: z.string() }) })
const SHOWN_LINES = 15

/**
 * The folder of the Python packages that models are fitted with. Set-up brings them where they are not there yet, from
 * the hash-locked list, once per user; it does nothing when they are.
 *
 * @param onLine Gets what set-up says: it may take a minute.
 * @throws SpoilerError SPL_SETUP_FAILED with its last lines; AbortError when the signal aborted it.
 */
export async function bringPythonPackages(signal: AbortSignal, onLine: (line: string) => void): Promise<string> {
  const setup = spawn(process.execPath, [SETUP, '--only', 'trainers'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // its own group, pip included
  })
  const end = (): void => {
    if (setup.pid !== undefined && setup.exitCode === null) process.kill(-setup.pid, 'SIGTERM')
  }
  signal.addEventListener('abort', end, { once: true })
  const lines: string[] = []
  for (const stream of [setup.stdout, setup.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      onLine(line.replace(/^\[setup\] /, ''))
    })
  }
  try {
    await once(setup, 'close')
  } finally {
    signal.removeEventListener('abort', end)
  }
  signal.throwIfAborted()
  if (setup.exitCode === 0) return recordedPath()
  const doing = ['bringing the Python packages for training', ...lines.slice(-SHOWN_LINES)].join('\n')
  throw new SpoilerError('SPL_SETUP_FAILED', doing, { onError: 'stop' })
}

function recordedPath(): string {
  const record: unknown = existsSync(RECORD) ? JSON.parse(readFileSync(RECORD, 'utf8')) : {}
  const { trainers } = Record.parse(record)
  return trainers.pythonPath
}
