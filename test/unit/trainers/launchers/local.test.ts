import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { TaskStatus } from '../../../../trainers/launchers/launcher.ts'
import { interruptTasks, localLauncher } from '../../../../trainers/launchers/local.ts'

const LOCAL = join(import.meta.dirname, '../../../../trainers/launchers/local.ts')

/** As a shell needs it. */
const ENV = { PATH: '/usr/bin:/bin' }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tasks-'))
})
afterEach(async () => {
  await interruptTasks(folder)
  rmSync(folder, { recursive: true })
})

/** Tasks are shell scripts here. */
const launcher = () => localLauncher({ folder, program: ['sh', '-c'], env: ENV })
const ended = (taskId: string): Promise<TaskStatus> =>
  vi.waitFor(
    async () => {
      const status = await launcher().status(taskId)
      if (status.kind === 'running') throw new Error('it runs')
      return status
    },
    { timeout: 20_000, interval: 50 },
  )
const runs = (taskId: string) =>
  vi.waitFor(async () => expect(await launcher().running()).toEqual([taskId]), { timeout: 20_000, interval: 50 })

test('a task runs once, however often and by however many it is submitted', async () => {
  const marks = join(folder, 'marks.txt')
  const line = [`echo run >>${marks}; sleep 0.3; echo '{"id":"d"}'`]
  await Promise.all([1, 2, 3].map(() => launcher().submit({ taskId: 'j-1', line })))
  await launcher().submit({ taskId: 'j-1', line })
  expect(await ended('j-1')).toEqual({ kind: 'succeeded', stdout: '{"id":"d"}\n' })
  await launcher().submit({ taskId: 'j-1', line }) // also when it has ended
  expect(readFileSync(marks, 'utf8')).toBe('run\n')
  rmSync(marks)
})

test('a task outlives the process that submitted it, killed with -9, and its result is found', async () => {
  const script = `import { localLauncher } from ${JSON.stringify(LOCAL)}
    const launcher = localLauncher({ folder: ${JSON.stringify(folder)}, program: ['sh', '-c'], env: process.env })
    await launcher.submit({ taskId: 'j-1', line: ['sleep 0.5; echo done'] })
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: 'inherit' })
  await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  expect(await ended('j-1')).toEqual({ kind: 'succeeded', stdout: 'done\n' })
})

test('what was never told to go ends without doing anything', async () => {
  const file = join(folder, 'done')
  const script = readFileSync(LOCAL, 'utf8').match(/const SCRIPT = `\n([^`]+)`/)?.[1] ?? ''
  const child = spawn('sh', ['-c', script, join(folder, 'exit'), 'touch', file], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.stdin.end()
  await once(child, 'exit')
  expect([existsSync(file), existsSync(join(folder, 'exit'))]).toEqual([false, false])
})

test.each([
  ['SPL_FIT_FAILED: no', 'failed'],
  ['SPL_S3_UNAVAILABLE: no', 'lost'],
])('a task that ended with %s is %s', async (text, kind) => {
  await launcher().submit({ taskId: 'j-1', line: [`echo 'reading: 1 of 2' >&2; echo '${text}' >&2; exit 1`] })
  expect(await ended('j-1')).toEqual({ kind, message: text })
})

test('a task that was killed is lost, with its shell or without it', async () => {
  await launcher().submit({ taskId: 'j-1', line: ['kill -9 $$'] })
  expect(await ended('j-1')).toMatchObject({ kind: 'lost', message: expect.stringContaining('137') as string })
  await launcher().submit({ taskId: 'j-2', line: ['kill -9 $PPID; exit 1'] })
  expect(await ended('j-2')).toEqual({ kind: 'lost', message: 'its process is gone' })
})

test('a cancelled task runs no more, nor does what it started', async () => {
  await launcher().submit({ taskId: 'j-1', line: ["trap '' INT; sleep 60 & wait; sleep 0.1"] })
  await runs('j-1')
  await launcher().cancel('j-1')
  expect(await launcher().running()).toEqual([])
  expect((await launcher().status('j-1')).kind).not.toBe('running')
}, 30_000)

test('progress is the newest line that tells one, and the log has all of them', async () => {
  const line = ["echo 'fitting: 3 of 1,100, 2/s' >&2; echo other >&2; sleep 60"]
  await launcher().submit({ taskId: 'j-1', line })
  await vi.waitFor(async () =>
    expect(await launcher().status('j-1')).toEqual({
      kind: 'running',
      progress: { step: 'fitting', done: 3, total: 1100 },
    }),
  )
  expect(await launcher().logs('j-1')).toBe('fitting: 3 of 1,100, 2/s\nother\n')
})

test('nothing is known of what was never submitted, and an id is no path', async () => {
  expect(await launcher().status('j-9')).toEqual({ kind: 'unknown' })
  expect(await launcher().logs('j-9')).toBe('')
  expect(() => launcher().status('../etc')).toThrow('no id of a task')
})
