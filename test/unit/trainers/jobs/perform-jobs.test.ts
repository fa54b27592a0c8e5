import fc from 'fast-check'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { ControlEntry } from '../../../../schemas/generated.ts'
import type { Launcher, TaskStatus } from '../../../../trainers/launchers/launcher.ts'
import { JobPerformer, type Said } from '../../../../trainers/jobs/perform-jobs.ts'
import { deploymentsOf, driveControl, entryOf, jobsOf, pathsOf } from '../../../support/control-log.ts'

const SEED = 23
const OUTPUT: Readonly<Record<string, object>> = {
  dataset: { id: 'd1' },
  train: { name: 'baseline', version: '0123456789abcdef', featureService: 'spoiler_v1', source: 's' },
  models: { passed: true, reason: 'better', championEpoch: 0, report: null },
}

class Crash extends Error {}

/** A launcher that outlives its users, a log that control folds, and a control that may die at any step. */
class World {
  readonly log: ControlEntry[] = [entryOf({ request: { jobId: 'j', reason: 'please', plan: null } })]
  readonly started: string[] = []
  readonly cancelled: string[] = []
  readonly #tasks = new Map<string, { status: TaskStatus; looks: number }>()
  #steps = 0
  readonly #crashes: ReadonlySet<number>

  constructor(crashes: readonly number[]) {
    this.#crashes = new Set(crashes)
  }

  /** Every step of a performer passes here: it may be its last. */
  #step(): void {
    this.#steps += 1
    if (this.#crashes.has(this.#steps)) throw new Crash()
  }

  readonly launcher: Launcher = {
    submit: ({ taskId, line: [command = ''] }) => {
      this.#step()
      if (!this.#tasks.has(taskId)) {
        this.started.push(taskId)
        const stdout = JSON.stringify(OUTPUT[command])
        this.#tasks.set(taskId, { status: { kind: 'succeeded', stdout }, looks: 2 })
      }
      this.#step()
      return Promise.resolve()
    },
    status: (taskId) => {
      this.#step()
      const task = this.#tasks.get(taskId)
      if (task === undefined) return Promise.resolve({ kind: 'unknown' })
      task.looks -= 1
      return Promise.resolve(task.looks > 0 ? { kind: 'running', progress: null } : task.status)
    },
    logs: () => Promise.resolve(''),
    cancel: (taskId) => {
      this.cancelled.push(taskId)
      this.#tasks.delete(taskId)
      return Promise.resolve()
    },
    running: () => Promise.resolve([...this.#tasks].flatMap(([id, { looks }]) => (looks > 0 ? [id] : []))),
  }

  performer(): JobPerformer {
    const say = (entryId: string, said: Said): Promise<void> => {
      this.#step()
      this.log.push(entryOf({ entryId, by: 'control', ...said }))
      this.#step()
      return Promise.resolve()
    }
    const untilReady = (): Promise<boolean> => Promise.resolve(true)
    return new JobPerformer({ launcher: this.launcher, say, untilReady, log: pino({ level: 'silent' }) })
  }

  /** Looks again and again, with a new performer after each crash. */
  async run(): Promise<void> {
    let performer = this.performer()
    for (let look = 0; look < 60; look += 1) {
      for (const job of jobsOf(driveControl(this.log))) performer.learn(job)
      try {
        await performer.look()
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        performer = this.performer()
      }
    }
  }
}

test('killed at any steps it goes on: each task is started once, one version is registered and deployed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }), async (crashes) => {
      const world = new World(crashes)
      await world.run()
      const driven = driveControl(world.log)
      expect(world.started).toEqual(['j-1', 'j-2', 'j-3'])
      expect(pathsOf(driven)).toEqual({ j: ['requested', 'building', 'fitting', 'registered', 'gated', 'champion'] })
      expect(deploymentsOf(driven)).toHaveLength(1)
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('what runs for a job that was cancelled meanwhile is ended, also by another performer', async () => {
  const world = new World([])
  const first = world.performer()
  for (const job of jobsOf(driveControl(world.log))) first.learn(job)
  await first.look()
  expect(world.started).toEqual(['j-1'])
  world.log.push(entryOf({ jobCommand: { jobId: 'j', action: 'cancel', retries: 0, reason: 'no' } }))
  await world.run()
  expect([world.started, world.cancelled]).toEqual([['j-1'], ['j-1']])
})

test('output that is no result fails the job', async () => {
  const world = new World([])
  const { launcher } = world
  const odd: Launcher = { ...launcher, status: () => Promise.resolve({ kind: 'succeeded', stdout: 'hello' }) }
  const said: Said[] = []
  const say = (_: string, what: Said): Promise<void> => Promise.resolve(void said.push(what))
  const performer = new JobPerformer({
    launcher: odd,
    say,
    untilReady: () => Promise.resolve(true),
    log: pino({ level: 'silent' }),
  })
  for (const job of jobsOf(driveControl(world.log))) performer.learn(job)
  await performer.look()
  expect(said).toMatchObject([{ taskReport: { taskId: 'j-1', state: 'failed' } }])
})
