import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'

/** Written last and read first: a version without one is not there. */
const MANIFEST = 'manifest.json'

const NAME = '[a-z][a-z0-9-]*'
const VERSION = '[0-9a-f]{16}'
const ManifestName = z.object({
  name: z.string().regex(new RegExp(`^${NAME}$`)),
  version: z.string().regex(new RegExp(`^${VERSION}$`)),
})
/** `<prefix>/models/<name>/<version>` */
const SOURCE = new RegExp(`/models/(${NAME})/(${VERSION})$`)
const FILE = /^\w[\w.-]*$/

/** A model version in the object store; immutable, since its version is the hash of its content. */
export interface StoredVersion {
  readonly name: string
  readonly version: string
  /** Key of its folder, without a slash at the end. */
  readonly source: string
  readonly sizeBytes: number
}

/** Key of the folder of a version. @param prefix S3_PREFIX. */
export function versionSource(prefix: string, { name, version }: Pick<StoredVersion, 'name' | 'version'>): string {
  return `${prefix}/models/${name}/${version}`
}

/**
 * Puts the files of a sealed version folder into the store, the manifest last. Nothing is overwritten, so that it may
 * be done again, and by several at once.
 *
 * @throws SpoilerError SPL_MODEL_INVALID (stop) when the folder has no manifest; SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function publishVersion(store: ObjectStore, prefix: string, folder: string): Promise<StoredVersion> {
  const bytes = await readFile(join(folder, MANIFEST)).catch((cause: unknown) => {
    throw invalid(`publishing the model version in ${folder}: it has no ${MANIFEST}`, cause)
  })
  const { name, version } = manifestName(bytes, folder)
  const source = versionSource(prefix, { name, version })
  let sizeBytes = bytes.length
  for (const file of await readdir(folder)) {
    if (file === MANIFEST) continue
    const content = await readFile(join(folder, file))
    sizeBytes += content.length
    await store.putIfAbsent(`${source}/${file}`, content)
  }
  await store.putIfAbsent(`${source}/${MANIFEST}`, bytes)
  return { name, version, source, sizeBytes }
}

/** Every version of the store, in the order of names and versions. */
export async function listVersions(store: ObjectStore, prefix: string): Promise<StoredVersion[]> {
  const found = new Map<string, { sizeBytes: number; complete: boolean }>()
  for await (const { key, sizeBytes } of store.list(`${prefix}/models/`)) {
    const source = dirname(key)
    const known = found.get(source) ?? { sizeBytes: 0, complete: false }
    known.sizeBytes += sizeBytes
    known.complete ||= key === `${source}/${MANIFEST}`
    found.set(source, known)
  }
  return [...found].flatMap(([source, { sizeBytes, complete }]) => {
    const [, name, version] = SOURCE.exec(source) ?? []
    return complete && name !== undefined && version !== undefined ? [{ name, version, source, sizeBytes }] : []
  })
}

/**
 * The manifest of a version, as JSON; whoever loads the version verifies it.
 *
 * @throws SpoilerError SPL_MODEL_INVALID (stop) when there is no such version; SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function versionManifest(
  store: ObjectStore,
  prefix: string,
  version: Pick<StoredVersion, 'name' | 'version'>,
): Promise<unknown> {
  const key = `${versionSource(prefix, version)}/${MANIFEST}`
  for await (const object of store.list(key))
    if (object.key === key) return JSON.parse(Buffer.from(await store.read(key, 0, object.sizeBytes)).toString('utf8'))
  throw invalid(`looking for the model version ${version.name}@${version.version}: the object store does not have it`)
}

/**
 * Brings a version to this machine, whole or not at all; who loads it verifies its hashes. Where another process was
 * faster, its folder stays.
 *
 * @param source as in {@link StoredVersion}.
 * @param folder of this one version; its parent is created.
 * @throws SpoilerError SPL_MODEL_INVALID (stop) when there is no such version; SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function fetchVersion(store: ObjectStore, source: string, folder: string): Promise<void> {
  if (!SOURCE.test(source)) throw invalid(`fetching the model version ${source}: that is no key of one`)
  const objects: StoredObject[] = []
  for await (const object of store.list(`${source}/`)) objects.push(object)
  const files = objects.map((object) => ({ ...object, file: object.key.slice(source.length + 1) }))
  if (!files.some(({ file }) => file === MANIFEST))
    throw invalid(`fetching the model version ${source}: the object store does not have it`)
  const partial = `${folder}.${process.pid}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  for (const { key, file, sizeBytes } of files) {
    if (!FILE.test(file)) throw invalid(`fetching the model version ${source}: ${file} is no name of a file`)
    const content = sizeBytes === 0 ? new Uint8Array() : await store.read(key, 0, sizeBytes)
    await writeFile(join(partial, file), content)
  }
  await rename(partial, folder).catch(async (cause: unknown) => {
    await rm(partial, { recursive: true, force: true })
    const there = await readdir(folder).catch((): string[] => [])
    if (!there.includes(MANIFEST)) throw cause
  })
}

/** A version, by name and content; the place where versions of the name usually are if its own is not known. */
type NamedVersion = Pick<StoredVersion, 'name' | 'version'> & Partial<Pick<StoredVersion, 'source'>>

/** {@link fetchVersion} from the store of the configuration, whose client takes a second to load: who needs it waits. */
export async function fetchFromStore(config: Config, version: NamedVersion, folder: string): Promise<void> {
  const { openS3ObjectStore } = await import('./s3-object-store.ts')
  using store = openS3ObjectStore(config)
  await fetchVersion(store, version.source ?? versionSource(config.S3_PREFIX, version), folder)
}

function manifestName(bytes: Buffer, folder: string): z.infer<typeof ManifestName> {
  try {
    return ManifestName.parse(JSON.parse(bytes.toString('utf8')))
  } catch (cause) {
    throw invalid(`publishing the model version in ${folder}: ${MANIFEST} has no name and version`, cause)
  }
}

function invalid(doing: string, cause?: unknown): SpoilerError {
  return new SpoilerError('SPL_MODEL_INVALID', doing, { onError: 'stop', cause })
}
