import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { Changelog, changelogSubjects } from '../../../platform/changelog.ts'
import type { OutgoingRecord } from '../../../platform/kafka-producer.ts'
import { joinKey, PartitionState } from '../../../platform/state-store.ts'
import { FakeChangelog } from '../../support/fake-changelog.ts'
import { fileInMemory } from '../../support/fold-deps.ts'
import { FakeRegistry, learnedCodec } from '../../support/fake-registry.ts'
import { tally, type TallyStores } from '../../support/tally-processor.ts'

const PARTITION = 2
const codec = learnedCodec(new FakeRegistry(), tally)
const changelog = new Changelog('tally', tally.stores, codec)
const input = (offset: number) => ({ topic: 'user-activity', partition: PARTITION, offset })
const identity = { changelog: changelog.topic, topicId: 't', partition: PARTITION, schemaIds: changelog.schemaIds() }
const open = (): PartitionState<TallyStores> =>
  new PartitionState<TallyStores>(['counts', 'positions'], { file: fileInMemory(identity), codec: changelog })

let log: FakeChangelog
beforeEach(() => {
  log = new FakeChangelog()
})

async function restored(): Promise<PartitionState<TallyStores>> {
  const state = open()
  const { low, high } = await log.watermarks(input(0))
  await using reader = await log.openReader()
  const sync = { changelogOffset: high, syncedAtMs: 0 }
  await changelog.restore(state, reader, { partition: PARTITION, from: low, sync })
  return state
}

function commitBatch(state: PartitionState<TallyStores>, offset: number): OutgoingRecord[] {
  const records = changelog.records(PARTITION, state, input(offset))
  log.write(records)
  state.commit(offset)
  return records
}

const contents = (state: PartitionState<TallyStores>) => ({
  counts: [...state.stores.counts.entries()],
  positions: [...state.stores.positions.entries()],
  appliedOffset: state.appliedOffset,
  streamTimeMs: state.streamTimeMs,
})

const rejected = (record: Pick<OutgoingRecord, 'key' | 'value'>): Promise<unknown> => {
  log.write([{ topic: changelog.topic, partition: PARTITION, ...record }])
  return restored().then(
    () => 'restored',
    (error: unknown) => error,
  )
}

describe('what a batch writes', () => {
  test('one record per changed entry, however often it changed, and one for the applied offset', () => {
    const state = open()
    state.advanceTime(5000)
    for (const value of [1, 2, 3]) state.put({ store: 'counts', key: 'u1', value })
    state.put({ store: 'counts', key: 'u2', value: 1 })
    const records = commitBatch(state, 9)
    expect(records).toHaveLength(3)
    expect(new Set(records.map(({ key }) => key)).size).toBe(3)
    expect(records.every(({ topic, partition }) => topic === 'tally-changelog' && partition === PARTITION)).toBe(true)
  })

  test('a batch that changed nothing still writes the applied offset', () => {
    const state = open()
    state.advanceTime(5000)
    expect(commitBatch(state, 9)).toHaveLength(1)
  })

  test('a deleted entry is a tombstone', () => {
    const state = open()
    state.advanceTime(1)
    state.put({ store: 'counts', key: 'u1', value: null })
    expect(changelog.records(PARTITION, state, input(1))[0]?.value).toBeNull()
  })
})

describe('restore', () => {
  test('brings back entries, applied offset and stream time', async () => {
    const state = open()
    state.advanceTime(5000)
    state.put({ store: 'counts', key: 'u1', value: 3 })
    state.put({ store: 'positions', key: ['u1', 'r1'], value: input(8) })
    commitBatch(state, 9)
    expect(contents(await restored())).toEqual({
      counts: [[['u1'], 3]],
      positions: [[['u1', 'r1'], input(8)]],
      appliedOffset: 9,
      streamTimeMs: 5000,
    })
  })

  test('of an empty changelog is no state', async () => {
    expect(contents(await restored())).toEqual({
      counts: [],
      positions: [],
      appliedOffset: null,
      streamTimeMs: -Infinity,
    })
  })

  test('reads on to the high watermark when the log seems to end before a transaction that is still open', async () => {
    const state = open()
    state.advanceTime(1000)
    state.put({ store: 'counts', key: 'u1', value: 1 })
    commitBatch(state, 1)
    log.lastStableOffset = 2
    log.undecidedReads = 3
    state.advanceTime(2000)
    state.put({ store: 'counts', key: 'u1', value: 2 })
    commitBatch(state, 2)
    expect(contents(await restored())).toEqual(contents(state))
    expect(log.undecidedReads).toBe(0)
  })

  test('stops at a store that is not declared, instead of leaving it out', async () => {
    const value = codec.encode(
      { subject: 'tally-changelog-counts', schema: 'LabelTrace' },
      tally.stores.counts.toRecord?.(1),
    )
    expect(await rejected({ key: 'sums\u001eu1', value })).toMatchObject({
      onError: 'stop',
      message: expect.stringMatching(/tally-changelog.*'sums'.*not declared/) as string,
    })
  })

  test('stops at a tombstone of a store that is not declared', async () => {
    expect(await rejected({ key: 'sums\u001eu1', value: null })).toMatchObject({ onError: 'stop' })
  })

  test('stops at a value that does not decode', async () => {
    const error = await rejected({ key: 'counts\u001eu1', value: Buffer.from('garbage') })
    expect(error).toMatchObject({ code: 'SPL_RECORD_FORMAT_UNKNOWN', onError: 'stop' })
  })
})

const key = fc.constantFrom('u1', 'u2', 'u3', 'ü/4')
const change = fc.record({
  store: fc.constantFrom('counts' as const, 'positions' as const),
  key: fc.oneof(
    key,
    fc.tuple(key, fc.constantFrom('r1', 'r2')).map(([user, review]) => [user, review]),
  ),
  value: fc.option(fc.nat({ max: 1000 }), { freq: 4 }),
})
const batches = fc.array(
  fc.record({
    changes: fc.array(change, { maxLength: 8 }),
    timeMs: fc.nat({ max: 9 }),
    outcome: fc.constantFrom('commit', 'commit', 'abort'),
    compact: fc.boolean(),
  }),
  { maxLength: 8 },
)

test('any state comes back as it was, in the same order, whatever was aborted or compacted in between', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (steps) => {
      log = new FakeChangelog()
      const state = open()
      for (const [index, { changes, timeMs, outcome, compact }] of steps.entries()) {
        state.advanceTime(timeMs)
        for (const { store, key: at, value } of changes) {
          if (store === 'counts') state.put({ store, key: at, value })
          else state.put({ store, key: at, value: value === null ? null : input(value) })
        }
        if (outcome === 'commit') commitBatch(state, index + 1)
        else state.discard()
        if (compact) log.compact()
      }
      expect(contents(await restored())).toEqual(contents(state))
    }),
    { seed: 51, numRuns: 200 },
  )
})

test('every store of a fold has a subject of its own, and the applied offset one; a stateless fold has none', () => {
  expect(changelogSubjects('tally', tally.stores).map(({ subject, schema }) => `${subject}: ${schema}`)).toEqual([
    'tally-changelog-counts: LabelTrace',
    'tally-changelog-positions: LogPosition',
    'tally-changelog-applied: AppliedOffset',
  ])
  expect(changelogSubjects('intake', {})).toEqual([])
  expect(joinKey(['u1', 'r1'])).not.toContain('\u001e')
})
