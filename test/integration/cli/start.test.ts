import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

const ROOT = join(import.meta.dirname, '../../..')
const MAIN = join(ROOT, 'cli/main.ts')
const PUBLISHING = '20s'

interface Ran {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

const Status = z.object({
  ready: z.boolean(),
  components: z.array(z.object({ name: z.string(), pid: z.number(), ready: z.boolean() })),
})
type Status = z.infer<typeof Status>

let stateDir: string
let start: ChildProcess
const started = { stdout: '', stderr: '' }

/** Another terminal: the environment names the state folder and nothing else. */
function spawnShield(...line: string[]): ChildProcess {
  const env = { PATH: '/usr/bin:/bin', STATE_DIR: stateDir }
  return spawn(process.execPath, [MAIN, ...line], { env, cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
}

function gather(child: ChildProcess, into: { stdout: string; stderr: string }): void {
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (into.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (into.stderr += text))
}

async function shield(...line: string[]): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const child = spawnShield(...line)
  gather(child, written)
  await once(child, 'close')
  return { exitCode: child.exitCode, ...written }
}

function jsonLines({ stdout }: Pick<Ran, 'stdout'>): unknown[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

/** Until everything is ready and scores are there. @throws when the start has ended before. */
async function runningPipeline(): Promise<Status> {
  while (start.exitCode === null) {
    const { stdout, exitCode } = await shield('status', '--json')
    if (exitCode === 0) return Status.parse(JSON.parse(stdout))
    await delay(200)
  }
  throw new Error(`shield start has ended with ${start.exitCode}:\n${started.stderr}`)
}

function stackPids(): number[] {
  const folder = join(stateDir, 'stack/run')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { pid: number }).pid)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'shield-start-'))
  start = spawnShield('start', '--for', PUBLISHING, '--json')
  gather(start, started)
})
afterAll(async () => {
  if (start.exitCode === null) {
    start.kill('SIGTERM')
    await once(start, 'close')
  }
  rmSync(stateDir, { recursive: true, force: true })
})

test('one command scores generated reviews; other terminals look on; nothing is left running', async () => {
  const { components } = await runningPipeline()
  expect(components.map(({ name }) => name)).toEqual(['folds', 'scorer', 'sinks', 'world'])
  const pids = [...components.map(({ pid }) => pid), ...stackPids()]
  expect(pids.filter(isAlive).length).toBe(pids.length)

  const scores = await shield('tail', 'spoiler-scores', '--from', 'beginning', '--limit', '3', '--json')
  expect(scores).toMatchObject({ exitCode: 0, stderr: '' })
  expect(jsonLines(scores)).toEqual(
    Array.from({ length: 3 }, () => expect.objectContaining({ value: scoreValue() }) as unknown),
  )

  const topics = await shield('topics', '--json')
  expect(topics).toMatchObject({ exitCode: 0, stderr: '' })
  expect(jsonLines(topics)).toContainEqual(expect.objectContaining({ name: 'reviews', differences: [] }))
  expect(await shield('dlq', 'ls')).toEqual({ exitCode: 0, stdout: 'No dead letters.\n', stderr: '' })
  const rebuilt = await shield('redis', 'rebuild', '--json')
  expect(rebuilt).toMatchObject({ exitCode: 0, stderr: '' })
  expect(jsonLines(rebuilt)).toEqual([expect.objectContaining({ removed: 0 })])

  if (start.exitCode === null) await once(start, 'close')
  expect(start.exitCode, started.stderr).toBe(0)
  const [summary, ...others] = jsonLines(started) as Record<string, unknown>[]
  expect(others).toEqual([])
  expect(summary).toMatchObject({ deadLetters: 0, restarts: 0, model: expect.stringMatching(/^prior@/) as string })
  expect(summary?.['reviews']).toBeGreaterThan(0)
  expect(summary?.['scores']).toBe(summary?.['reviews'])
  expect(summary?.['secondsToFirstScore']).toBeGreaterThan(0)
  expect(pids.filter(isAlive)).toEqual([])
})

test('afterwards status says that nothing runs', async () => {
  expect(start.exitCode).not.toBeNull()
  const { exitCode, stdout } = await shield('status')
  expect(exitCode).toBe(1)
  expect(stdout).toContain('No components run')
})

function scoreValue(): unknown {
  return expect.objectContaining({ modelName: 'prior', probability: expect.any(Number) as number })
}
