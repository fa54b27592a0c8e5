/** The per-user cache: folders that are there whole or not at all, whoever is interrupted. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** @param {NodeJS.ProcessEnv} env @returns {string} SPOILER_SHIELD_CACHE, else the user's cache folder */
export function cacheFolder(env) {
  if (env.SPOILER_SHIELD_CACHE) return resolve(env.SPOILER_SHIELD_CACHE)
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'spoiler-shield')
}

/** @param {string} path @returns {string} lower-case hex */
export function sha256OfFile(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** Short name for "these very contents": a changed lock makes another folder. @param {string[]} parts */
export function fingerprint(parts) {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Removes what interrupted set-ups left beside `target`. @param {string} target */
function removeAbandoned(target) {
  for (const name of readdirSync(dirname(target))) {
    const pid = Number(/\.partial-(\d+)$/.exec(name)?.[1])
    if (pid > 0 && !isAlive(pid)) rmSync(join(dirname(target), name), { recursive: true, force: true })
  }
}

/**
 * Makes `target` by filling a folder beside it and renaming that: whoever sees `target` sees all of it.
 * Two set-ups at once are harmless: the second finds the folder of the first and drops its own.
 *
 * @param {string} target
 * @param {(partial: string) => Promise<void>} fill
 */
export async function makeFolder(target, fill) {
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  removeAbandoned(target)
  const partial = `${target}.partial-${process.pid}`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial)
  try {
    await fill(partial)
    renameSync(partial, target)
  } catch (error) {
    if (!existsSync(target)) throw error
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
