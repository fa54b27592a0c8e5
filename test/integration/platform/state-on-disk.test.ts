import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changelogTopic } from '../../../platform/changelog.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { fold, UserActivityFeed } from '../../support/fold-process.ts'
import { metricOf, type Pipeline, startPipeline, statusOf, unready, until } from '../../support/pipeline.ts'

const NAME = 'user-history'

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let feed: UserActivityFeed

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry']))
  feed = new UserActivityFeed(pipeline)
})
afterAll(() => resources.disposeAsync())

const folder = (): string => join(pipeline.config.STATE_DIR, 'state', changelogTopic(NAME))
const fileOf = (partition: number): string => join(folder(), `${partition}.sqlite`)

/** Starts the fold, waits until its state is there, and tells how many records of the changelog that took. */
async function start(): Promise<{ running: Supervisor; tail: number; all: number }> {
  const running = fold(pipeline, NAME)
  await until('the state is restored', async () => {
    const reasons = await unready(running, NAME)
    return reasons !== undefined && Object.keys(reasons).length === 0 && (await assigned(running)) > 0
  })
  const restored = (part: string) => metricOf(running, NAME, 'spoiler_restored_records_total', { part })
  return { running, tail: await restored('tail'), all: await restored('all') }
}

const assigned = (running: Supervisor) => metricOf(running, NAME, 'spoiler_assigned_partitions')
const recordsIn = (running: Supervisor) => metricOf(running, NAME, 'spoiler_records_in_total')

/** Publishes known reviews once more: only a state that has forgotten some would let them through. */
async function publishAgain(running: Supervisor): Promise<void> {
  const known = await pipeline.records('userActivity')
  const [before, step] = [await recordsIn(running), Math.ceil(known.length / 200)]
  const again = known.filter((_, i) => i % step === 0)
  for (const { value } of again) await feed.again(value)
  await until('they are read', async () => (await recordsIn(running)) >= before + again.length)
  await feed.untilEmittedOnce()
}

test('a restart on the same machine reads the tail of the changelog, not all of it', async () => {
  {
    const { running, tail, all } = await start()
    expect([tail, all]).toEqual([0, 0])
    await feed.publish(3_000)
    await feed.untilEmittedOnce()
    await running[Symbol.asyncDispose]()
  }
  const second = await start()
  expect(second.all).toBe(0)
  await feed.publish(20)
  await feed.untilEmittedOnce()
  await second.running[Symbol.asyncDispose]()

  const third = await start()
  expect(third.all).toBe(0)
  expect(third.tail).toBeGreaterThan(0)
  expect(third.tail).toBeLessThanOrEqual(20 * 3) // an author, a review, and the applied offset of a batch
  await publishAgain(third.running)
  await third.running[Symbol.asyncDispose]()
})

test('kill -9 at any time leaves a state that goes on where the transactions stand', async () => {
  const { running } = await start()
  for (let kill = 0; kill < 4; kill += 1) {
    const { pid } = statusOf(running, NAME)
    const before = (await feed.emitted()).length
    await feed.publish(500)
    await until('the fold is in the middle of it', async () => (await feed.emitted()).length > before)
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await until('it runs again', () => {
      const now = statusOf(running, NAME)
      return now.pid !== undefined && now.pid !== pid && now.url !== undefined
    })
    await feed.untilEmittedOnce()
  }
  expect(await metricOf(running, NAME, 'spoiler_restored_records_total', { part: 'all' })).toBe(0)
  await publishAgain(running)
  await running[Symbol.asyncDispose]()
})

test('files that are damaged, cut off or of another partition are restored from the changelog', async () => {
  const [cut, overwritten, foreign] = [readFileSync(fileOf(0)), readFileSync(fileOf(1)), readFileSync(fileOf(3))]
  writeFileSync(fileOf(0), cut.subarray(0, Math.floor(cut.length / 2)))
  overwritten.fill(0xab, 8192, 16_384)
  writeFileSync(fileOf(1), overwritten)
  writeFileSync(fileOf(2), foreign)
  const { running, all } = await start()
  expect(all).toBeGreaterThan(0)
  const logged = readFileSync(join(pipeline.config.STATE_DIR, 'logs', `${NAME}.log`), 'utf8')
  expect(logged.match(/SPL_STATE_DAMAGED while using[^"]*[012]\.sqlite/g)?.length).toBeGreaterThanOrEqual(3)
  await publishAgain(running)
  await running[Symbol.asyncDispose]()
  expect((await start()).all).toBe(0)
})

test('nothing but the files of the partitions and their locks is left', () => {
  expect(readdirSync(folder()).filter((name) => !/^[0-3]\.(lock|sqlite|sqlite-wal)$/.test(name))).toEqual([])
})
