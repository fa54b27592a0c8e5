import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import type { StateFile } from '../../../platform/state-file.ts'
import { joinKey, PartitionState, splitKey, type StateCodec, type StateStorage } from '../../../platform/state-store.ts'
import { SeededRandom } from '../../../stats/random.ts'
import { fileInMemory } from '../../support/fold-deps.ts'

interface Stores {
  users: number
  seen: string
}
type Users = PartitionState<Stores>['stores']['users']

const identity = { changelog: 'c', topicId: 't', partition: 0, schemaIds: { users: 1, seen: 2 } }
const json: StateCodec = {
  encode: (_, value) => Buffer.from(JSON.stringify(value)),
  decode: (_, bytes) => JSON.parse(bytes.toString()) as unknown,
}
const on = (file: StateStorage): PartitionState<Stores> =>
  new PartitionState<Stores>(['users', 'seen'], { file, codec: json })
const open = (): PartitionState<Stores> => on(fileInMemory(identity))
const put = (state: PartitionState<Stores>, key: string | string[], value: number | null): void =>
  state.put({ store: 'users', key, value })
const entriesOf = (store: Users): (readonly [string, number])[] =>
  [...store.entries()].map(([key, value]) => [joinKey(key), value])

describe('overlay', () => {
  test('a batch reads what it has put, and a delete hides what is committed', () => {
    const state = open()
    put(state, 'u1', 1)
    state.commit(1)
    put(state, 'u1', 2)
    put(state, 'u2', 5)
    expect(state.stores.users.get('u1')).toBe(2)
    expect(state.stores.users.has('u2')).toBe(true)
    put(state, 'u1', null)
    expect(state.stores.users.get('u1')).toBeUndefined()
    expect(state.stores.users.has('u1')).toBe(false)
    expect(entriesOf(state.stores.users)).toEqual([['u2', 5]])
  })

  test('a discard brings back state and stream time as they were committed', () => {
    const state = open()
    put(state, 'u1', 1)
    state.advanceTime(1000)
    state.commit(7)
    put(state, 'u1', null)
    put(state, 'u2', 2)
    state.advanceTime(2000)
    state.discard()
    expect(entriesOf(state.stores.users)).toEqual([['u1', 1]])
    expect(state).toMatchObject({ currentTimeMs: 1000, streamTimeMs: 1000, appliedOffset: 7 })
    expect(state.changes()).toEqual([])
  })

  test('a commit merges entries, stream time and applied offset, and leaves no change behind', () => {
    const state = open()
    put(state, 'u1', 1)
    state.advanceTime(1000)
    expect(state).toMatchObject({ currentTimeMs: 1000, streamTimeMs: -Infinity, appliedOffset: null })
    state.commit(7)
    expect(state).toMatchObject({ currentTimeMs: 1000, streamTimeMs: 1000, appliedOffset: 7 })
    expect(state.changes()).toEqual([])
  })

  test('stream time never goes back', () => {
    const state = open()
    state.advanceTime(2000)
    state.advanceTime(1000)
    expect(state.currentTimeMs).toBe(2000)
    state.commit(1)
    state.advanceTime(1500)
    state.commit(2)
    expect(state.streamTimeMs).toBe(2000)
  })

  test('an entry put often in one batch is one change, with its newest value', () => {
    const state = open()
    put(state, 'u1', 1)
    put(state, 'u2', 1)
    put(state, 'u1', 2)
    state.put({ store: 'seen', key: ['u1', 'r1'], value: 'x' })
    expect(state.changes()).toEqual([
      { store: 'users', key: 'u2', value: Buffer.from('1') },
      { store: 'users', key: 'u1', value: Buffer.from('2') },
      { store: 'seen', key: joinKey(['u1', 'r1']), value: Buffer.from('"x"') },
    ])
  })
})

test('a key of several parts comes back as those parts, and differs from any other', () => {
  expect(splitKey(joinKey(['u1', 'r/1', '']))).toEqual(['u1', 'r/1', ''])
  expect(joinKey(['a', 'bc'])).not.toBe(joinKey(['ab', 'c']))
  const state = open()
  put(state, ['u1', 'r1'], 1)
  expect([...state.stores.users.entries()]).toEqual([[['u1', 'r1'], 1]])
})

type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: number | null }
  | { readonly kind: 'commit' | 'discard' | 'refuse' | 'restart' }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      value: fc.option(fc.integer({ min: 0, max: 99 }), { freq: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'discard' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('refuse' as const, 'restart' as const) }) },
)

/** A disk that may be full for a while. */
class FullDisk {
  isFull = false
  readonly file: StateFile
  readonly storage: StateStorage

  constructor(file: StateFile) {
    this.file = file
    this.storage = {
      get position() {
        return file.position
      },
      get: (store, key) => file.get(store, key),
      after: (store, order, limit) => file.after(store, order, limit),
      reset: () => {
        file.reset()
      },
      write: (changes, position) => {
        if (this.isFull) throw new SpoilerError('SPL_STATE_UNAVAILABLE', 'writing', { onError: 'retry' })
        file.write(changes, position)
      },
      copyTo: (path) => file.copyTo(path),
      [Symbol.dispose]: () => undefined,
    }
  }
}

/** The state beside a map that is copied at each commit. */
class Compared {
  readonly disk = new FullDisk(fileInMemory(identity))
  state = on(this.disk.storage)
  model = new Map<string, number>()
  committed = new Map<string, number>()

  readonly steps: Readonly<Record<Exclude<Operation['kind'], 'put'>, () => void>> = {
    commit: () => {
      this.state.commit(1)
      this.committed = new Map(this.model)
    },
    // a commit that the disk refuses, and the wait for it: nothing else happens until it takes the batch
    refuse: () => {
      this.disk.isFull = true
      expect(() => {
        this.state.commit(1)
      }).toThrow('SPL_STATE_UNAVAILABLE')
      this.state.discard()
      this.committed = new Map(this.model)
      this.compare()
      this.disk.isFull = false
      this.state.flush()
    },
    discard: () => {
      this.state.discard()
      this.model = new Map(this.committed)
    },
    restart: () => {
      this.state = on(this.disk.storage)
      this.model = new Map(this.committed)
    },
  }

  put(key: string, value: number | null): void {
    put(this.state, key, value)
    this.model.delete(key) // a put moves the entry to the newest end
    if (value !== null) this.model.set(key, value)
  }

  compare(): void {
    expect(entriesOf(this.state.stores.users)).toEqual([...this.model])
    for (const key of 'abcde') expect(this.state.stores.users.get(key)).toBe(this.model.get(key))
  }
}

test('any sequence of puts, deletes, commits, discards, refused writes and restarts equals a map copied at each commit', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const compared = new Compared()
      for (const step of operations) {
        if (step.kind === 'put') compared.put(step.key, step.value)
        else compared.steps[step.kind]()
        compared.compare()
      }
      compared.disk.file[Symbol.dispose]()
    }),
    { seed: 20_261, numRuns: 500 },
  )
})

test('a store of many entries is read in the order of the puts, whatever of it was read before', () => {
  const state = open()
  const model = new Map<string, number>()
  const change = (key: string, value: number | null): void => {
    put(state, key, value)
    model.delete(key)
    if (value !== null) model.set(key, value)
  }
  const random = new SeededRandom(5)
  for (let batch = 0; batch < 40; batch += 1) {
    for (let i = 0; i < 20; i += 1) change(`k${random.below(300)}`, random.below(4) === 0 ? null : i)
    expect(entriesOf(state.stores.users)).toEqual([...model])
    state.commit(batch)
    expect(entriesOf(state.stores.users)).toEqual([...model])
  }
  expect(model.size).toBeGreaterThan(130)
})

test('of entries that expire one after the other in a batch each is read once, whatever becomes of the batch', () => {
  const compared = new Compared()
  for (let i = 0; i < 1_000; i += 1) compared.put(`k${i}`, i)
  compared.steps.commit()
  const reads = vi.spyOn(compared.disk.file, 'after')
  for (const end of ['commit', 'discard', 'refuse', 'restart', 'commit'] as const) {
    for (let i = 0; i < 200; i += 1) {
      const [oldest] = compared.state.stores.users.entries()
      expect(oldest).toEqual([[[...compared.model.keys()][0]], [...compared.model.values()][0]])
      compared.put(joinKey(oldest?.[0] ?? []), i % 7 === 0 ? i : null)
    }
    compared.compare()
    compared.steps[end]()
    compared.compare()
  }
  // twice a batch all is read to be compared, some 16 chunks
  expect(reads.mock.calls.length).toBeLessThan(5 * (2 * 16 + 2 * 4))
})

test('what was committed while the disk was full is not folded upon before it is there', () => {
  const { disk, state } = new Compared()
  put(state, 'u1', 1)
  disk.isFull = true
  expect(() => {
    state.commit(7)
  }).toThrow('SPL_STATE_UNAVAILABLE')
  expect(disk.file.position).toBeNull()
  state.discard()
  expect(state.appliedOffset).toBe(7)
  expect(state.stores.users.get('u1')).toBe(1)
  disk.isFull = false
  state.flush()
  expect(disk.file.position).toMatchObject({ appliedOffset: 7 })
  expect(on(disk.file).stores.users.get('u1')).toBe(1)
})
