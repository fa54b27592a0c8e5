import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readingCodec } from '../../../cli/pipeline.ts'
import { loadConfig } from '../../../platform/config.ts'
import { openIdempotentProducer } from '../../../platform/kafka-producer.ts'
import { committedValues } from '../../../platform/topic-values.ts'
import { CHALLENGER, CHAMPION } from '../../../schemas/deployment-slots.ts'
import type { ModelDeployment } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { until } from '../../support/pipeline.ts'

const ROOT = join(import.meta.dirname, '../../..')
const MAIN = join(ROOT, 'cli/main.ts')
const COMPONENTS = ['folds', 'scorer', 'sinks', 'control', 's3-offline-store', 'world']
/** Reviews a second: a slow machine keeps up with it while others use it too. */
const RATE = 50
/** Labels that a first model is fitted on here: few, so that it is there soon, and enough for the gate. */
const TRAIN_AFTER = 6000
const RATE_OF_LOOP = 120
/** A busy machine takes minutes to fit a model beside a running pipeline. */
const LOOP_WITHIN_MS = 900_000
const LOOK_MS = 2_000
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

const Score = z.object({ deploymentEpoch: z.number(), modelVersion: z.string() })
const Job = z.object({
  state: z.string(),
  cause: z.object({ kind: z.string(), alarmId: z.string() }),
  gate: z.object({ passed: z.boolean(), report: z.string() }),
})

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
  'a first model is trained and serves; the world changes: alarm, job, gate, shadow, canary and swap follow by themselves; one command takes it back',
  async () => {
    const [rate, trainAfter] = [RATE_OF_LOOP, TRAIN_AFTER].map(String) as [string, string]
    start = startShield('--rate', rate, '--train-after', trainAfter)
    const { child, written } = start
    expect((await runningPipeline(start)).ready).toBe(true)
    await until('a first model is decided', () => decided((all) => all.length > 0), LOOP_WITHIN_MS)
    const [first] = await deployments()
    expect(first).toMatchObject({ slot: CHAMPION, deploymentEpoch: 1, modelName: 'baseline', decidedBy: 'control' })
    await until('its successor serves', () => decided((all) => champions(all).length > 1), LOOP_WITHIN_MS)

    const [challenge, ...later] = (await deployments()).filter(({ slot }) => slot === CHALLENGER)
    expect([challenge?.mode, later[0]?.mode]).toEqual(['shadow', 'canary'])
    const second = champions(await deployments())[1] as ModelDeployment
    expect(second).toMatchObject({ ...versionOf(challenge), decidedBy: 'control', jobId: challenge?.jobId })
    const { cause, gate, state } = await jobOf(second.jobId)
    expect(state).toBe('champion')
    expect([cause.kind, gate.passed, gate.report]).toEqual(['drift', true, second.gateReport])
    const alarms = jsonLines(await shield('drift', 'ls', '--json'))
    expect(JSON.stringify(alarms)).toContain(cause.alarmId)

    expect(await shield('models', 'rollback', '--reason', 'a test')).toMatchObject({ exitCode: 0, stderr: '' })
    await until('the first one scores again', async () => (await newestScore())?.deploymentEpoch === 3, 120_000)
    expect(await newestScore()).toMatchObject(versionOf(first))
    child.kill('SIGINT')
    const { model, deadLetters } = await summaryOf(start) // also: nothing was started anew
    expect([model, deadLetters]).toEqual([`baseline@${first?.modelVersion}`, 0])
    expect(written.stderr).toMatch(/F1 0\.\d+ {2}drift: /)

    start = startShield('--rate', rate, '--train-after', trainAfter, '--for', '5s')
    expect((await summaryOf(start)).model).toBe(model)
  },
  3 * LOOP_WITHIN_MS,
)

/** Every decision about a slot, in the order of time. */
async function deployments(): Promise<ModelDeployment[]> {
  const config = loadConfig({ STATE_DIR: stateDir })
  const all = await Array.fromAsync(committedValues(config, readingCodec(config), 'modelDeployments'))
  return all.sort((a, b) => a.decidedAtMs - b.decidedAtMs)
}

/** @throws when the start has ended, or a task has failed. */
async function decided(isSo: (all: readonly ModelDeployment[]) => boolean): Promise<boolean> {
  const { child, written } = start as Start
  const logs = globSync(join(stateDir, 'tasks/*/log')).map((log) => readFileSync(log, 'utf8'))
  expect([child.exitCode, /SPL_.*/.exec(logs.join(''))?.[0]], written.stderr).toEqual([null, undefined])
  await sleep(LOOK_MS) // asking all the time would take the processors from the fit
  return isSo(await deployments())
}

const champions = (all: readonly ModelDeployment[]): ModelDeployment[] => all.filter(({ slot }) => slot === CHAMPION)
const versionOf = (one: ModelDeployment | undefined) => ({ modelVersion: one?.modelVersion })

async function jobOf(jobId: string): Promise<z.infer<typeof Job>> {
  const shown = await shield('jobs', 'show', jobId, '--json')
  return Job.parse(JSON.parse(shown.stdout))
}

async function newestScore(): Promise<z.infer<typeof Score> | undefined> {
  const tail = ['tail', 'spoiler-scores', '--from', '-1', '--limit', '1', '--no-follow', '--json']
  const [score] = jsonLines(await shield(...tail))
  return z.object({ value: Score }).safeParse(score).data?.value
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
