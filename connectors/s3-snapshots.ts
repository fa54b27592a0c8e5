import { createHash, randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { z } from 'zod'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type {
  KeptSnapshot,
  SnapshotBytes,
  SnapshotFacts,
  SnapshotSource,
  SnapshotStore,
} from '../platform/state-snapshot.ts'
import type { ObjectStore } from './object-store.ts'
import type { S3Config } from './s3-object-store.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Bytes of a copy that are in memory, and one object, at a time. */
const PART_BYTES = 16_777_216
/** Written last: a snapshot without one is not there. */
const MANIFEST = 'snapshot.json'
const FORMAT = 1

const offset = z.number().int().min(0)
const Manifest = z.object({
  format: z.literal(FORMAT),
  processor: z.string(),
  topic: z.string(),
  topicId: z.string(),
  partition: offset,
  code: z.string(),
  state: z.object({
    changelog: z.string(),
    topicId: z.string(),
    partition: offset,
    schemaIds: z.record(z.string(), z.number()),
  }),
  position: z.object({
    appliedOffset: offset,
    streamTimeMs: z.number().nullable(),
    changelogOffset: offset,
    syncedAtMs: z.number(),
  }),
  sizeBytes: offset,
  sha256: z.string(),
})
type Manifest = z.infer<typeof Manifest>

/** {@link s3Snapshots} in the store of the configuration, whose client takes a second to load: who needs it waits. */
export async function openS3Snapshots(
  config: S3Config & Pick<Config, 'S3_PREFIX'>,
): Promise<SnapshotStore & Disposable> {
  const { openS3ObjectStore } = await import('./s3-object-store.ts')
  const store = openS3ObjectStore(config)
  const snapshots = s3Snapshots(store, config.S3_PREFIX)
  return {
    ...snapshots,
    put: async (facts, bytes) => {
      await store.ensureBucket()
      await snapshots.put(facts, bytes)
    },
    [Symbol.dispose]: () => {
      store[Symbol.dispose]()
    },
  }
}

/**
 * Snapshots below `PREFIX/snapshots/PROCESSOR/TOPIC-ID/PARTITION/OFFSET-UUID/`: parts compressed by zstd, then a manifest
 * with the hash of the whole. Two that are taken at one offset stand side by side; nothing is overwritten.
 *
 * @param prefix S3_PREFIX.
 */
export function s3Snapshots(store: ObjectStore, prefix: string): SnapshotStore {
  const root = `${prefix}/snapshots`
  return {
    put: (facts, bytes) => put(store, `${folderOf(root, facts)}${paddedName(facts)}`, facts, bytes),
    list: (source) => list(store, folderOf(root, source)),
    fetch: (snapshot, path) => fetchTo(store, snapshot.name, path),
  }
}

function folderOf(root: string, { processor, topicId, partition }: SnapshotSource): string {
  return `${root}/${processor}/${topicId}/${partition}/`
}

/** In the order of offsets. */
function paddedName({ position }: SnapshotFacts): string {
  return `${String(position.appliedOffset).padStart(16, '0')}-${randomUUID()}`
}

async function put(store: ObjectStore, name: string, facts: SnapshotFacts, bytes: SnapshotBytes): Promise<void> {
  const { sizeBytes } = bytes
  const hash = createHash('sha256')
  for (let [start, part] = [0, 0]; start < sizeBytes; start += PART_BYTES, part += 1) {
    const raw = await bytes.read(start, Math.min(start + PART_BYTES, sizeBytes))
    hash.update(raw)
    await store.putIfAbsent(`${name}/${partName(part)}`, await compress(raw))
  }
  const manifest: Manifest = { format: FORMAT, ...facts, sizeBytes, sha256: hash.digest('hex') }
  await store.putIfAbsent(`${name}/${MANIFEST}`, Buffer.from(`${JSON.stringify(manifest)}\n`))
}

function partName(part: number): string {
  return `${String(part).padStart(5, '0')}.zst`
}

async function list(store: ObjectStore, folder: string): Promise<KeptSnapshot[]> {
  const found: KeptSnapshot[] = []
  for await (const { key, sizeBytes } of store.list(folder)) {
    if (!key.endsWith(`/${MANIFEST}`)) continue
    const manifest = readManifest(await store.read(key, 0, sizeBytes))
    if (manifest !== undefined) found.unshift({ ...manifest, name: key.slice(0, -MANIFEST.length - 1) })
  }
  return found
}

/** Undefined for what is none, or of a version that comes after us. */
function readManifest(bytes: Uint8Array): Manifest | undefined {
  try {
    return Manifest.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data
  } catch {
    return undefined
  }
}

async function fetchTo(store: ObjectStore, name: string, path: string): Promise<void> {
  const objects = new Map<string, number>()
  for await (const { key, sizeBytes } of store.list(`${name}/`)) objects.set(key, sizeBytes)
  const manifestKey = `${name}/${MANIFEST}`
  const sizeBytes = objects.get(manifestKey) ?? 0
  const manifest = sizeBytes === 0 ? undefined : readManifest(await store.read(manifestKey, 0, sizeBytes))
  if (manifest === undefined) throw unusable(name, 'it has no manifest any more')
  const hash = createHash('sha256')
  await using file = await open(path, 'wx')
  let written = 0
  for (let part = 0; written < manifest.sizeBytes; part += 1) {
    const raw = await unpacked(store, name, { file: partName(part), objects })
    hash.update(raw)
    await file.writeFile(raw)
    written += raw.length
  }
  if (hash.digest('hex') !== manifest.sha256) throw unusable(name, 'its hash is not that of its manifest')
}

async function unpacked(
  store: ObjectStore,
  name: string,
  { file, objects }: { readonly file: string; readonly objects: ReadonlyMap<string, number> },
): Promise<Uint8Array> {
  const key = `${name}/${file}`
  const sizeBytes = objects.get(key) ?? 0
  if (sizeBytes === 0) throw unusable(name, `${file} is missing`)
  const packed = await store.read(key, 0, sizeBytes)
  try {
    const raw = await decompress(packed, { maxOutputLength: PART_BYTES })
    if (raw.length > 0) return raw
  } catch (cause) {
    throw unusable(name, `${file} is damaged`, cause)
  }
  throw unusable(name, `${file} holds nothing`)
}

function unusable(name: string, why: string, cause?: unknown): SpoilerError {
  return new SpoilerError('SPL_SNAPSHOT_UNUSABLE', `reading the snapshot ${name}: ${why}`, { onError: 'stop', cause })
}
