import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keptStateFiles, scratchStateFiles } from '../../../platform/state-files.ts'
import { positionAt, put, STATE } from '../../support/state-of-test.ts'

let folder: string
let pauses: number
let duringPause: () => void
let logged: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-state-'))
  pauses = 0
  duringPause = () => undefined
  logged = []
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const states = () =>
  keptStateFiles({
    folder,
    log: pino({ level: 'warn' }, { write: (line) => logged.push(line) }),
    pause: () => {
      pauses += 1
      duringPause()
      return Promise.resolve()
    },
  })
const place = (): string => join(folder, 'state', STATE.changelog)
const path = (): string => join(place(), '0.sqlite')

describe('the file of a partition', () => {
  test('is kept below the folder, and found again', async () => {
    const file = await states().open(STATE)
    file.write([put('users', 'u1', 'one')], positionAt(4))
    file[Symbol.dispose]()
    expect(existsSync(path())).toBe(true)
    using again = await states().open(STATE)
    expect(again.position).toEqual(positionAt(4))
    expect(again.get('users', 'u1')?.toString()).toBe('one')
    expect(logged).toEqual([])
  })

  test('is another one for another partition and another fold', async () => {
    using first = await states().open(STATE)
    first.write([put('users', 'u1', 'one')], positionAt(4))
    using second = await states().open({ ...STATE, partition: 1 })
    using third = await states().open({ ...STATE, changelog: 'd' })
    expect([second.position, third.position]).toEqual([null, null])
    expect(pauses).toBe(0)
  })

  test.each([
    { what: 'is no state at all', bytes: Buffer.from('garbage'.repeat(1000)) },
    { what: 'was cut off', bytes: null },
  ])('that $what is said to be so, and made anew', async ({ bytes }) => {
    const file = await states().open(STATE)
    file.write(
      Array.from({ length: 500 }, (_, i) => put('users', `u${i}`, 'value')),
      positionAt(4),
    )
    file[Symbol.dispose]()
    writeFileSync(path(), bytes ?? readFileSync(path()).subarray(0, 9000))
    using again = await states().open(STATE)
    expect(again.position).toBeNull()
    again.write([put('users', 'u1', 'two')], positionAt(5))
    expect(logged.join()).toContain('SPL_STATE_DAMAGED')
  })

  test('of a topic that was made anew is not taken for its state', async () => {
    const file = await states().open(STATE)
    file.write([put('users', 'u1', 'one')], positionAt(4))
    file[Symbol.dispose]()
    using again = await states().open({ ...STATE, topicId: 'made anew' })
    expect(again.position).toBeNull()
    expect(again.get('users', 'u1')).toBeUndefined()
    expect(logged.join()).toContain('made anew')
  })

  test('in a folder that cannot be made is waited for', async () => {
    writeFileSync(join(folder, 'state'), 'a file where a folder must be')
    await expect(states().open(STATE)).rejects.toMatchObject({ code: 'SPL_STATE_UNAVAILABLE', onError: 'retry' })
  })

  test('that is a folder is waited for, and keeps nobody from opening it later', async () => {
    mkdirSync(path(), { recursive: true })
    await expect(states().open(STATE)).rejects.toMatchObject({ code: 'SPL_STATE_UNAVAILABLE', onError: 'retry' })
    rmSync(path(), { recursive: true })
    using file = await states().open(STATE)
    file.write([], positionAt(1))
    expect(existsSync(path())).toBe(true)
    expect(pauses).toBe(0)
  })
})

describe('two processes with one file', () => {
  test('the second works on a file of its own, and neither sees the other', async () => {
    using first = await states().open(STATE)
    first.write([put('users', 'u1', 'first')], positionAt(4))
    using second = await states().open(STATE)
    expect(second.position).toBeNull()
    second.write([put('users', 'u1', 'second')], positionAt(9))
    expect(first.get('users', 'u1')?.toString()).toBe('first')
    expect(second.get('users', 'u1')?.toString()).toBe('second')
    expect(logged.join()).toContain('another process has this state')
    expect(pauses).toBeGreaterThan(0)
    second[Symbol.dispose]()
    first[Symbol.dispose]()
    using third = await states().open(STATE)
    expect(third.position).toEqual(positionAt(4))
    expect(readdirSync(place()).toSorted()).toEqual(['0.lock', '0.sqlite', '0.sqlite-wal'])
  })

  test('the second has it when the first closes it in time', async () => {
    const first = await states().open(STATE)
    first.write([put('users', 'u1', 'one')], positionAt(4))
    duringPause = () => {
      if (pauses === 3) first[Symbol.dispose]()
    }
    using second = await states().open(STATE)
    expect(second.position).toEqual(positionAt(4))
    expect(pauses).toBe(3)
    expect(logged).toEqual([])
  })

  test('a lock that is no lock keeps nobody out', async () => {
    mkdirSync(place(), { recursive: true })
    writeFileSync(join(place(), '0.lock'), 'garbage'.repeat(1000))
    using file = await states().open(STATE)
    file.write([], positionAt(3))
    expect(existsSync(path())).toBe(true)
    expect(logged).toEqual([])
  })

  test('a process that was killed has it no longer', async () => {
    const program = `import { keptStateFiles } from './platform/state-files.ts'
      const states = keptStateFiles({ folder: ${JSON.stringify(folder)}, log: console, pause: () => Promise.resolve() })
      const file = await states.open(${JSON.stringify(STATE)})
      file.write([], ${JSON.stringify(positionAt(3))})
      process.stdout.write('opened')
      setInterval(() => file, 1000)`
    const other = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let wasHeld = false
    for await (const _ of other.stdout as AsyncIterable<Buffer>) {
      using meanwhile = await states().open(STATE)
      wasHeld = meanwhile.position === null
      other.kill('SIGKILL')
    }
    expect(wasHeld).toBe(true)
    using file = await states().open(STATE)
    expect(file.position).toEqual(positionAt(3))
  })
})

test('scratch files leave nothing behind and stand in nobody’s way', async () => {
  using kept = await states().open(STATE)
  kept.write([], positionAt(4))
  using first = await scratchStateFiles(folder).open(STATE)
  using second = await scratchStateFiles(folder).open(STATE)
  first.write([put('users', 'u1', 'one')], positionAt(1))
  expect(second.get('users', 'u1')).toBeUndefined()
  expect(readdirSync(place()).toSorted()).toEqual(['0.lock', '0.sqlite', '0.sqlite-wal'])
})
