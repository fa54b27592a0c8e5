import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deployed } from '../inference/deployment-log.ts'
import { declaredVersion } from '../inference/manifest.ts'
import type { Model } from '../inference/model.ts'
import { PRIOR_FOLDER } from '../inference/model-version.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { LoadVersion } from './deployments.ts'

interface LoaderDeps {
  /** Folder of fetched versions. It may be emptied while nobody serves from it. */
  readonly cacheDir: string
  /** Brings a version into a folder that is not there. */
  readonly fetch: (version: Deployed, folder: string) => Promise<void>
  readonly open: (folder: string) => Promise<Model>
}

/** Opens versions from a cache on disk, which is filled when one is asked for. The prior comes with the code. */
export function versionLoader({ cacheDir, fetch, open }: LoaderDeps): LoadVersion {
  const load = async (version: Deployed): Promise<Model> => {
    const { modelName, modelVersion } = version
    if (!/^[0-9a-f]{16}$/.test(modelVersion)) throw refused(version, 'that is no version')
    const prior = await declaredVersion(PRIOR_FOLDER)
    if (prior.name === modelName && prior.version === modelVersion) return open(PRIOR_FOLDER)
    const folder = join(cacheDir, modelVersion)
    const cached = existsSync(folder)
    if (!cached) await fetch(version, folder)
    try {
      return await openNamed(version, () => open(folder))
    } catch (error) {
      if (!(error instanceof SpoilerError && error.code === 'SPL_MODEL_INVALID')) throw error
      // what lies there is not what was published, or that is bad: the next try takes nothing of it
      await rm(folder, { recursive: true, force: true })
      if (cached) return load(version)
      throw error
    }
  }
  return load
}

async function openNamed(version: Deployed, open: () => Promise<Model>): Promise<Model> {
  const model = await open()
  if (model.name === version.modelName && model.version === version.modelVersion) return model
  await model[Symbol.asyncDispose]()
  throw refused(version, `its folder holds ${model.name} ${model.version}`)
}

function refused({ modelName, modelVersion }: Deployed, problem: string): SpoilerError {
  return new SpoilerError('SPL_MODEL_INVALID', `loading ${modelName} ${modelVersion}: ${problem}`, { onError: 'stop' })
}
