/** Lines that set-up prints, and the one error that it ends with. */

const HEARTBEAT_MS = 10_000

/** Something is missing and could not be brought: what, and what mends it. Shown without a stack trace. */
export class SetupError extends Error {
  name = 'SetupError'

  /** @param {string} message what is wrong  @param {string[]} [remedy] lines that say what mends it */
  constructor(message, remedy = []) {
    super([message, ...remedy.map((line) => `    ${line}`)].join('\n'))
  }
}

/** @param {string} line */
export function say(line) {
  process.stdout.write(`[setup] ${line}\n`)
}

/** @param {number} sinceMs @returns {string} such as `7.1 s` */
export function secondsSince(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}

/** @param {number} bytes @returns {string} such as `44 MB` */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`
}

/**
 * Runs one named step: says that it begins, that it still runs (every 10 s), and how long it took.
 *
 * @template T
 * @param {{ name: string, doing: string, progress?: () => string }} step
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step({ name, doing, progress }, work) {
  const startMs = performance.now()
  say(`${name}: ${doing}`)
  const heartbeat = setInterval(() => {
    const detail = progress?.() ?? ''
    say(`${name}: still at it after ${secondsSince(startMs)}${detail && `, ${detail}`}`)
  }, HEARTBEAT_MS)
  try {
    const result = await work()
    say(`${name}: ready in ${secondsSince(startMs)}`)
    return result
  } finally {
    clearInterval(heartbeat)
  }
}
