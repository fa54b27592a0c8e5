import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ManifestDraft } from './manifest.ts'
import { contentHash, hashesOf, invalidModel, MANIFEST_FILE, readModelFiles } from './model-files.ts'
import { loadModelVersion } from './model-version.ts'

export interface SealedVersion {
  readonly name: string
  readonly version: string
}

/**
 * Turns the output of a fit into a model version: hashes its files, writes the manifest with the content hash as the
 * version, and loads the result, golden rows and all.
 *
 * @param folder holds every file of the version but the manifest.
 * @param draft JSON of a {@link ManifestDraft}, as the fit wrote it.
 * @throws SpoilerError SPL_MODEL_INVALID if the draft is not valid, or the version does not load.
 */
export async function sealModelVersion(folder: string, draft: unknown): Promise<SealedVersion> {
  const parsed = ManifestDraft.safeParse(draft)
  if (!parsed.success) throw invalidModel(folder, 'draft of the manifest', z.prettifyError(parsed.error), parsed.error)
  const content = { ...parsed.data, files: hashesOf(await readModelFiles(folder)) }
  const manifest = { version: contentHash(content), ...content }
  await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`)
  await using model = await loadModelVersion(folder)
  return { name: model.name, version: model.version }
}
