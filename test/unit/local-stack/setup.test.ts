import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

// @ts-expect-error plain JavaScript without types
const { makeFolder, cacheFolder } = (await import('../../../scripts/setup/cache.mjs')) as {
  makeFolder: (target: string, fill: (partial: string) => Promise<void>) => Promise<void>
  cacheFolder: (env: Record<string, string>) => string
}
// @ts-expect-error plain JavaScript without types
const { restoreAddon } = (await import('../../../scripts/setup/packages.mjs')) as {
  restoreAddon: (folder: string, build: string) => boolean
}
// @ts-expect-error plain JavaScript without types
const { readRecord, recordFileOf, stepsToDo, writeRecord } = (await import('../../../scripts/setup/record.mjs')) as {
  readRecord: (file: string) => object
  recordFileOf: (root: string) => string
  stepsToDo: (where: object, record: object, only: readonly string[]) => string[]
  writeRecord: (where: object, before: object, brought: object) => void
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'setup-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

test('the cache folder is the configured one, else the XDG one, else the one in the home folder', () => {
  expect(cacheFolder({ SPOILER_SHIELD_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a')
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/spoiler-shield')
  expect(cacheFolder({})).toMatch(/\/\.cache\/spoiler-shield$/)
})

test('a cached folder is there whole or not at all, and what interrupted set-ups left is removed', async () => {
  const target = join(folder, 'kafka')
  mkdirSync(`${target}.partial-4194304`) // beyond the highest pid
  const interrupted = makeFolder(target, (partial) => {
    writeFileSync(join(partial, 'half'), '')
    return Promise.reject(new Error('interrupted'))
  })
  await expect(interrupted).rejects.toThrow('interrupted')
  expect(readdirSync(folder)).toEqual([])

  await makeFolder(target, (partial) => writeFile(join(partial, 'whole'), ''))
  await makeFolder(target, () => Promise.reject(new Error('not called')))
  expect(readdirSync(target)).toEqual(['whole'])
})

test('packages that are installed anew take no other step with them: its record is kept', () => {
  for (const path of ['local-stack/toolchain', 'package-lock.json', 'trainers/python/requirements.lock'])
    cpSync(join(root, path), join(folder, path), { recursive: true })
  const where = { root: folder, toolchain: join(folder, 'local-stack/toolchain'), cache: '/cache' }
  writeRecord(where, {}, { stack: { kafka: folder }, packages: { addon: folder } })
  const before = readRecord(recordFileOf(folder))
  expect(stepsToDo(where, before, ['stack', 'packages', 's3'])).toEqual(['s3'])

  rmSync(join(folder, 'node_modules'), { recursive: true }) // as `npm ci` does
  writeRecord(where, before, { packages: { addon: folder } })
  writeRecord(where, {}, { s3: { server: folder } }) // another set-up, which began before there was a record
  expect(stepsToDo(where, readRecord(recordFileOf(folder)), ['stack', 'packages', 's3'])).toEqual([])
})

test('of two set-ups that make one folder, the second takes what the first has made', async () => {
  const target = join(folder, 'kafka')
  await makeFolder(target, (partial) => {
    cpSync(partial, target, { recursive: true }) // the other one was faster
    writeFileSync(join(target, 'first'), '')
    writeFileSync(join(partial, 'second'), '')
    return Promise.resolve()
  })
  expect(readdirSync(target)).toEqual(['first'])
  expect(readdirSync(folder)).toEqual(['kafka'])
})

/** A kept addon of one file, as packages.mjs keeps it. */
function keepAddon(sum: string): string {
  const kept = join(folder, 'kept')
  mkdirSync(join(kept, 'Release'), { recursive: true })
  writeFileSync(join(kept, 'Release/client.node'), 'abc')
  writeFileSync(join(kept, 'SHA256SUMS.json'), JSON.stringify({ 'Release/client.node': sum }))
  return kept
}

test('a kept addon is copied into place when its checksum is right', () => {
  const kept = keepAddon('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(restoreAddon(kept, join(folder, 'build'))).toBe(true)
  expect(readFileSync(join(folder, 'build/Release/client.node'), 'utf8')).toBe('abc')
})

test('a damaged kept addon is removed and not used', () => {
  const kept = keepAddon('0'.repeat(64))
  expect(restoreAddon(kept, join(folder, 'build'))).toBe(false)
  expect(existsSync(kept)).toBe(false)
  expect(existsSync(join(folder, 'build'))).toBe(false)
})

/** Runs set-up in a checkout without node_modules, with an empty cache, where only the named programs exist. */
function setUpWith(programs: Record<string, string>, args: string[] = []) {
  const checkout = join(folder, 'checkout')
  for (const name of [
    'scripts/setup.mjs',
    'scripts/setup',
    'local-stack/toolchain',
    'package.json',
    'package-lock.json',
    'trainers/python/requirements.lock',
  ])
    cpSync(join(root, name), join(checkout, name), { recursive: true })
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  return spawnSync(process.execPath, [join(checkout, 'scripts/setup.mjs'), ...args], {
    encoding: 'utf8',
    env: { PATH: bin, SPOILER_SHIELD_CACHE: join(folder, 'cache') },
  })
}

test('all that is missing is named at once with what mends it, before anything is fetched', () => {
  const { status, stdout, stderr } = setUpWith({ python3: 'case "$*" in *pip*) exit 1;; esac' })
  expect(status).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toContain('SPL_SETUP_FAILED: These are missing and cannot be brought by set-up:')
  for (const remedy of ['python3-pip', 'g++', 'make', 'libssl-dev zlib1g-dev', 'gcc-c++', 'xcode-select --install'])
    expect(stderr).toContain(remedy)
  expect(stderr).not.toMatch(/^\s+at .*:\d+/m) // no stack trace
})

test('a Python that is too old is named as such', () => {
  const { status, stderr } = setUpWith({ python3: 'exit 1' }, ['--only', 'stack'])
  expect(status).toBe(1)
  expect(stderr).toContain('- Python 3.10 or newer')
  expect(stderr).not.toContain('g++')
})

test('with a compiler, only the headers that it does not find are missing', () => {
  const compiler = 'read -r line; case "$line" in *openssl*) exit 1;; esac'
  const { stderr } = setUpWith({ python3: 'exit 0', make: 'exit 0', 'c++': compiler })
  expect(stderr).toContain('sudo apt-get install libssl-dev zlib1g-dev')
  expect(stderr).not.toMatch(/install (g\+\+|make|python3)/)
})

test('help says what is done and where it is kept; an unknown step is refused', () => {
  expect(setUpWith({}, ['--help']).stdout).toMatch(/Usage: node scripts\/setup\.mjs[^]*SPOILER_SHIELD_CACHE/)
  rmSync(join(folder, 'bin'), { recursive: true })
  expect(setUpWith({}, ['--only', 'stak'])).toMatchObject({
    status: 1,
    stderr:
      '\nSPL_SETUP_FAILED: Unknown step: stak. Steps are node, packages, stack, s3, trainers, feast, evidently.\n',
  })
})
