import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseDockerfile } from '../../../scripts/containers/dockerfile.ts'
import { runStages } from '../../support/dockerfile-stages.ts'

const ROOT = join(import.meta.dirname, '../../..')

test('the stages of a Dockerfile run without an engine: copies, variables and scripts, without the package manager', async () => {
  using cleanup = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-stages-'))
  cleanup.defer(() => rmSync(folder, { recursive: true }))
  const context = join(folder, 'context')
  for (const [file, text] of Object.entries({
    'a/b/c.txt': 'c',
    'step.sh': 'echo $1-$WHO > made',
    '.dockerignore': '',
  })) {
    mkdirSync(join(context, dirname(file)), { recursive: true })
    writeFileSync(join(context, file), text)
  }
  const dockerfile = `FROM node:24.1.0 AS base
WORKDIR /app
FROM base AS build
RUN apt-get install a-package-that-nobody-has
ENV WHO=us WHERE=/opt/tools PATH=/opt/tools/bin:$PATH
COPY step.sh ./
COPY a copied
RUN sh step.sh /opt/tools
FROM base AS runtime
COPY --from=build /app .
`
  const options = { context, folder: join(folder, 'stages'), env: { PATH: '/usr/bin:/bin' } }
  const built = await runStages(parseDockerfile(dockerfile), 'build', options)
  expect(built.env).toEqual({
    WHO: 'us',
    WHERE: `${built.root}/opt/tools`,
    PATH: `${built.root}/opt/tools/bin:/usr/bin:/bin`,
  })
  const runtime = await runStages(parseDockerfile(dockerfile), 'runtime', { ...options, folder: join(folder, 'again') })
  const made = join(folder, 'again/build/opt/tools')
  expect(readdirSync(runtime.workdir).sort()).toEqual(['copied', 'made', 'step.sh'])
  expect(readFileSync(join(runtime.workdir, 'made'), 'utf8')).toBe(`${made}-us\n`)
  expect(readFileSync(join(runtime.workdir, 'copied/b/c.txt'), 'utf8')).toBe('c')
})

test('a step that fails ends the run with what it said', async () => {
  const stages = parseDockerfile('FROM node:24.1.0 AS base\nRUN sh -c "echo because >&2; exit 3"\n')
  using cleanup = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-stages-'))
  cleanup.defer(() => rmSync(folder, { recursive: true }))
  await expect(runStages(stages, 'base', { context: ROOT, folder, env: { PATH: '/usr/bin:/bin' } })).rejects.toThrow(
    'because',
  )
})

test('a file that is copied and not there ends the run', async () => {
  using cleanup = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-stages-'))
  cleanup.defer(() => rmSync(folder, { recursive: true }))
  const stages = parseDockerfile('FROM node:24.1.0 AS base\nCOPY clu clu\n')
  await expect(runStages(stages, 'base', { context: ROOT, folder, env: {} })).rejects.toThrow(
    'COPY clu: no such file is sent',
  )
})
