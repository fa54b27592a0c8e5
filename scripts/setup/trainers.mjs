/** Brings the Python packages that models are fitted with: a folder of their own, no environment, nothing global. */
import { join } from 'node:path'
import { pythonFolder } from './stack.mjs'

/** @param {string} root @returns {string} the hash-locked requirements */
export function trainersLock(root) {
  return join(root, 'trainers/python/requirements.lock')
}

/** @param {{ root: string, cache: string, toolchain: string }} where @returns {Promise<{ pythonPath: string }>} */
export async function bringTrainers({ root, cache, toolchain }) {
  const label = 'Python packages for training'
  return { pythonPath: await pythonFolder({ cache, toolchain, name: 'trainers', label, lock: trainersLock(root) }) }
}
