import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StateFile } from '../../../platform/state-file.ts'
import { joinKey, PartitionState, splitKey, type StateCodec } from '../../../platform/state-store.ts'
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
const on = (file: StateFile): PartitionState<Stores> =>
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
  | { readonly kind: 'commit' | 'discard' }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      value: fc.option(fc.integer({ min: 0, max: 99 }), { freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'discard' as const) }) },
)

test('any sequence of puts, deletes, commits and discards equals a map that is copied at each commit', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const state = open()
      let model = new Map<string, number>()
      let committed = new Map<string, number>()
      for (const step of operations) {
        if (step.kind === 'put') {
          put(state, step.key, step.value)
          model.delete(step.key) // a put moves the entry to the newest end
          if (step.value !== null) model.set(step.key, step.value)
        } else if (step.kind === 'commit') {
          state.commit(1)
          committed = new Map(model)
        } else {
          state.discard()
          model = new Map(committed)
        }
        expect(entriesOf(state.stores.users)).toEqual([...model])
        for (const key of 'abcde') expect(state.stores.users.get(key)).toBe(model.get(key))
      }
    }),
    { seed: 20_261, numRuns: 500 },
  )
})
