import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { type DatasetFiles, localFiles, storedFiles } from './dataset-files.ts'
import { MANIFEST_FILE } from './manifest.ts'

/** Where data sets lie, each in a folder named by its id. */
export interface DatasetPlace {
  /** For people. */
  readonly name: string
  /** Finished data sets: those that have a manifest. */
  ids(): Promise<string[]>
  files(id: string): DatasetFiles
}

const ID = /^[0-9a-f]{16}$/

/** A folder of data sets; it need not exist yet. */
export function localPlace(folder: string): DatasetPlace {
  return {
    name: folder,
    ids: async () => {
      const ids: string[] = []
      for (const id of await namesIn(folder))
        if (ID.test(id) && (await namesIn(join(folder, id))).includes(MANIFEST_FILE)) ids.push(id)
      return ids.toSorted()
    },
    files: (id) => localFiles(join(folder, id)),
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/** @param prefix S3_PREFIX: the data sets lie in its folder `datasets`. */
export function storedPlace(store: ObjectStore, prefix: string): DatasetPlace {
  const folder = `${prefix}/datasets`
  return {
    name: folder,
    ids: async () => {
      const ids: string[] = []
      for await (const { key } of store.list(`${folder}/`)) {
        const [id = '', name] = key.slice(folder.length + 1).split('/')
        if (ID.test(id) && name === MANIFEST_FILE) ids.push(id)
      }
      return ids
    },
    files: (id) => storedFiles(store, `${folder}/${id}`),
  }
}
