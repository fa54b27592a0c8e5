import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const toolchain = join(root, 'local-stack/toolchain')

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
const NPM_LOCKS = [join(root, 'package-lock.json'), join(toolchain, 'package-lock.json')]

function packagesOf(lock: string): Map<string, LockedPackage> {
  const { packages } = JSON.parse(readFileSync(lock, 'utf8')) as { packages: Record<string, LockedPackage> }
  return new Map(Object.entries(packages))
}

/** As Node resolves: beside the package, then beside each folder above it. */
function isLocked(packages: ReadonlyMap<string, LockedPackage>, from: string, name: string): boolean {
  if (packages.has(from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`)) return true
  return from !== '' && isLocked(packages, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name)
}

test.each(NPM_LOCKS)('%s pins every package by checksum and names no registry', (lock) => {
  const packages = [...packagesOf(lock)].filter(([path]) => path !== '')
  const loose = packages.filter(([, { version, integrity, resolved }]) => !version || !integrity || resolved)
  expect(packages.length).toBeGreaterThan(3)
  expect(loose).toEqual([])
})

test.each(NPM_LOCKS)('%s holds the builds for every platform, without which npm ci refuses it', (lock) => {
  const packages = packagesOf(lock)
  const missing = [...packages].flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(packages, path, name)),
  )
  expect(missing).toEqual([])
})

test('no lock of Python packages is forgotten', () => {
  const locks = readdirSync(toolchain).filter((name) => name.endsWith('.lock'))
  expect(locks).toEqual(['go.lock', 'jre.lock', 'maven-artifact.lock', 'valkey.lock'])
})

test.each([
  ...['go', 'jre', 'maven-artifact', 'valkey'].map((name) => `local-stack/toolchain/${name}.lock`),
  ...['requirements', 'feast', 'evidently'].map((name) => `trainers/python/${name}.lock`),
  'deploy/checks.lock',
  'deploy/mlflow.lock',
])('%s pins every Python requirement with its checksums, and names no host', (file) => {
  const lock = readFileSync(join(root, file), 'utf8').replaceAll(/^ +#.*\n/gm, '')
  const requirements = lock.replaceAll('\\\n', '').trim().split('\n')
  for (const line of requirements) expect(line).toMatch(/^[\w-]+==[\w.]+ .*--hash=sha256:[0-9a-f]{64}/)
  expect(lock).not.toMatch(/https?:|--index|--find-links/)
})

test('every Maven artifact has coordinates, a checksum and a size', () => {
  const lock = JSON.parse(readFileSync(join(toolchain, 'artifacts.lock.json'), 'utf8')) as Record<
    'kafka' | 'apicurio',
    { artifacts: { coordinates: string; sha256: string; sizeBytes: number }[] }
  >
  expect(lock.kafka.artifacts).toHaveLength(46)
  for (const artifact of [...lock.kafka.artifacts, ...lock.apicurio.artifacts]) {
    expect(artifact.coordinates.split(':').length).toBeGreaterThanOrEqual(3)
    expect(artifact.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(artifact.sizeBytes).toBeGreaterThan(0)
  }
})

test('every Go module that the S3 server is built from is pinned by checksum', () => {
  const [mod, sum] = ['go.mod', 'go.sum'].map((file) => readFileSync(join(toolchain, 'versitygw', file), 'utf8'))
  const required = Array.from((mod ?? '').matchAll(/^\t(\S+ v\S+)/gm), ([, module]) => module as string)
  const summed = new Set((sum ?? '').split('\n').map((line) => line.split(' h1:')[0]))
  expect(required).toContain('github.com/versity/versitygw v1.8.0')
  expect(required.filter((module) => !summed.has(`${module}/go.mod`))).toEqual([])
  expect(summed).toContain('github.com/versity/versitygw v1.8.0')
})
