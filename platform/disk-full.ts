import { SpoilerError } from './spoiler-error.ts'

const NO_ROOM = ['ENOSPC', 'EDQUOT']

/** What is to be thrown when a file of ours could not be written: a disk without room is nothing that passes by. */
export function writeFailure(cause: unknown, folder: string): unknown {
  if (!NO_ROOM.includes((cause as NodeJS.ErrnoException).code ?? '')) return cause
  const doing = `writing to ${folder}: no room is left; free some there, or name a folder on a larger disk`
  return new SpoilerError('SPL_DISK_FULL', doing, { onError: 'stop', context: { folder }, cause })
}
