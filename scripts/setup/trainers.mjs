/** Brings Python packages: for each purpose a folder of their own, no environment, nothing global. */
import { join } from 'node:path'
import { pythonFolder } from './stack.mjs'

/** By the name of the step. */
const PURPOSES = {
  trainers: { label: 'Python packages for training', lock: 'requirements.lock' },
  feast: { label: 'Feast', lock: 'feast.lock' },
  evidently: { label: 'Evidently', lock: 'evidently.lock' },
}

/** @param {string} root @param {keyof typeof PURPOSES} step @returns {string} the hash-locked requirements */
export function pythonLock(root, step) {
  return join(root, 'trainers/python', PURPOSES[step].lock)
}

/**
 * @param {keyof typeof PURPOSES} step
 * @returns {(where: { root: string, cache: string, toolchain: string }) => Promise<{ pythonPath: string }>}
 */
export function bringPython(step) {
  return async ({ root, cache, toolchain }) => {
    const lock = pythonLock(root, step)
    return { pythonPath: await pythonFolder({ cache, toolchain, name: step, label: PURPOSES[step].label, lock }) }
  }
}
