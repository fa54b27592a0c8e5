import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identifyProcess } from '../../../platform/process-identity.ts'
import { startStack, type LocalStack, type PartProgress, type StackPart } from '../../../local-stack/stack.ts'

const main = join(import.meta.dirname, '../../../local-stack/main.ts')
let stateDir: string
let dataDir: string
const owners: ChildProcess[] = []

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'stack-'))
  dataDir = join(stateDir, 'stack')
  mkdirSync(dataDir)
  // Not the default ports: while a part is down here, another stack on this machine might take them.
  writeFileSync(
    join(dataDir, 'ports.json'),
    JSON.stringify({ kafka: 29_392, controller: 29_393, registry: 28_381, redis: 26_679, s3: 29_300 }),
  )
})
afterEach(async () => {
  for (const owner of owners.splice(0)) {
    if (owner.exitCode !== null || owner.signalCode !== null) continue
    owner.kill('SIGTERM')
    await once(owner, 'exit')
  }
  rmSync(stateDir, { recursive: true })
})

/** The stack in a process of its own, as people run it; resolves when its addresses are printed. */
async function startOwner(): Promise<ChildProcess & { readonly pid: number }> {
  const owner = spawn(process.execPath, [main], {
    env: { PATH: '/usr/bin:/bin', STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  owners.push(owner)
  for await (const text of owner.stdout) if (String(text).includes('REDIS_URL=')) break
  return owner as ChildProcess as ChildProcess & { readonly pid: number }
}

function pidOf(part: StackPart): number {
  return (JSON.parse(readFileSync(join(dataDir, 'run', `${part}.json`), 'utf8')) as { pid: number }).pid
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

async function withAdmin<T>(brokers: string, use: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

const topicsOf = ({ env }: LocalStack) => withAdmin(env.KAFKA_BROKERS, (admin) => admin.listTopics())
const createTopic = (brokers: string, topic: string) =>
  withAdmin(brokers, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))

test('Ctrl-C stops all parts in order and leaves nothing running; a second owner is refused meanwhile', async () => {
  const owner = await startOwner()
  const pids = [pidOf('kafka'), pidOf('redis'), pidOf('registry'), pidOf('s3')]
  await expect(startStack({ dataDir })).rejects.toThrow(`process ${owner.pid} runs a stack there`)
  const env = parseEnv(readFileSync(join(stateDir, 'stack.env'), 'utf8'))
  expect(env['KAFKA_BROKERS']).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(pids.filter((pid) => identifyProcess(pid) !== undefined)).toEqual(pids)

  owner.kill('SIGINT')
  expect(await once(owner, 'exit')).toEqual([0, null])
  expect(pids.filter((pid) => identifyProcess(pid) !== undefined)).toEqual([])
  expect(existsSync(join(dataDir, 'run/owner.json'))).toBe(false)
})

test('kill -9 of the owner blocks nothing: the next start ends what is left, and has the same ports and data', async () => {
  const owner = await startOwner()
  const env = parseEnv(readFileSync(join(stateDir, 'stack.env'), 'utf8'))
  await createTopic(env['KAFKA_BROKERS'] ?? '', 'kept')
  await withRedis(env['REDIS_URL'] ?? '', (redis) => redis.set('kept', 'yes'))
  const leftovers = [pidOf('kafka'), pidOf('redis'), pidOf('registry'), pidOf('s3')]
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  expect(leftovers.filter((pid) => identifyProcess(pid) !== undefined)).toEqual(leftovers)

  await using stack = await startStack({ dataDir })
  expect(leftovers.filter((pid) => identifyProcess(pid) !== undefined)).toEqual([])
  expect(stack.env).toEqual(env)
  expect(await topicsOf(stack)).toContain('kept')
  expect(await withRedis(stack.env.REDIS_URL, (redis) => redis.get('kept'))).toBe('yes')
})

test('parts go down and come back as told, and by themselves when nobody told them; the registry keeps its schemas', async () => {
  const progress: PartProgress[] = []
  await using stack = await startStack({ dataDir, onProgress: (event) => progress.push(event) })
  await stack.ready('registry')
  const versions = `${stack.env.SCHEMA_REGISTRY_URL}/subjects/test-value/versions`
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const registered = await fetch(versions, { method: 'POST', headers, body: JSON.stringify({ schema: '"string"' }) })
  expect(registered.status).toBe(200)

  await stack.kill('registry')
  await expect(fetch(versions)).rejects.toThrow('fetch failed')
  await stack.start('registry')
  expect(await (await fetch(versions)).json()).toEqual([1])

  await stack.stop('redis')
  expect(stack.pid('redis')).toBeUndefined()
  await stack.start('redis')
  expect(await withRedis(stack.env.REDIS_URL, (redis) => redis.ping())).toBe('PONG')

  await createTopic(stack.env.KAFKA_BROKERS, 'survives')
  const before = progress.length
  process.kill(stack.pid('kafka') ?? 0, 'SIGKILL')
  const kafkaStates = () => progress.slice(before).flatMap(({ part, state }) => (part === 'kafka' ? [state] : []))
  await expect.poll(kafkaStates, { timeout: 120_000 }).toEqual(['exited', 'starting', 'ready'])
  expect(await topicsOf(stack)).toContain('survives')
})

test('a configured port that is taken is named, and nothing is left running', async () => {
  await using redis = await startStack({ dataDir, parts: ['redis'] })
  const other = join(stateDir, 'other')
  const taken = redis.ports.redis
  await expect(startStack({ dataDir: other, parts: ['redis'], ports: { redis: taken } })).rejects.toMatchObject({
    code: 'SPL_STACK_FAILED',
    context: { port: taken },
  })
  expect(existsSync(join(other, 'run/owner.json'))).toBe(false)
})

test('a part that cannot start takes the others down with it and shows its log', async () => {
  const progress: PartProgress[] = []
  const first = await startStack({ dataDir, parts: ['kafka'] })
  await first[Symbol.asyncDispose]()
  const identity = join(dataDir, 'kafka/meta.properties')
  writeFileSync(identity, readFileSync(identity, 'utf8').replace('node.id=1', 'node.id=2'))
  const failed = startStack({ dataDir, parts: ['kafka', 'redis'], onProgress: (event) => progress.push(event) })
  await expect(failed).rejects.toThrow(
    /SPL_STACK_FAILED while starting kafka: [^]*\n {2}\| .*\n[^]*Whole log: .*kafka\.log/,
  )
  expect(progress.filter(({ part }) => part === 'redis').at(-1)?.state).toBe('stopped')
})
