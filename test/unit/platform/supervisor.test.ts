import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ComponentStatus, Supervisor } from '../../../platform/supervisor.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/components')

let folder: string
let script: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'))
  script = join(folder, 'script')
})
afterEach(() => rmSync(folder, { recursive: true }))

const log = (): string => readFileSync(join(folder, 'scripted.log'), 'utf8')

/** Supervises a component that does one thing after the other, start by start; the last one again and again. */
class Supervised implements AsyncDisposable {
  readonly seen: (ComponentStatus & { readonly atMs: number })[] = []
  readonly supervisor: Supervisor
  readonly #changes = new EventEmitter()

  constructor(...behaviours: string[]) {
    writeFileSync(script, behaviours.join('\n'))
    this.supervisor = new Supervisor([{ name: 'scripted', argv: [join(FIXTURES, 'scripted.ts'), script] }], {
      env: { STATE_DIR: folder },
      logDir: folder,
      onChange: (status) => {
        this.seen.push({ ...status, atMs: performance.now() })
        this.#changes.emit('change')
      },
    })
  }

  get status(): ComponentStatus {
    return this.supervisor.status()[0] as ComponentStatus
  }

  /** Waits until the component is in some state, as told by its supervisor. */
  async until(reached: (status: ComponentStatus) => boolean): Promise<ComponentStatus> {
    while (!reached(this.status)) await once(this.#changes, 'change')
    return this.status
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.supervisor[Symbol.asyncDispose]()
  }
}

const serves = ({ url }: ComponentStatus): boolean => url !== undefined

describe('a component that ends is started anew', () => {
  test('after a failure, each time after a longer pause, and says why it ended', async () => {
    await using supervised = new Supervised('fail with a bug', 'ask for a new process', 'wait for the end')
    await supervised.until((status) => status.restarts === 2 && serves(status))
    const restarting = supervised.seen.filter(({ state }) => state === 'restarting')
    expect(restarting.map(({ lastFailure }) => lastFailure)).toEqual([
      'a bug of ours',
      'SPL_TRANSACTION_STUCK while committing',
    ])
    const pauses = restarting.map(({ atMs }) => {
      const next = supervised.seen.find((status) => status.state === 'running' && status.atMs > atMs)
      return (next?.atMs ?? Infinity) - atMs
    })
    expect(pauses[0]).toBeGreaterThan(240)
    expect(pauses[1]).toBeGreaterThan(490)
  })

  test('after kill -9, under another process id', async () => {
    await using supervised = new Supervised('wait for the end')
    const { pid } = await supervised.until(serves)
    process.kill(pid as number, 'SIGKILL')
    await supervised.until((status) => status.state === 'restarting')
    expect(supervised.status).toMatchObject({ lastFailure: 'killed by SIGKILL', url: undefined, pid: undefined })
    const again = await supervised.until(serves)
    expect(again).toMatchObject({ state: 'running', restarts: 1 })
    expect(again.pid).not.toBe(pid)
  })

  test('a failure without a word is not blamed on the one before', async () => {
    await using supervised = new Supervised('fail with a bug', 'exit without a word', 'wait for the end')
    await supervised.until((status) => status.restarts === 2)
    expect(supervised.status.lastFailure).toBe('exit code 1')
  })

  test.skipIf(!existsSync('/proc/self/fd'))('and leaves no open file behind in the supervisor', async () => {
    await using supervised = new Supervised('exit without a word', 'exit without a word', 'wait for the end')
    const openFiles = (): number => readdirSync('/proc/self/fd').length
    await supervised.until((status) => status.restarts === 1)
    const before = openFiles()
    await supervised.until((status) => status.restarts === 2)
    expect(openFiles()).toBe(before)
  })
})

test('a component that asks for a person is left stopped, and its message is kept', async () => {
  await using supervised = new Supervised('ask for a person', 'wait for the end')
  await supervised.until(({ state, lastFailure }) => state === 'stopped' && lastFailure !== undefined)
  expect(supervised.status).toMatchObject({
    restarts: 0,
    lastFailure: 'SPL_TOPIC_DIFFERS while comparing: reviews has 6 partitions, not 4',
  })
  expect(readFileSync(script, 'utf8')).toBe('wait for the end') // nobody started it again
})

test('a component that has done its work is finished, and not started again', async () => {
  await using supervised = new Supervised('finish at once', 'wait for the end')
  await supervised.until((status) => status.state === 'finished')
  expect(supervised.status).toMatchObject({ restarts: 0, lastFailure: undefined })
})

describe('the end', () => {
  test('lets every component finish its batch', async () => {
    const supervised = new Supervised('wait for the end')
    await supervised.until(serves)
    await supervised[Symbol.asyncDispose]()
    expect(supervised.status).toMatchObject({ state: 'finished', restarts: 0, pid: undefined })
    expect(log()).toContain('the batch is finished')
  })

  test('comes at once for a component that waits for its restart, which then never comes', async () => {
    const supervised = new Supervised('exit without a word', 'wait for the end')
    await supervised.until((status) => status.state === 'restarting')
    await supervised[Symbol.asyncDispose]()
    expect(supervised.status.state).toBe('finished')
    expect(readFileSync(script, 'utf8')).toBe('wait for the end')
  })

  test('of the supervisor by kill -9 ends its components too: their channel closes, and they finish their batch', async () => {
    writeFileSync(script, 'wait for the end')
    const argv = [join(FIXTURES, 'supervising.ts'), script, folder]
    const supervising = spawn(process.execPath, argv, { env: { STATE_DIR: folder } })
    const [chunk] = (await once(supervising.stdout, 'data')) as [Buffer]
    const url = new URL(String(chunk).trim())
    const connection = connect(Number(url.port), url.hostname)
    await once(connection, 'connect')
    supervising.kill('SIGKILL')
    connection.on('error', () => undefined) // a reset is an end as well, and `once` would throw it
    await new Promise((resolve) => connection.once('close', resolve))
    expect(log()).toContain('the batch is finished')
  })
})
