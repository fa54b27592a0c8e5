import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { writeFailure } from '../../platform/disk-full.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { invalidDataset } from './manifest.ts'

/** The files of one data set, wherever they lie. Each is small enough for memory. */
export interface DatasetFiles {
  /** For people: a path or an address. */
  readonly place: string
  /** @throws SpoilerError SPL_DATASET_INVALID when there is no such file. */
  read(name: string): Promise<Uint8Array>
  /** Writes a file that is not there yet; `exists` leaves the one that is. @throws SpoilerError SPL_DISK_FULL */
  putIfAbsent(name: string, bytes: Uint8Array): Promise<'written' | 'exists'>
}

export function localFiles(folder: string): DatasetFiles {
  return {
    place: folder,
    read: async (name) => {
      try {
        return await readFile(join(folder, name))
      } catch (cause) {
        throw unreadable(folder, name, cause)
      }
    },
    putIfAbsent: (name, bytes) => putIfAbsent(folder, name, bytes),
  }
}

/** The name appears once all bytes are there: a kill leaves a file without a name that anybody reads. */
async function putIfAbsent(folder: string, name: string, bytes: Uint8Array): Promise<'written' | 'exists'> {
  await mkdir(folder, { recursive: true })
  const unfinished = join(folder, `.${name}.${randomUUID()}`)
  try {
    await writeFile(unfinished, bytes)
    await link(unfinished, join(folder, name))
    return 'written'
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return 'exists'
    throw writeFailure(cause, folder)
  } finally {
    await rm(unfinished, { force: true })
  }
}

/** @param folder Key of the data set's folder, without a slash at its end. */
export function storedFiles(store: ObjectStore, folder: string): DatasetFiles {
  return {
    place: folder,
    read: async (name) => {
      const key = `${folder}/${name}`
      for await (const object of store.list(key)) {
        if (object.key === key) return store.read(key, 0, object.sizeBytes)
      }
      throw unreadable(folder, name)
    },
    putIfAbsent: (name, bytes) => store.putIfAbsent(`${folder}/${name}`, bytes),
  }
}

function unreadable(place: string, name: string, cause?: unknown): SpoilerError {
  const reason = cause instanceof Error ? cause.message : 'there is no such file'
  return invalidDataset(place, `${name}: ${reason}`, cause)
}
