import { join } from 'node:path'
import { fetchFromStore } from '../connectors/model-registry.ts'
import type { Deployed } from '../inference/deployment-log.ts'
import { declaredVersion } from '../inference/manifest.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { LoadedVersion } from '../replay/verify/verify-scores.ts'
import { versionLoader } from '../scorer/version-loader.ts'

/**
 * The versions that ledger and scores name, each fetched and proved when it is first asked for, and ended together.
 * Undefined for one that nobody has any more.
 */
export class RecordedVersions implements AsyncDisposable {
  readonly #cacheDir: string
  readonly #load: ReturnType<typeof versionLoader>
  readonly #loaded = new Map<string, Promise<LoadedVersion | undefined>>()

  constructor(config: Config) {
    this.#cacheDir = join(config.STATE_DIR, 'models')
    this.#load = versionLoader({
      cacheDir: this.#cacheDir,
      fetch: ({ modelName: name, modelVersion: version, ...place }, folder) =>
        fetchFromStore(config, { name, version, ...place }, folder),
      open: loadModelVersion,
    })
  }

  /** @throws SpoilerError SPL_S3_UNAVAILABLE. */
  load(version: Deployed): Promise<LoadedVersion | undefined> {
    const known = this.#loaded.get(version.modelVersion) ?? this.#open(version)
    this.#loaded.set(version.modelVersion, known)
    return known
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const loaded = await Promise.allSettled(this.#loaded.values())
    const models = loaded.flatMap((result) =>
      result.status === 'fulfilled' && result.value ? [result.value.model] : [],
    )
    await Promise.all(models.map((model) => model[Symbol.asyncDispose]()))
  }

  async #open(version: Deployed): Promise<LoadedVersion | undefined> {
    try {
      const model = await this.#load(version)
      const prior = await declaredVersion(PRIOR_FOLDER)
      const folder = prior.version === model.version ? PRIOR_FOLDER : join(this.#cacheDir, model.version)
      return { model, tolerance: (await declaredVersion(folder)).golden.tolerance }
    } catch (error) {
      if (error instanceof SpoilerError && error.code === 'SPL_MODEL_INVALID') return undefined
      throw error
    }
  }
}
