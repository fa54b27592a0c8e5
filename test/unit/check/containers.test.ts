import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { contextFiles, isSent, parseDockerignore } from '../../../scripts/containers/build-context.ts'
import {
  composeFindings,
  overlayFindings,
  readCompose,
  withDefaults,
} from '../../../scripts/containers/compose-findings.ts'
import { parseDockerfile } from '../../../scripts/containers/dockerfile.ts'
import { imageFindings, missingImports } from '../../../scripts/containers/image-findings.ts'

const ROOT = join(import.meta.dirname, '../../..')
const DOCKERFILE = `# comment
FROM node:24.1.0-slim AS base
WORKDIR /app
FROM base AS build
COPY package.json deploy/ ./
RUN apt-get update \\
  && apt-get install g++
COPY cli cli
FROM base AS runtime
COPY --from=build /app .
USER 1000:1000
HEALTHCHECK CMD ["node"]
`

test('stages are parsed with their names and bases', () => {
  expect(parseDockerfile(DOCKERFILE).map(({ name, base }) => [name, base])).toEqual([
    ['base', 'node:24.1.0-slim'],
    ['build', 'base'],
    ['runtime', 'base'],
  ])
})

test.each([
  { from: '', to: '', finding: [] },
  { from: 'node:24.1.0-slim', to: 'node:24', finding: ['node:24 has no exact version'] },
  { from: 'node:24.1.0-slim', to: 'node:latest', finding: ['node:latest has no exact version'] },
  { from: 'node:24.1.0-slim', to: 'node', finding: ['node has no exact version'] },
  { from: 'USER 1000:1000', to: 'USER 0:0', finding: ['runtime runs as 0:0, not as a numbered user'] },
  { from: 'USER 1000:1000\n', to: '', finding: ['runtime runs as root, not as a numbered user'] },
  { from: 'HEALTHCHECK CMD ["node"]\n', to: '', finding: ['runtime has no health check'] },
  { from: 'AS runtime', to: 'AS rantime', finding: ['runtime: no such stage'] },
])('a Dockerfile with $to instead of $from: $finding', ({ from, to, finding }) => {
  expect(imageFindings(parseDockerfile(DOCKERFILE.replace(from, to)), ['runtime'])).toEqual(finding)
})

test('of a .dockerignore the last pattern that matches a path or a folder above it decides', () => {
  const patterns = parseDockerignore('# comment\n*\n!cli\n!scripts/setup\n**/node_modules\n**/.*\n!.npmrc\n')
  const paths = ['cli/main.ts', 'cli/a/b.ts', 'scripts/setup/a.mjs', '.npmrc']
  const not = ['README.md', 'client.ts', 'scripts/a.ts', 'cli/node_modules/x.js', 'cli/.env', '.git/HEAD', '.local/x']
  expect([...paths, ...not].filter((path) => isSent(patterns, path))).toEqual(paths)
})

test('our .dockerignore keeps out what is private or made here, wherever it lies', () => {
  using cleanup = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-context-'))
  cleanup.defer(() => rmSync(folder, { recursive: true }))
  const kept = ['cli/main.ts', 'deploy/image/step.sh', 'package.json', 'scripts/setup/cache.mjs']
  const out = [
    '.env',
    '.git/HEAD',
    '.local/stack.env',
    'IMDB_reviews.json',
    'cli/node_modules/a.js',
    'node_modules/a.js',
  ]
  const files = [...kept, ...out, 'stats/__pycache__/a.pyc', 'test/a.ts']
  for (const file of files) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    writeFileSync(join(folder, file), '')
  }
  writeFileSync(join(folder, '.dockerignore'), readFileSync(join(ROOT, '.dockerignore'), 'utf8'))
  expect(contextFiles(folder)).toEqual(kept)
})

test('a module that is sent may import no module that is not', () => {
  const sources: Record<string, string> = {
    'cli/main.ts': "import { a } from '../stats/a.ts'\nawait import('./b.ts')\nimport z from 'zod'",
    'cli/b.ts': "import type { D } from '../bench/d.ts'",
  }
  expect(missingImports(Object.keys(sources), (file) => sources[file] ?? '')).toEqual([
    'cli/main.ts imports stats/a.ts, which is not sent to the engine',
    'cli/b.ts imports bench/d.ts, which is not sent to the engine',
  ])
})

const COMPOSE = {
  services: {
    kafka: { image: 'apache/kafka:4.3.1', ports: ['127.0.0.1:19092:19092'], volumes: ['kafka:/data'], healthcheck: {} },
    folds: {
      image: 'spoiler-shield:local',
      build: { context: '.', target: 'runtime' },
      read_only: true,
      depends_on: { kafka: { condition: 'service_healthy' } },
    },
    mlflow: { image: 'a/b:v1.2', profiles: ['mlflow'], healthcheck: { disable: true } },
  },
  volumes: { kafka: null },
}

test.each([
  { name: 'nothing', change: {}, findings: [] },
  {
    name: 'a dependency that does not exist',
    change: { depends_on: { kafak: { condition: 'service_healthy' } } },
    findings: ['folds: needs kafak, which does not exist'],
  },
  {
    name: 'a dependency that is only started',
    change: { depends_on: { kafka: { condition: 'service_started' } } },
    findings: ['folds: does not wait until kafka is healthy'],
  },
  {
    name: 'a dependency on a profile, without a health check',
    change: { depends_on: { mlflow: { condition: 'service_healthy' } } },
    findings: [
      'folds: needs mlflow, which its profile does not start',
      'folds: waits for mlflow, which has no health check',
    ],
  },
  {
    name: 'a port for everybody',
    change: { ports: ['9464:9464'] },
    findings: ['folds: port 9464:9464 is not on loopback'],
  },
  {
    name: 'a loose image',
    change: { build: undefined, image: 'spoiler-shield:latest' },
    findings: ['folds: the image spoiler-shield:latest has no exact version'],
  },
  {
    name: 'a root that can be written to',
    change: { read_only: false },
    findings: ['folds: its root file system can be written to'],
  },
  {
    name: 'a volume that nobody declares',
    change: { volumes: ['state:/state'] },
    findings: ['folds: the volume state is not declared'],
  },
])('a service with $name', ({ change, findings }) => {
  const services = { ...COMPOSE.services, folds: { ...COMPOSE.services.folds, ...change } }
  expect(composeFindings(readCompose({ ...COMPOSE, services }))).toEqual(findings)
})

test('an overlay adds to services that are there', () => {
  const overlay = { services: { folds: { environment: {} }, trainor: {} } }
  expect(overlayFindings(overlay, readCompose(COMPOSE))).toEqual(['trainor: no such service below'])
})

test('a variable with a default is the default, as long as nobody sets it', () => {
  expect(withDefaults('postgresql://a:${PASSWORD:-b}@c/${NAME:-}')).toBe('postgresql://a:b@c/')
  expect(withDefaults(7)).toBe('7')
})
