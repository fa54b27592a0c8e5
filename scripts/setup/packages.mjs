/** Brings node_modules. One package has to be compiled; what comes out is kept in the cache for the next checkout. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { arch, availableParallelism, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { fingerprint, makeFolder, sha256OfFile } from './cache.mjs'
import { attempt, run } from './command.mjs'
import { npmUnder } from './node.mjs'
import { say, SetupError, step } from './report.mjs'

const NATIVE_PACKAGE = '@confluentinc/kafka-javascript'
const CHECKSUMS = 'SHA256SUMS.json'
/** What the package's build leaves that is needed to run; the rest is 60 MB of objects and static libraries. */
const BUILT = [
  { folder: 'Release', pattern: /\.node$/ },
  { folder: 'deps', pattern: /^librdkafka(\+\+)?\.(so\.\d+|\d+\.dylib)$/ },
]

/**
 * Where the built addon is kept: by all that it was built for.
 *
 * @param {{ root: string, cache: string }} where
 * @param {{ version: string }} node
 */
export function addonFolder({ root, cache }, node) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { version, integrity } = lock.packages[`node_modules/${NATIVE_PACKAGE}`]
  const { glibcVersionRuntime = '' } = process.report.getReport().header
  const built = fingerprint([integrity, node.version, platform(), arch(), glibcVersionRuntime])
  return join(cache, 'kafka-client', `${version}-${built}`)
}

/** @param {string} build the package's build folder @param {string} folder */
function keepAddon(build, folder) {
  const sums = {}
  for (const { folder: part, pattern } of BUILT) {
    for (const name of readdirSync(join(build, part)).filter((file) => pattern.test(file))) {
      const relative = `${part}/${name}`
      mkdirSync(join(folder, part), { recursive: true })
      cpSync(join(build, relative), join(folder, relative), { dereference: true })
      sums[relative] = sha256OfFile(join(folder, relative))
    }
  }
  writeFileSync(join(folder, CHECKSUMS), `${JSON.stringify(sums, null, 2)}\n`)
}

/**
 * Copies a kept addon into place, if there is one and its checksums are right; a damaged one is removed.
 *
 * @param {string} folder
 * @param {string} build
 * @returns {boolean} whether it did
 */
export function restoreAddon(folder, build) {
  if (!existsSync(join(folder, CHECKSUMS))) return false
  const sums = Object.entries(JSON.parse(readFileSync(join(folder, CHECKSUMS), 'utf8')))
  const isWhole = sums.every(
    ([name, sum]) => existsSync(join(folder, name)) && sha256OfFile(join(folder, name)) === sum,
  )
  if (!isWhole) {
    rmSync(folder, { recursive: true, force: true })
    return false
  }
  for (const [name] of sums) cpSync(join(folder, name), join(build, name))
  return true
}

/** The real proof: it loads. @param {string} root @param {{ path: string }} node @returns {Promise<boolean>} */
async function addonLoads(root, node) {
  const { code } = await attempt(node.path, ['-e', `require('${NATIVE_PACKAGE}')`], { cwd: root })
  return code === 0
}

/** @param {{ root: string, cache: string, env: NodeJS.ProcessEnv }} where @param {Node} node */
async function bringAddon(where, node) {
  const build = join(where.root, 'node_modules', NATIVE_PACKAGE, 'build')
  const folder = addonFolder(where, node)
  if (restoreAddon(folder, build) && (await addonLoads(where.root, node))) return say('Kafka client: from the cache')

  rmSync(build, { recursive: true, force: true })
  const doing = `compiling (once per machine; about 2 minutes on 2 cores, this machine has ${availableParallelism()})`
  await step({ name: 'Kafka client', doing }, async () => {
    // librdkafka against the system's OpenSSL and zlib. JOBS breaks the package's own build.
    const { JOBS: _, ...env } = where.env
    const npm = npmUnder({ ...env, CKJS_LINKING: 'dynamic', npm_config_nodedir: node.headers }, node.path)
    await run(npm.program, [...npm.args, 'rebuild', NATIVE_PACKAGE], { cwd: where.root, env: npm.env })
    if (!(await addonLoads(where.root, node))) throw new SetupError('The Kafka client was compiled and does not load.')
    rmSync(folder, { recursive: true, force: true })
    await makeFolder(folder, async (partial) => keepAddon(build, partial))
  })
}

/**
 * Puts Node where npm and npx look first, so that every script runs under it, whatever Node calls.
 *
 * @param {string} root
 * @param {{ path: string }} node
 */
export function linkNode(root, node) {
  const link = join(root, 'node_modules', '.bin', 'node')
  if (node.path === link) return
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(node.path, `${link}.${process.pid}`)
  renameSync(`${link}.${process.pid}`, link)
}

/**
 * @typedef {{ path: string, version: string, headers: string }} Node
 * @param {{ root: string, cache: string, env: NodeJS.ProcessEnv }} where
 * @param {Node} node
 * @returns {Promise<{ addon: string }>}
 */
export async function bringPackages(where, node) {
  await step({ name: 'npm packages', doing: 'installing what package-lock.json names' }, async () => {
    const npm = npmUnder(where.env, node.path)
    // Scripts of packages do not run: the one that is needed is run below, in the open.
    const args = [...npm.args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund']
    await run(npm.program, args, {
      cwd: where.root,
      env: npm.env,
      remedy: ['If it is the network, check that and start again.'],
    })
  })
  await bringAddon(where, node)
  return { addon: addonFolder(where, node) }
}
