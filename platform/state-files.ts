import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Logger } from 'pino'
import { SpoilerError } from './spoiler-error.ts'
import { hasCode, StateFile, stateFileError, type StateIdentity } from './state-file.ts'

/** Opens the file in which the state of a partition is kept. */
export interface StateFiles {
  open(identity: StateIdentity): Promise<StateFile>
}

interface KeptStateFilesDeps {
  readonly folder: string
  readonly log: Logger
  readonly pause: (ms: number) => Promise<void>
}

const BUSY = 5
/** An owner that gives a partition up closes its file a moment later. */
const LOCK_TRIES = 20
const LOCK_PAUSE_MS = 100

/**
 * Files that outlive the process: `state/CHANGELOG/PARTITION.sqlite` below the folder. One process at a time has a
 * file; another, also one of the same name, waits a little and then works on a file of its own, restored from the
 * changelog. What is damaged or foreign is deleted, and restored from the changelog too.
 */
export function keptStateFiles({ folder, log, pause }: KeptStateFilesDeps): StateFiles {
  return {
    open: async (identity) => {
      const place = madeFolder(folder, identity)
      const path = join(place, `${identity.partition}.sqlite`)
      const lockPath = join(place, `${identity.partition}.lock`)
      let lock = locked(lockPath)
      for (let tries = 1; lock === null && tries < LOCK_TRIES; tries += 1) {
        await pause(LOCK_PAUSE_MS)
        lock = locked(lockPath)
      }
      if (lock !== null) return openOrReplace(path, identity, { log, lock })
      log.warn({ path }, 'another process has this state; it is restored into a file of our own')
      return openScratch(place, identity)
    },
  }
}

/** Files that are nobody else's, and gone when they are closed. */
export function scratchStateFiles(folder: string): StateFiles {
  const open = (identity: StateIdentity): StateFile => openScratch(madeFolder(folder, identity), identity)
  return { open: async (identity) => Promise.try(open, identity) }
}

function madeFolder(folder: string, { changelog }: StateIdentity): string {
  const place = join(folder, 'state', changelog)
  try {
    mkdirSync(place, { recursive: true })
  } catch (cause) {
    const doing = `making ${place}. Free some space, or let the process write there; it waits`
    throw new SpoilerError('SPL_STATE_UNAVAILABLE', doing, { onError: 'retry', cause })
  }
  return place
}

/** Held until it is disposed of or the process ends, however it ends. Null while another process holds it. */
function locked(path: string): Disposable | null {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (cause) {
    database?.close()
    if (hasCode(cause, [BUSY])) return null
    const error = stateFileError(path, cause)
    if (!(error instanceof SpoilerError && error.code === 'SPL_STATE_DAMAGED')) throw error
    rmSync(path) // an empty file is a lock; what holds bytes is none, and nobody can have locked it
    return null
  }
}

function openOrReplace(
  path: string,
  identity: StateIdentity,
  { log, lock }: { readonly log: Logger; readonly lock: Disposable },
): StateFile {
  using held = new DisposableStack()
  held.use(lock)
  const open = (): StateFile => {
    const file = StateFile.open(path, identity, { kind: 'kept', lock })
    held.move()
    return file
  }
  try {
    return open()
  } catch (error) {
    if (!(error instanceof SpoilerError && error.code === 'SPL_STATE_DAMAGED')) throw error
    log.warn({ err: error }, 'the state on disk is not that of the changelog; it is restored anew')
    return open()
  }
}

function openScratch(place: string, identity: StateIdentity): StateFile {
  return StateFile.open(join(place, `${identity.partition}.${randomUUID()}`), identity, { kind: 'scratch' })
}
