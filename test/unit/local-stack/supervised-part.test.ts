import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identifyProcess } from '../../../platform/process-identity.ts'
import { SupervisedPart, type PartProgram, type PartProgress } from '../../../local-stack/supervised-part.ts'

let folder: string
let part: SupervisedPart
let progress: PartProgress[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'part-'))
  mkdirSync(join(folder, 'run'))
  progress = []
})
afterEach(async () => {
  await part.kill()
  rmSync(folder, { recursive: true })
})

const IDLE = "setInterval(() => undefined, 1000); console.log('up')"

function supervise(script: string, changed: Partial<PartProgram> = {}): SupervisedPart {
  part = new SupervisedPart({
    part: 'redis',
    logFile: join(folder, 'redis.log'),
    runFolder: join(folder, 'run'),
    program: () => ({
      command: process.execPath,
      args: ['-e', script],
      answers: (log) => Promise.resolve(log.includes('up')),
      readyWithinMs: 10_000,
      stopWithinMs: 10_000,
      ...changed,
    }),
    onProgress: (event) => progress.push(event),
  })
  return part
}

const states = () => progress.map(({ state }) => state)

test('it runs in a process group of its own, recorded while it runs', async () => {
  await supervise(IDLE).start()
  const { pid } = part
  if (pid === undefined) throw new Error('no pid')
  expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2]).toBe(String(pid))
  expect(JSON.parse(readFileSync(join(folder, 'run/redis.json'), 'utf8'))).toEqual(identifyProcess(pid))
  await part.stop()
  expect(part.pid).toBeUndefined()
  expect(identifyProcess(pid)).toBeUndefined()
  expect(existsSync(join(folder, 'run/redis.json'))).toBe(false)
  expect(states()).toEqual(['starting', 'ready', 'stopping', 'stopped'])
})

test('one that ends by itself is started again', async () => {
  await supervise(IDLE).start()
  const first = part.pid
  process.kill(first ?? 0, 'SIGKILL')
  await expect.poll(states, { timeout: 10_000 }).toEqual(['starting', 'ready', 'exited', 'starting', 'ready'])
  expect(part.pid).not.toBe(first)
  await part.ready()
  expect(progress[2]?.detail).toBe('it was ended by SIGKILL; starting again in 0.5 s')
})

test.each(['stop', 'kill'] as const)('after %s it stays down until it is started', async (end) => {
  await supervise(IDLE).start()
  await part[end]()
  expect(part.pid).toBeUndefined()
  expect(states().filter((state) => state === 'exited')).toEqual([])
  await part.start()
  expect(part.pid).toBeDefined()
})

test('one that ends while it starts is an error with its reason and the last lines of its log', async () => {
  const script =
    "for (let i = 0; i < 40; i++) console.log(`line ${i}`); console.error('no space left'); process.exit(3)"
  const failure: unknown = await supervise(script)
    .start()
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'SPL_STACK_FAILED', context: { part: 'redis' } })
  const { message } = failure as Error
  expect(message).toMatch(/starting redis: it ended with exit code 3\n/)
  expect(message).toMatch(/\| line 39\n {2}\| no space left\nWhole log: .*redis\.log$/)
  expect(message).not.toContain('line 10\n')
  expect(states()).toEqual(['starting', 'failed'])
})

test('one that never answers is ended after its time', async () => {
  const failure = supervise('setInterval(() => undefined, 1000)', { readyWithinMs: 300 }).start()
  await expect(failure).rejects.toThrow('it did not answer within 0.3 s')
  await expect.poll(() => part.pid).toBeUndefined()
})

test('a program that does not exist is an error, not a crash', async () => {
  const failure = supervise('', { command: join(folder, 'nothing-here') }).start()
  await expect(failure).rejects.toThrow(/it cannot be run: .*ENOENT/)
})

test('asked to keep trying, a first start that failed succeeds later by itself', async () => {
  const flag = join(folder, 'broker-is-up')
  const script = `if (!require('node:fs').existsSync(${JSON.stringify(flag)})) process.exit(1); ${IDLE}`
  await expect(supervise(script).start({ keepTrying: true })).rejects.toThrow('exit code 1')
  writeFileSync(flag, '')
  await expect.poll(states, { timeout: 10_000 }).toContain('ready')
})

test('one that ignores SIGTERM is killed after its time', async () => {
  await supervise(`process.on('SIGTERM', () => undefined); ${IDLE}`, { stopWithinMs: 200 }).start()
  const { pid } = part
  await part.stop()
  expect(identifyProcess(pid ?? 0)).toBeUndefined()
})

test('stopping while it waits to start again ends the waiting', async () => {
  await supervise(IDLE).start()
  process.kill(part.pid ?? 0, 'SIGKILL')
  await expect.poll(states).toContain('exited')
  await part.stop()
  await part.start()
  expect(states().filter((state) => state === 'ready')).toHaveLength(2)
})
