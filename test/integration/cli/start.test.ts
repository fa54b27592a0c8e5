import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { loadConfig } from '../../../platform/config.ts'
import { openIdempotentProducer } from '../../../platform/kafka-producer.ts'
import { topics } from '../../../schemas/topics.ts'
import { until } from '../../support/pipeline.ts'

const ROOT = join(import.meta.dirname, '../../..')
const MAIN = join(ROOT, 'cli/main.ts')
const COMPONENTS = ['folds', 'scorer', 'sinks', 'control', 's3-offline-store', 'world']
/** Reviews a second: a slow machine keeps up with it while others use it too. */
const RATE = 50
/** Labels that a first model is fitted on here: few, so that it is there soon, and enough for the gate. */
const TRAIN_AFTER = 6000
/** A busy machine takes minutes to fit a model beside a running pipeline. */
const TRAINING_WITHIN_MS = 900_000
const POISON = '{"reviewId": '

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

const Summary = z.object({
  seconds: z.number(),
  reviews: z.number().min(1),
  labels: z.number(),
  scores: z.number().min(1),
  latencyMs: z.object({ p50: z.number(), p99: z.number() }),
  spoilerShare: z.number().min(0).max(1),
  model: z.string(),
  deadLetters: z.number(),
  restarts: z.literal(0),
  secondsToFirstScore: z.number().positive(),
})
type Summary = z.infer<typeof Summary>

const Scored = z.object({ value: z.object({ modelName: z.string() }) })

let stateDir: string
let start: Start | undefined

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

interface Start {
  readonly child: ChildProcess
  readonly written: { stdout: string; stderr: string }
}

function startShield(...options: string[]): Start {
  const written = { stdout: '', stderr: '' }
  const child = spawnShield('start', '--json', '--rate', String(RATE), ...options)
  gather(child, written)
  return { child, written }
}

/** Its one line of JSON, once it has ended well. */
async function summaryOf({ child, written }: Start): Promise<Summary> {
  if (child.exitCode === null) await once(child, 'close')
  expect(child.exitCode, written.stderr).toBe(0)
  const lines = jsonLines(written)
  expect(lines).toHaveLength(1)
  return Summary.parse(lines[0])
}

/** Until everything is ready. @throws when the start has ended before. */
async function runningPipeline({ child, written }: Start): Promise<Status> {
  const { stderr } = child
  // asking all the time would take the processors from those who start
  while (child.exitCode === null && stderr !== null && !written.stderr.includes('✔ components'))
    await once(stderr, 'data')
  while (child.exitCode === null) {
    const { stdout, exitCode } = await shield('status', '--json')
    if (exitCode !== 0) continue
    const status = Status.parse(JSON.parse(stdout))
    // the offline store is started once scores flow
    if (status.components.length === COMPONENTS.length) return status
  }
  throw new Error(`shield start has ended with ${child.exitCode}:\n${written.stderr}`)
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
})
afterAll(async () => {
  if (start?.child.exitCode === null) {
    start.child.kill('SIGTERM')
    await once(start.child, 'close')
  }
  rmSync(stateDir, { recursive: true, force: true })
})

test('reviews are scored; other terminals look on; Ctrl-C leaves nothing running; the next start goes on', async () => {
  start = startShield()
  const { components } = await runningPipeline(start)
  expect(components.map(({ name }) => name)).toEqual(COMPONENTS)
  const pids = [...components.map(({ pid }) => pid), ...stackPids()]
  expect(pids.filter(isAlive)).toEqual(pids)
  await lookOn()

  start.child.kill('SIGINT')
  const first = await summaryOf(start)
  expect([first.deadLetters, first.model]).toEqual([1, expect.stringMatching(/^prior@/)])
  expect(pids.filter(isAlive)).toEqual([])
  expect(await shield('status')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('No components run') as string,
  })

  start = startShield('--for', '10s')
  const second = await summaryOf(start)
  expect(second.deadLetters).toBe(0)
  const reviews = first.reviews + second.reviews - 1 // one was poison
  expect(first.scores + second.scores).toBe(reviews)
  expect(acknowledgedByWorlds()).toEqual([reviews])
})

test(
  'once there are labels enough a model is fitted, takes over without a restart, and serves from then on',
  async () => {
    start = startShield('--rate', '150', '--train-after', String(TRAIN_AFTER))
    expect((await runningPipeline(start)).ready).toBe(true)
    // asking shield all the time would take the processors from the fit, which gets only what others leave
    await until('a version is fetched', () => versionIsFetched(start as Start), TRAINING_WITHIN_MS)
    while ((await newestModel()) !== 'baseline') expect(start.child.exitCode, start.written.stderr).toBe(null)
    const versions = await shield('models', 'ls')
    start.child.kill('SIGINT')
    const { model, deadLetters } = await summaryOf(start) // also: nothing was started anew
    expect([model, deadLetters]).toEqual([expect.stringMatching(/^baseline@[0-9a-f]{16}$/), 0])
    expect(versions.stdout).toContain(model)

    start = startShield('--for', '5s')
    expect((await summaryOf(start)).model).toBe(model)
  },
  TRAINING_WITHIN_MS,
)

/** The scorer keeps the versions that it fetched. */
function versionIsFetched({ child, written }: Start): boolean {
  const logs = globSync(join(stateDir, 'tasks/*/log'))
  const said = logs.map((log) => readFileSync(log, 'utf8')).join('')
  expect([child.exitCode, /SPL_.*/.exec(said)?.[0]], written.stderr).toEqual([null, undefined])
  const models = join(stateDir, 'models')
  return existsSync(models) && readdirSync(models).length > 0
}

/** Name of the model that gave the newest score. */
async function newestModel(): Promise<string | undefined> {
  const tail = ['tail', 'spoiler-scores', '--from', '-1', '--limit', '1', '--no-follow', '--json']
  const [score] = jsonLines(await shield(...tail))
  return Scored.safeParse(score).data?.value.modelName
}

async function lookOn(): Promise<void> {
  const [scores, listed, letters] = await Promise.all([
    shield('tail', 'spoiler-scores', '--from', 'beginning', '--limit', '3', '--json'),
    shield('topics', '--json'),
    shield('dlq', 'ls'),
  ])
  expect(scores).toMatchObject({ exitCode: 0, stderr: '' })
  const value = expect.objectContaining({ modelName: 'prior', probability: expect.any(Number) as number }) as unknown
  expect(jsonLines(scores)).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ value }) as unknown))

  expect(listed).toMatchObject({ exitCode: 0, stderr: '' })
  expect(jsonLines(listed)).toContainEqual(expect.objectContaining({ name: 'reviews', differences: [] }))

  expect(letters).toEqual({ exitCode: 0, stdout: 'No dead letters.\n', stderr: '' })
  await publishPoison()
  expect(await deadLetter()).toMatchObject({ code: 'SPL_JSON_INVALID', component: 'intake', value: { utf8: POISON } })

  const rebuilt = await shield('redis', 'rebuild', '--json')
  expect(rebuilt).toMatchObject({ exitCode: 0, stderr: '' })
  expect(jsonLines(rebuilt)).toEqual([expect.objectContaining({ removed: 0 })])
}

/** Reviews that were published, of each job that has a checkpoint. */
function acknowledgedByWorlds(): number[] {
  const folder = join(stateDir, 'produce')
  const checkpoints = readdirSync(folder).filter((name) => name.startsWith('world-') && !name.includes('rejects'))
  return checkpoints.map((name) => {
    const checkpoint = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { acknowledged: { reviews: number } }
    return checkpoint.acknowledged.reviews
  })
}

async function publishPoison(): Promise<void> {
  const config = loadConfig({ STATE_DIR: stateDir })
  await using producer = await openIdempotentProducer(config, 'poison')
  await producer.send({ topic: topics.reviews.name, partition: null, key: 'u1', value: Buffer.from(POISON) })
  await producer.flush()
}

/** Asked until it is there. */
async function deadLetter(): Promise<unknown> {
  for (;;) {
    const [letter] = jsonLines(await shield('dlq', 'ls', '--code', 'SPL_JSON_INVALID', '--json'))
    if (letter !== undefined || start?.child.exitCode !== null) return letter
  }
}
