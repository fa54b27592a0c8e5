import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { declaredVersion } from '../../../inference/manifest.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../../../inference/model-version.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import type { LoadVersion } from '../../../scorer/deployments.ts'
import { versionLoader } from '../../../scorer/version-loader.ts'
import { sealedVersion, type VersionFolder } from '../../support/model-versions.ts'

const invalid = (message: string) => ({
  code: 'SPL_MODEL_INVALID',
  onError: 'stop',
  message: expect.stringContaining(message) as string,
})
let cacheDir = ''
let published: VersionFolder
let fetches = 0

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'versions-'))
  published = await sealedVersion()
  fetches = 0
})
afterEach(async () => {
  await rm(cacheDir, { recursive: true })
  await published[Symbol.asyncDispose]()
})

const deployed = (modelVersion: string, modelName = 'test') => ({ deploymentEpoch: 1, modelName, modelVersion })
const nameOf = async (): Promise<string> => (await declaredVersion(published.folder)).version
const load: LoadVersion = (version) =>
  versionLoader({
    cacheDir,
    fetch: (_, folder) => {
      fetches += 1
      return cp(published.folder, folder, { recursive: true })
    },
    open: loadModelVersion,
  })(version)

test('a version is fetched once, and then comes from this machine', async () => {
  const version = await nameOf()
  for (let i = 0; i < 2; i += 1) {
    await using model = await load(deployed(version))
    expect(model.version).toBe(version)
  }
  expect(fetches).toBe(1)
})

test('what was damaged on this machine is fetched anew', async () => {
  const version = await nameOf()
  await (await load(deployed(version)))[Symbol.asyncDispose]()
  await writeFile(join(cacheDir, version, 'coefficients.json'), 'damaged')
  await using model = await load(deployed(version))
  expect([model.version, fetches]).toEqual([version, 2])
})

test('what was published damaged is refused, fetched once, and leaves nothing behind', async () => {
  const version = await nameOf()
  await writeFile(join(published.folder, 'coefficients.json'), 'damaged')
  await expect(load(deployed(version))).rejects.toMatchObject(invalid('differs from the hash'))
  await expect(load(deployed(version))).rejects.toMatchObject(invalid('differs from the hash'))
  expect(fetches).toBe(2)
})

test('a folder with another version than was deployed is refused', async () => {
  await expect(load(deployed('0123456789abcdef'))).rejects.toMatchObject(invalid('its folder holds test'))
  await expect(load(deployed(await nameOf(), 'other'))).rejects.toMatchObject(invalid('its folder holds test'))
})

test('a version that is no hash reaches no folder', async () => {
  await expect(load(deployed('../../../etc'))).rejects.toMatchObject(invalid('that is no version'))
  expect(fetches).toBe(0)
})

test('the prior comes with the code', async () => {
  const { name, version } = await declaredVersion(PRIOR_FOLDER)
  await using model = await load(deployed(version, name))
  expect([model.name, model.version, fetches]).toEqual(['prior', version, 0])
})

test('a store that is down is no fault of the version', async () => {
  const down = versionLoader({
    cacheDir,
    fetch: () => Promise.reject(new SpoilerError('SPL_S3_UNAVAILABLE', 'testing', { onError: 'retry' })),
    open: loadModelVersion,
  })
  await expect(down(deployed(await nameOf()))).rejects.toMatchObject({ onError: 'retry' })
})
