import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { StateFile, type StateIdentity } from '../../../platform/state-file.ts'
import { positionAt, put, STATE, WRITTEN_KEYS } from '../../support/state-of-test.ts'

let folder: string
let path: string
const opened: StateFile[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-state-'))
  path = join(folder, '0.sqlite')
})
afterEach(() => {
  for (const file of opened.splice(0)) file[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

function open(identity: StateIdentity = STATE): StateFile {
  const file = StateFile.open(path, identity, { kind: 'kept' })
  opened.push(file)
  return file
}

const keysOf = (file: StateFile, store = 'users'): string[] => file.after(store, 0, 10_000).map(({ key }) => key)
const textOf = (file: StateFile, key: string): string | undefined => file.get('users', key)?.toString()
const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return error instanceof SpoilerError ? `${error.code} ${error.onError}` : String(error)
  }
}

describe('what is written', () => {
  test('is there after a restart, with the position it was written with', () => {
    const file = open()
    expect(file.position).toBeNull()
    file.write([put('users', 'u1', 'one'), put('seen', 'u1', 'x')], positionAt(9))
    file[Symbol.dispose]()
    const again = open()
    expect(again.position).toEqual(positionAt(9))
    expect(textOf(again, 'u1')).toBe('one')
    expect(again.get('seen', 'u1')?.toString()).toBe('x')
    expect(textOf(again, 'u2')).toBeUndefined()
  })

  test('is read in the order of the puts; a put moves its entry to the end, a deletion takes it out', () => {
    const file = open()
    file.write(['a', 'b', 'c', 'd'].map((key) => put('users', key, key)))
    file.write([put('users', 'b', 'again'), put('users', 'c', null)])
    expect(keysOf(file)).toEqual(['a', 'd', 'b'])
    file[Symbol.dispose]()
    const again = open()
    again.write([put('users', 'e', 'e')])
    expect(keysOf(again)).toEqual(['a', 'd', 'b', 'e'])
    const [first] = again.after('users', 0, 1)
    expect(again.after('users', first?.order ?? 0, 2).map(({ key }) => key)).toEqual(['d', 'b'])
  })

  test('is in a copy of that moment, which is opened as the file itself and has its entries in order', () => {
    const file = open()
    file.write([put('users', 'u1', 'one'), put('users', 'u2', 'two'), put('users', 'u1', 'again')], positionAt(9))
    const copied = join(folder, 'copy')
    expect(file.copyTo(copied)).toEqual({ identity: STATE, position: positionAt(9) })
    file.write([put('users', 'u3', 'later')], positionAt(10))
    const copy = StateFile.open(copied, STATE, { kind: 'scratch' })
    opened.push(copy)
    expect(copy.position).toEqual(positionAt(9))
    expect(keysOf(copy)).toEqual(['u2', 'u1'])
    expect(textOf(copy, 'u1')).toBe('again')
    expect(keysOf(file)).toEqual(['u2', 'u1', 'u3'])
  })

  test('without a position leaves the one before', () => {
    const file = open()
    file.write([], positionAt(3))
    file.write([put('users', 'u1', 'one')])
    expect(file.position).toEqual(positionAt(3))
  })

  test('is forgotten by a reset, position and all', () => {
    const file = open()
    file.write([put('users', 'u1', 'one')], positionAt(3))
    file.reset()
    expect(file.position).toBeNull()
    expect(keysOf(file)).toEqual([])
    file[Symbol.dispose]()
    expect(open().position).toBeNull()
  })

  test('by a process that was killed is what its last write made, whole', async () => {
    for (const rounds of [1, 40]) {
      const writer = spawn(process.execPath, ['test/fixtures/components/state-writer.ts', path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let seen = 0
      for await (const chunk of writer.stdout as AsyncIterable<Buffer>) {
        seen += chunk.length
        if (seen >= rounds) writer.kill('SIGKILL') // in the middle of a later round; the stream ends with the process
      }
      const file = open()
      const round = file.position?.appliedOffset
      expect(round).toBeGreaterThanOrEqual(seen)
      expect(new Set(WRITTEN_KEYS.map((key) => textOf(file, key)))).toEqual(new Set([String(round)]))
      file[Symbol.dispose]()
      rmSync(path)
    }
  })
})

describe('a file that is not what was written', () => {
  const N = 2000
  let good: Buffer
  beforeEach(() => {
    const file = open()
    file.write(
      Array.from({ length: N }, (_, i) => put('users', `user ${i}`, `value of user ${i}`)),
      positionAt(N),
    )
    file[Symbol.dispose]()
    good = readFileSync(path)
  })

  /** Reads all there is in both ways; what is read must be what was written. */
  const readAll = (): void => {
    const file = open()
    if (file.position?.appliedOffset !== N) throw new Error('the position is wrong')
    for (const [i, { key, value }] of file.after('users', 0, N + 1).entries())
      if (key !== `user ${i}` || value.toString() !== `value of user ${i}`) throw new Error(`${key} is wrong`)
    for (let i = 0; i < N; i += 1)
      if (textOf(file, `user ${i}`) !== `value of user ${i}`) throw new Error(`user ${i} is wrong`)
    file[Symbol.dispose]()
  }

  test('is found to be whole when it is', () => {
    expect(codeOf(readAll)).toBe('no error')
  })

  test.each([0.1, 0.5, 0.9, 0.999])('is noticed when only a share of %d is left', (share) => {
    truncateSync(path, Math.floor(good.length * share))
    expect(codeOf(readAll)).toBe('SPL_STATE_DAMAGED exit')
  })

  test('is noticed when it is something else', () => {
    writeFileSync(path, 'this is no state')
    expect(codeOf(readAll)).toBe('SPL_STATE_DAMAGED exit')
  })

  test('is noticed wherever bytes were changed, or they did not matter', () => {
    const damage = fc.record({
      at: fc.nat({ max: good.length - 1 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    })
    const outcomes = new Map<string, number>()
    fc.assert(
      fc.property(damage, ({ at, bytes }) => {
        const changed = Buffer.from(good)
        changed.set(bytes.subarray(0, good.length - at), at)
        writeFileSync(path, changed)
        const outcome = codeOf(readAll)
        for (const file of opened.splice(0)) file[Symbol.dispose]()
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        expect(['no error', 'SPL_STATE_DAMAGED exit']).toContain(outcome)
      }),
      { seed: 11, numRuns: 300 },
    )
    expect(outcomes.get('SPL_STATE_DAMAGED exit')).toBeGreaterThan(200)
  })

  test('is deleted once it is noticed, so that the next one begins anew', () => {
    truncateSync(path, 5000)
    expect(codeOf(readAll)).toBe('SPL_STATE_DAMAGED exit')
    expect(open().position).toBeNull()
  })

  test.each([
    { of: 'another partition', identity: { ...STATE, partition: 1 } },
    { of: 'a topic of the same name that was there before', identity: { ...STATE, topicId: 'another' } },
    { of: 'another fold', identity: { ...STATE, changelog: 'another' } },
    { of: 'a schema of another time', identity: { ...STATE, schemaIds: { users: 1, seen: 3 } } },
    { of: 'a fold with fewer stores', identity: { ...STATE, schemaIds: { users: 1 } } },
  ])('is foreign when it is of $of', ({ identity }) => {
    expect(codeOf(() => open(identity))).toBe('SPL_STATE_DAMAGED exit')
  })
})

test('a disk that is full is waited for, and nothing of the write is there', () => {
  symlinkSync('/dev/full', path)
  expect(codeOf(() => open())).toBe('SPL_STATE_UNAVAILABLE retry')
})

test('a scratch file leaves nothing behind, though it is not even closed', () => {
  using file = StateFile.open(path, STATE, { kind: 'scratch' })
  file.write([put('users', 'u1', 'one')], positionAt(1))
  expect(textOf(file, 'u1')).toBe('one')
  expect(codeOf(() => readFileSync(path))).toMatch(/ENOENT/)
})
