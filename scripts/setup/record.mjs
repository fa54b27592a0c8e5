/** What set-up has brought, so that the next run has nothing to do but compare. Read by local-stack/tools.ts and trainers/ too. */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprint } from './cache.mjs'
import { pythonLock } from './trainers.mjs'

export const STEPS = ['node', 'packages', 'stack', 's3', 'trainers']
/** Done only when they are asked for. */
export const OPT_IN_STEPS = ['feast', 'evidently']

/** Inside node_modules: gone with them, and never another checkout's. @param {string} root */
export function recordFileOf(root) {
  return join(root, 'node_modules', '.spoiler-shield', 'setup.json')
}

/** @param {string} file @returns {Record<string, any>} empty when there is none or it is damaged */
export function readRecord(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}

/**
 * What the steps depend on.
 *
 * @param {{ root: string, toolchain: string }} where @param {string[]} names of steps
 * @returns {Record<string, string>}
 */
function locks({ root, toolchain }, names) {
  const hashOf = (...files) => fingerprint(files.map((file) => readFileSync(file, 'utf8')))
  const stackLocks = () =>
    readdirSync(toolchain).filter(
      (name) => /lock(\.json)?$/.test(name) && !['package-lock.json', 'go.lock'].includes(name),
    )
  const lockOf = {
    node: () => hashOf(join(toolchain, 'package-lock.json')),
    packages: () => hashOf(join(root, 'package-lock.json'), join(toolchain, 'package-lock.json')),
    stack: () =>
      hashOf(
        ...stackLocks()
          .sort()
          .map((name) => join(toolchain, name)),
      ),
    s3: () => hashOf(...['go.mod', 'go.sum'].map((name) => join(toolchain, 'versitygw', name))),
    ...Object.fromEntries(['trainers', ...OPT_IN_STEPS].map((name) => [name, () => hashOf(pythonLock(root, name))])),
  }
  return Object.fromEntries(names.map((name) => [name, lockOf[name]()]))
}

/**
 * @param {{ root: string, toolchain: string, cache: string }} where
 * @param {Record<string, any>} record
 * @param {string[]} only
 * @returns {string[]} steps whose lock changed, whose files are gone, or that another cache folder is wanted for
 */
export function stepsToDo(where, record, only) {
  const wanted = locks(where, only)
  const isDone = (name) =>
    record[name] !== undefined &&
    record.locks?.[name] === wanted[name] &&
    record.cache === where.cache &&
    Object.values(record[name]).every(
      (value) => typeof value !== 'string' || !value.startsWith('/') || existsSync(value),
    )
  return only.filter((name) => !isDone(name))
}

/**
 * Adds what was done to the record, which another set-up may have written meanwhile, and which goes with node_modules
 * when the packages are installed anew.
 *
 * @param {{ root: string, toolchain: string, cache: string }} where
 * @param {Record<string, any>} before the record as it was when the set-up began
 * @param {Record<string, any>} brought by the steps that were run, no others
 */
export function writeRecord(where, before, brought) {
  const file = recordFileOf(where.root)
  mkdirSync(join(file, '..'), { recursive: true })
  const now = readRecord(file)
  const done = Object.keys(brought)
  const locked = { ...before.locks, ...now.locks, ...locks(where, done) }
  const record = { ...before, ...now, ...brought, locks: locked, cache: where.cache }
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(record, null, 2)}\n`)
  renameSync(`${file}.${process.pid}`, file)
}
