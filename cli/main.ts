// The command `shield`.
import process from 'node:process'
import { loadConfig } from '../platform/config.ts'
import type { CliContext } from './context.ts'
import { describeFailure, INTERRUPTED_EXIT_CODE } from './failure.ts'
import { shieldProgram } from './program.ts'

/** By then everything is closed: a client that somebody forgot must not keep us. */
const EXIT_WITHIN_MS = 3000
/** npm passes on the Ctrl-C that the terminal has sent us already: both are one. */
const SAME_INTERRUPT_MS = 700

// reading waits in the thread pool, which takes its size when it is first used
process.env['UV_THREADPOOL_SIZE'] ??= '16'

const stopping = new AbortController()
const interrupt = { atMs: Infinity }
const stop = (): void => {
  const nowMs = performance.now()
  if (nowMs - interrupt.atMs > SAME_INTERRUPT_MS) process.exit(INTERRUPTED_EXIT_CODE)
  interrupt.atMs = Math.min(interrupt.atMs, nowMs)
  stopping.abort()
}
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.on(event, stop)
// the reader of our pipe has seen enough, as `| head` has
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  stopping.abort()
})

const context: CliContext = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stopping.signal,
  config: () => loadConfig(process.env),
  exitWith: (code) => {
    process.exitCode = code
  },
}

try {
  await shieldProgram(context).parseAsync(process.argv.slice(2), { from: 'user' })
} catch (error) {
  const { exitCode, text } = describeFailure(error)
  if (text !== '') process.stderr.write(`${text}\n`)
  process.exitCode = exitCode
}
if (process.connected) process.disconnect()
setTimeout(() => process.exit(), EXIT_WITHIN_MS).unref()
