import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { identifyProcess } from '../platform/process-identity.ts'

/**
 * A folder for what is not finished, gone when the work is done or has failed. Those of processes that were killed are
 * removed by the next work of the same kind.
 *
 * @param kind of work, such as `dataset-building`.
 */
export async function withWorkFolder<T>(
  stateDir: string,
  kind: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await mkdir(stateDir, { recursive: true })
  for (const name of await readdir(stateDir)) {
    const pid = new RegExp(`^${kind}-(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || identifyProcess(Number(pid)) !== undefined) continue
    await rm(join(stateDir, name), { recursive: true, force: true })
  }
  const folder = await mkdtemp(join(stateDir, `${kind}-${process.pid}-`))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
