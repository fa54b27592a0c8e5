import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { signalGroup } from './run-records.ts'
import { findS3Server } from './tools.ts'

const SETUP = join(import.meta.dirname, '../scripts/setup.mjs')
const SHOWN_LINES = 15

/**
 * The S3 server, built by set-up where it is not there yet: minutes of computing, once per user, which nothing else has
 * to wait for and which get only what the others leave of the processor.
 *
 * @param logFile Gets the lines of set-up.
 * @throws SpoilerError SPL_SETUP_FAILED with its last lines; also when the signal aborted it.
 */
export async function bringS3Server(logFile: string, signal: AbortSignal): Promise<string> {
  const present = findS3Server()
  if (present !== undefined) return present
  const log = openSync(logFile, 'w')
  const setup = spawn(process.execPath, [SETUP, '--only', 's3'], { stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  const exited = once(setup, 'exit')
  const { pid } = setup
  if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW)
  // its own group, the compiler included
  const end = (): void => {
    if (pid !== undefined) signalGroup(pid, 'SIGTERM')
  }
  signal.addEventListener('abort', end, { once: true })
  process.once('exit', end)
  await exited
  signal.removeEventListener('abort', end)
  process.off('exit', end)
  const built = findS3Server()
  if (built !== undefined) return built
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES)
  throw new SpoilerError('SPL_SETUP_FAILED', `building the S3 server\n${lines.join('\n')}`, { onError: 'stop' })
}
