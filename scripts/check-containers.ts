// Checks Dockerfile, .dockerignore and the Compose files without an engine.
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { contextFiles } from './containers/build-context.ts'
import { type Compose, composeFindings, overlayFindings, readCompose } from './containers/compose-findings.ts'
import { parseDockerfile } from './containers/dockerfile.ts'
import { imageFindings, missingImports } from './containers/image-findings.ts'

// @ts-expect-error plain JavaScript without types
const { cacheFolder } = (await import('./setup/cache.mjs')) as { cacheFolder: (env: NodeJS.ProcessEnv) => string }
// @ts-expect-error plain JavaScript without types
const { pythonFolder } = (await import('./setup/stack.mjs')) as {
  pythonFolder: (wanted: Readonly<Record<'cache' | 'toolchain' | 'name' | 'label' | 'lock', string>>) => Promise<string>
}

const ROOT = join(import.meta.dirname, '..')
const COMPOSE = 'docker-compose.yml'
const GPU = 'docker-compose.gpu.yml'
const TO_JSON =
  'import json, sys; from ruamel.yaml import YAML; json.dump(YAML(typ="safe", pure=True).load(sys.stdin), sys.stdout)'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** Brings the tools, locked by checksum. @returns Environment in which Python and the shell find them. */
async function bringTools(): Promise<NodeJS.ProcessEnv> {
  const folder = await pythonFolder({
    cache: cacheFolder(process.env),
    toolchain: join(ROOT, 'local-stack/toolchain'),
    name: 'container-checks',
    label: 'checks of container files',
    lock: join(ROOT, 'deploy/checks.lock'),
  })
  const path = [join(folder, 'bin'), process.env['PATH']].join(delimiter)
  return { ...process.env, PYTHONPATH: folder, PATH: path, NO_COLOR: '1' }
}

async function parseYaml(file: string): Promise<unknown> {
  const json = execFileSync('python3', ['-c', TO_JSON], { env: await bringTools(), input: read(file) })
  return JSON.parse(json.toString('utf8'))
}

/** @returns docker-compose.yml with anchors and merge keys resolved. */
export async function composeFile(): Promise<Compose> {
  return readCompose(await parseYaml(COMPOSE))
}

async function toolFindings(): Promise<string[]> {
  const env = await bringTools()
  const schema = ['-m', 'check_jsonschema', '--builtin-schema', 'vendor.compose-spec', COMPOSE, GPU]
  const runs = [
    ['python3', schema],
    ['hadolint', ['--failure-threshold', 'style', 'Dockerfile']],
  ] as const
  return runs.flatMap(([program, args]) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: ROOT, env, encoding: 'utf8' })
    return status === 0 ? [] : [`${program}: ${error?.message ?? ''}${stdout}${stderr}`.trimEnd()]
  })
}

async function containerFindings(): Promise<string[]> {
  const compose = await composeFile()
  const targets = new Set(Object.values(compose.services).flatMap(({ build }) => build?.target ?? []))
  return [
    ...(await toolFindings()),
    ...composeFindings(compose).map((text) => `${COMPOSE}: ${text}`),
    ...overlayFindings(await parseYaml(GPU), compose).map((text) => `${GPU}: ${text}`),
    ...imageFindings(parseDockerfile(read('Dockerfile')), [...targets]).map((text) => `Dockerfile: ${text}`),
    ...missingImports(contextFiles(ROOT), read).map((text) => `.dockerignore: ${text}`),
  ]
}

if (import.meta.main) {
  const findings = await containerFindings()
  process.stdout.write(findings.map((finding) => `${finding}\n`).join(''))
  if (findings.length > 0) process.exitCode = 1
}
