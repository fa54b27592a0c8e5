import { SpoilerError } from './spoiler-error.ts'

const NO_ROOM = ['ENOSPC', 'EDQUOT']

/** What is to be thrown when a file of ours could not be written: a disk without room is nothing that passes by. */
export function writeFailure(cause: unknown, folder: string): unknown {
  if (!NO_ROOM.includes((cause as NodeJS.ErrnoException).code ?? '')) return cause
  return new SpoilerError('SPL_DISK_FULL', `writing to ${folder}`, { onError: 'stop', context: { folder }, cause })
}
