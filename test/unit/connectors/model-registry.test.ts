import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchVersion, listVersions, publishVersion, versionSource } from '../../../connectors/model-registry.ts'
import { MemoryObjectStore } from '../../support/memory-object-store.ts'

const VERSION = '0123456789abcdef'
const SOURCE = `lake/models/tiny/${VERSION}`
const FILES = { 'manifest.json': JSON.stringify({ name: 'tiny', version: VERSION }), 'a.bin': 'aaa', 'empty.bin': '' }
const invalid = { code: 'SPL_MODEL_INVALID', onError: 'stop' }
let root = ''
let folder = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'model-registry-'))
  folder = join(root, 'version')
  await mkdir(folder)
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text)
})
afterAll(() => rm(root, { recursive: true }))

async function contentOf(at: string): Promise<Record<string, string>> {
  const names = await readdir(at)
  const texts = await Promise.all(names.map((name) => readFile(join(at, name), 'utf8')))
  return Object.fromEntries(names.map((name, i) => [name, texts[i] ?? '']))
}

test('a version that was published is listed, and fetched as it was', async () => {
  const store = new MemoryObjectStore()
  const sizeBytes = Object.values(FILES).join('').length
  const published = await publishVersion(store, 'lake', folder)
  expect(published).toEqual({ name: 'tiny', version: VERSION, source: SOURCE, sizeBytes })
  expect(versionSource('lake', published)).toBe(SOURCE)
  expect(await listVersions(store, 'lake')).toEqual([published])
  const fetched = join(root, 'cache', VERSION)
  await fetchVersion(store, SOURCE, fetched)
  expect(await contentOf(fetched)).toEqual(FILES)
  expect(await readdir(join(root, 'cache'))).toEqual([VERSION])
})

test('it is there only when its last file is: an upload that was cut off is not listed, not fetched, and can go on', async () => {
  const store = new MemoryObjectStore()
  store.onRequest = (request) => (request.endsWith('manifest.json') ? 'down' : 'none')
  await expect(publishVersion(store, 'lake', folder)).rejects.toMatchObject({ code: 'SPL_S3_UNAVAILABLE' })
  store.onRequest = () => 'none'
  expect(await listVersions(store, 'lake')).toEqual([])
  const target = join(root, 'cut', VERSION)
  await expect(fetchVersion(store, SOURCE, target)).rejects.toMatchObject(invalid)
  await publishVersion(store, 'lake', folder)
  await publishVersion(store, 'lake', folder)
  expect(await listVersions(store, 'lake')).toHaveLength(1)
})

test('what is not whole does not stand in the folder: a fetch that fails leaves none, and the next one succeeds', async () => {
  const store = new MemoryObjectStore()
  await publishVersion(store, 'lake', folder)
  const target = join(root, 'again', VERSION)
  store.onRequest = (request) => (request.startsWith('read') ? 'down' : 'none')
  await expect(fetchVersion(store, SOURCE, target)).rejects.toMatchObject({ code: 'SPL_S3_UNAVAILABLE' })
  await expect(readdir(target)).rejects.toThrow('ENOENT')
  store.onRequest = () => 'none'
  await fetchVersion(store, SOURCE, target)
  expect(await contentOf(target)).toEqual(FILES)
})

test('of two that fetch at once both find it whole', async () => {
  const store = new MemoryObjectStore()
  await publishVersion(store, 'lake', folder)
  const target = join(root, 'race', VERSION)
  await fetchVersion(store, SOURCE, target)
  await fetchVersion(store, SOURCE, target)
  expect(await contentOf(target)).toEqual(FILES)
  expect(await readdir(join(root, 'race'))).toEqual([VERSION])
})

test.each([`lake/models/tiny/${VERSION}/..`, 'lake/models/../../etc', `lake/models/Tiny/${VERSION}`, 'lake'])(
  '%s is no key of a version',
  async (source) => {
    await expect(fetchVersion(new MemoryObjectStore(), source, join(root, 'no'))).rejects.toMatchObject(invalid)
  },
)

test('an object that would be written elsewhere is refused', async () => {
  const store = new MemoryObjectStore()
  await publishVersion(store, 'lake', folder)
  await store.putIfAbsent(`${SOURCE}/../../evil`, Buffer.from('x'))
  await expect(fetchVersion(store, SOURCE, join(root, 'evil'))).rejects.toMatchObject(invalid)
})

test('a folder without a manifest, or with another one, is not published', async () => {
  const store = new MemoryObjectStore()
  const empty = join(root, 'empty')
  await mkdir(empty)
  await expect(publishVersion(store, 'lake', empty)).rejects.toMatchObject(invalid)
  await writeFile(join(empty, 'manifest.json'), '{"name":"../x","version":"1"}')
  await expect(publishVersion(store, 'lake', empty)).rejects.toMatchObject(invalid)
  expect(store.objects.size).toBe(0)
})
