/** Runs other programs; their output is shown only when they fail. */
import { spawn } from 'node:child_process'
import { SetupError } from './report.mjs'

/** Some programs say what is wrong first and explain at length, some say it last. */
const FIRST_LINES = 8
const LAST_LINES = 12

/** Nothing that we started outlives us, also when another step has failed. */
const running = new Set()
process.on('exit', () => running.forEach((child) => child.kill()))

/**
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string }} Options
 */

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Options} [options]
 * @returns {Promise<{ code: number | null, output: string }>} standard output and error together;
 *   code is null when the program does not exist or was ended by a signal
 */
export function attempt(program, args, { cwd, env = process.env, input = '' } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text))
    child.stdin.on('error', () => undefined) // the program may end without reading
    child.stdin.end(input)
    child.on('error', (error) => resolve({ code: null, output: error.message }))
    child.on('close', (code) => {
      running.delete(child)
      resolve({ code, output })
    })
  })
}

/**
 * As {@link attempt}, but a failure is an error that shows the program's last lines.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {Options & { remedy?: string[] }} [options]
 * @returns {Promise<string>} the output
 */
export async function run(program, args, { remedy = [], ...options } = {}) {
  const { code, output } = await attempt(program, args, options)
  if (code === 0) return output
  const lines = output.trimEnd().split('\n')
  if (lines.length > FIRST_LINES + LAST_LINES) lines.splice(FIRST_LINES, lines.length - FIRST_LINES - LAST_LINES, '…')
  throw new SetupError(`${program} ${args.slice(0, 3).join(' ')} failed (exit ${code ?? 'by signal'}):`, [
    ...lines,
    '',
    ...remedy,
  ])
}
