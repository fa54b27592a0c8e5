/** Names what set-up needs and cannot bring, with the command that mends it, before anything long starts. */
import { existsSync, mkdirSync, statfsSync } from 'node:fs'
import { platform } from 'node:os'
import { attempt } from './command.mjs'
import { plannedNodeVersion } from './node.mjs'
import { addonFolder } from './packages.mjs'
import { OPT_IN_STEPS } from './record.mjs'
import { SetupError } from './report.mjs'

/** Upper bounds of what each step leaves on disk, measured, with room for what it needs meanwhile. */
const NEEDED_BYTES = {
  node: 250e6,
  packages: 800e6,
  stack: 600e6,
  s3: 1200e6,
  trainers: 600e6,
  feast: 600e6,
  evidently: 900e6,
}
const INSTALL = {
  debian: (packages) => `Debian, Ubuntu: sudo apt-get install ${packages}`,
  fedora: (packages) => `Fedora:         sudo dnf install ${packages}`,
  mac: (command) => `macOS:          ${command}`,
}

/**
 * @typedef {{ what: string, debian: string, fedora: string, mac: string }} Need
 * @param {Need} need
 */
function remedyOf({ what, debian, fedora, mac }) {
  return [`- ${what}`, `    ${INSTALL.debian(debian)}`, `    ${INSTALL.fedora(fedora)}`, `    ${INSTALL.mac(mac)}`]
}

const PYTHON = {
  what: 'Python 3.10 or newer',
  debian: 'python3 python3-pip',
  fedora: 'python3 python3-pip',
  mac: 'brew install python',
}
const PIP = { ...PYTHON, what: 'pip, the package installer of Python', debian: 'python3-pip', fedora: 'python3-pip' }
const COMPILER = { what: 'a C++ compiler (c++)', debian: 'g++', fedora: 'gcc-c++', mac: 'xcode-select --install' }
const MAKE = { what: 'make', debian: 'make', fedora: 'make', mac: 'xcode-select --install' }
const HEADERS = {
  what: 'the headers of OpenSSL and zlib',
  debian: 'libssl-dev zlib1g-dev',
  fedora: 'openssl-devel zlib-devel',
  mac: 'brew install openssl@3 pkg-config',
}

/** @returns {Promise<Need[]>} */
async function missingPython() {
  const version = await attempt('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))'])
  if (version.code !== 0) return [PYTHON]
  const pip = await attempt('python3', ['-m', 'pip', '--version'])
  return pip.code === 0 ? [] : [PIP]
}

/** @param {NodeJS.ProcessEnv} env @returns {Promise<Need[]>} */
async function missingCompiler(env) {
  const compiler = env.CXX || 'c++'
  const compiles = async (source) =>
    (await attempt(compiler, ['-x', 'c++', '-fsyntax-only', '-'], { input: source })).code === 0
  const make = (await attempt('make', ['--version'])).code === 0 ? [] : [MAKE]
  if (!(await compiles('#include <string>\n')))
    return [COMPILER, ...make, ...(platform() === 'darwin' ? [] : [HEADERS])]
  // On macOS the package's own build finds Homebrew's OpenSSL through pkg-config, outside the compiler's path.
  if (platform() === 'darwin' || (await compiles('#include <openssl/ssl.h>\n#include <zlib.h>\n'))) return make
  return [...make, HEADERS]
}

/** @param {string} folder @param {number} neededBytes @param {string} name of the setting that moves it */
function checkDisk(folder, neededBytes, name) {
  mkdirSync(folder, { recursive: true })
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= neededBytes) return
  const [needed, free] = [neededBytes, bavail * bsize].map((bytes) => `${(bytes / 1e9).toFixed(1)} GB`)
  throw new SetupError(`${folder} has ${free} free, ${needed} are needed.`, [`Free some space, or ${name}.`])
}

/**
 * @param {{ root: string, cache: string, env: NodeJS.ProcessEnv }} where
 * @param {string[]} todo steps that will run
 * @throws {SetupError} naming everything that is missing at once
 */
export async function checkPrerequisites(where, todo) {
  const needed = todo.reduce((sum, name) => sum + NEEDED_BYTES[name], 0)
  checkDisk(where.cache, needed, 'set SPOILER_SHIELD_CACHE to a folder on another disk')
  const addon = addonFolder(where, { version: plannedNodeVersion(where) })
  const mayCompile = todo.includes('packages') && !existsSync(addon)
  const wantsPython = mayCompile || ['stack', 'trainers', ...OPT_IN_STEPS].some((name) => todo.includes(name))
  const missing = [
    ...(wantsPython ? await missingPython() : []),
    ...(mayCompile ? await missingCompiler(where.env) : []),
  ]
  if (missing.length === 0) return
  throw new SetupError('These are missing and cannot be brought by set-up:', missing.flatMap(remedyOf))
}
