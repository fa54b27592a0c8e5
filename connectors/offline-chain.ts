import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'
import { readFooter } from '../platform/parquet-file.ts'

/** Where the chain of one partition lies. */
export interface ChainPlace {
  readonly prefix: string
  /** Grows when topics are recreated or repartitioned: offsets begin anew then. */
  readonly lineage: number
  readonly topic: string
  readonly partition: number
}

const offset = z.number().int().min(0)
const ChainLink = z.object({
  lineage: z.number().int().min(1),
  topic: z.string(),
  partition: z.number().int().min(0),
  /** Log positions: the file holds all that stood from `first` up to `end`, exclusive. */
  first: offset,
  end: offset,
  /** Where the log began when the file was begun: greater than `first` if retention was faster than we were. */
  availableFrom: offset,
  /** Records in the file. Offsets between `first` and `end` may also be transaction markers, or compacted away. */
  count: offset,
  /** Records that could not be decoded; intake has put their bytes into `dead-letters`. */
  leftOut: offset,
  /** Name of the Avro record, and its id in the registry of the writer. */
  schema: z.string(),
  schemaId: z.number().int().nullable(),
})
/** What the footer of a file says about its place in the chain. */
export type ChainLink = Readonly<z.infer<typeof ChainLink>>

export interface ChainFile extends StoredObject {
  readonly link: ChainLink
}

const FOOTER_KEY = 'spoiler_shield.chain'
/** As long as the longest offset, so that keys sort as offsets do. */
const DIGITS = 20

function chainFolder({ prefix, lineage, topic, partition }: ChainPlace): string {
  return `${prefix}/lineage=${lineage}/${topic}/${partition}/`
}

/** The chains that there are, in the order of their keys. */
export async function listChains(
  store: ObjectStore,
  { prefix, lineage }: Pick<ChainPlace, 'prefix' | 'lineage'>,
): Promise<{ readonly place: ChainPlace; readonly files: number; readonly sizeBytes: number }[]> {
  const found = new Map<string, { place: ChainPlace; files: number; sizeBytes: number }>()
  const folder = `${prefix}/lineage=${lineage}/`
  for await (const { key, sizeBytes } of store.list(folder)) {
    const [topic = '', partition = ''] = key.slice(folder.length).split('/')
    const place = { prefix, lineage, topic, partition: Number(partition) }
    const chain = found.get(chainFolder(place)) ?? { place, files: 0, sizeBytes: 0 }
    found.set(chainFolder(place), { place, files: chain.files + 1, sizeBytes: chain.sizeBytes + sizeBytes })
  }
  return [...found.values()]
}

/** The one key that a file beginning there can have: two writers that know the same end collide on it. */
export function chainKey(place: ChainPlace, first: number): string {
  return `${chainFolder(place)}${String(first).padStart(DIGITS, '0')}.parquet`
}

export function linkMetadata(link: ChainLink): Record<string, string> {
  return { [FOOTER_KEY]: JSON.stringify(link) }
}

/**
 * Position behind the last file; 0 where there is none, since every chain begins at 0.
 *
 * A listing is all that is needed: a file is only ever written at a position that was the end of the chain, so the file
 * with the greatest first position is its last one.
 *
 * @param from A position at which a file is known to begin; earlier files are not listed.
 * @throws SpoilerError SPL_S3_UNAVAILABLE, SPL_S3_REFUSED, SPL_CHAIN_BROKEN.
 */
export async function chainEnd(store: ObjectStore, place: ChainPlace, from = 0): Promise<number> {
  let last: StoredObject | undefined
  const after = from === 0 ? undefined : chainKey(place, from - 1)
  for await (const object of store.list(chainFolder(place), after)) last = object
  return last === undefined ? 0 : (await readFile(store, place, last)).link.end
}

/**
 * The files of a chain in order, each proved to begin where the one before ends.
 *
 * @throws SpoilerError SPL_CHAIN_BROKEN at the first gap, overlap or unreadable file; SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function* readChain(store: ObjectStore, place: ChainPlace): AsyncGenerator<ChainFile> {
  let end = 0
  for await (const object of store.list(chainFolder(place))) {
    const file = await readFile(store, place, object)
    assertFollows(file, end)
    end = file.link.end
    yield file
  }
}

/**
 * The files of a chain that hold positions of a range, proved to follow one another; none where the chain does not
 * reach it.
 *
 * @param from Inclusive; `to` is exclusive.
 * @throws as {@link readChain}.
 */
export async function readChainBetween(
  store: ObjectStore,
  place: ChainPlace,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<ChainFile[]> {
  const objects: StoredObject[] = []
  for await (const object of store.list(chainFolder(place))) {
    if (object.key >= chainKey(place, to)) break
    if (object.key <= chainKey(place, from)) objects.length = 0 // whatever came before ends where this one begins
    objects.push(object)
  }
  const files: ChainFile[] = []
  for (const object of objects) {
    const file = await readFile(store, place, object)
    const before = files.at(-1)
    if (before !== undefined) assertFollows(file, before.link.end)
    files.push(file)
  }
  return files.filter(({ link }) => link.end > from)
}

function assertFollows({ key, link }: ChainFile, end: number): void {
  if (link.first === end) return
  const what = link.first > end ? 'gap' : 'overlap'
  throw broken(key, `${what}: it begins at ${link.first}, the file before it ends at ${end}`)
}

async function readFile(store: ObjectStore, place: ChainPlace, object: StoredObject): Promise<ChainFile> {
  const { rows, metadata } = await footerOf(store, object)
  const parsed = ChainLink.safeParse(parseJson(metadata[FOOTER_KEY] ?? ''))
  if (!parsed.success) throw broken(object.key, `its footer has no usable ${FOOTER_KEY}`)
  const link = parsed.data
  const says = chainKey({ ...link, prefix: place.prefix }, link.first)
  if (says !== object.key) throw broken(object.key, `its footer says that it is ${says}`)
  if (link.count !== rows) throw broken(object.key, `its footer counts ${link.count} records, it holds ${rows}`)
  if (link.end <= link.first) throw broken(object.key, `it ends at ${link.end}`)
  return { ...object, link }
}

async function footerOf(store: ObjectStore, { key, sizeBytes }: StoredObject) {
  try {
    return await readFooter(sizeBytes, (start, end) => store.read(key, start, end))
  } catch (cause) {
    if (cause instanceof SpoilerError) throw cause
    throw broken(key, (cause as Error).message)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function broken(key: string, reason: string): SpoilerError {
  return new SpoilerError('SPL_CHAIN_BROKEN', `reading ${key}: ${reason}`, { onError: 'stop', context: { key } })
}
