import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { declaredVersion } from '../inference/manifest.ts'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'

const MIB = 2 ** 20
/** A process with the runtime of networks and a small one in it has a resident set of 110 to 130 MB. */
const PROCESS_BYTES = 130 * MIB
/** The file as it was read, and the session's copy of its weights, twice while it is optimised. */
const COPIES = 3

/** Memory for one more version: what is free to this process, or as much as was allowed. */
export function roomBytes({ MODEL_MEMORY_MB }: Pick<Config, 'MODEL_MEMORY_MB'>): number {
  return MODEL_MEMORY_MB === undefined ? process.availableMemory() : MODEL_MEMORY_MB * MIB
}

/**
 * Refuses a version before it takes memory that is not there: the champion would be the one that the system ends.
 *
 * @throws SpoilerError SPL_MODEL_NO_ROOM (stop), SPL_MODEL_INVALID (stop).
 */
export async function assertRoom(folder: string, processes: number, room: number): Promise<void> {
  const { name, version, head } = await declaredVersion(folder)
  const sizes = await Promise.all((await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size))
  const bytes = COPIES * sizes.reduce((sum, size) => sum + size, 0)
  const needed = head.kind === 'logistic' ? bytes : processes * (PROCESS_BYTES + bytes)
  if (needed <= room) return
  const doing = `loading ${name} ${version}: it needs about ${Math.ceil(needed / MIB)} MiB, ${Math.floor(room / MIB)} are free`
  throw new SpoilerError('SPL_MODEL_NO_ROOM', doing, { onError: 'stop', context: { needed, room } })
}
