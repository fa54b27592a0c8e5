import { beforeEach, describe, expect, test } from 'vitest'
import type { DeadLetter, ReviewLabel, UserFeatures } from '../../../schemas/generated.ts'
import { NOTHING, type Processor } from '../../../schemas/processor.ts'
import type { ComputedOutput } from '../../../platform/batch-worker.ts'
import { FoldWorker } from '../../../platform/fold-worker.ts'
import type { InputRecord } from '../../../platform/input-record.ts'
import type { RecordCodec } from '../../../platform/record-codec.ts'
import { nextOffsets } from '../../../platform/stream-task.ts'
import { FakeChangelog } from '../../support/fake-changelog.ts'
import { foldDeps } from '../../support/fold-deps.ts'
import { FakeRegistry, learnedCodec } from '../../support/fake-registry.ts'
import { tally, type TallyStores } from '../../support/tally-processor.ts'

const P2 = { topic: 'review-labels', partition: 2 }
const label: ReviewLabel = {
  reviewId: 'r1',
  userId: 'u1',
  movieId: 'm1',
  isSpoiler: true,
  source: 'moderator',
  labelledAtMs: 5,
  revision: 0,
}

let registry: FakeRegistry
let codec: RecordCodec
let log: FakeChangelog
let worker: FoldWorker<ReviewLabel, TallyStores>
let offset: number

beforeEach(async () => {
  registry = new FakeRegistry()
  codec = learnedCodec(registry, tally)
  log = new FakeChangelog()
  offset = 0
  worker = await opened(tally)
})

async function opened<Stores>(processor: Processor<ReviewLabel, Stores>): Promise<FoldWorker<ReviewLabel, Stores>> {
  const opening = new FoldWorker(processor, foldDeps(codec, log))
  await opening.restore(P2)
  return opening
}

function record(value: Partial<ReviewLabel> | Buffer | null, more: Partial<InputRecord> = {}): InputRecord {
  const bytes =
    value === null || Buffer.isBuffer(value)
      ? value
      : codec.encode({ subject: 'review-labels-value', schema: 'ReviewLabel' }, { ...label, ...value })
  offset += 1
  return { ...P2, offset: offset - 1, key: Buffer.from('u1'), value: bytes, appendedAtMs: offset, headers: [], ...more }
}

const compute = (...records: InputRecord[]): Promise<ComputedOutput> => worker.compute(records, nextOffsets(records))

/** Computes a batch, and makes it visible. */
async function fold(...records: InputRecord[]): Promise<ComputedOutput> {
  const computed = await compute(...records)
  log.write(computed.outgoing.filter(({ topic }) => topic === 'tally-changelog'))
  worker.commit(nextOffsets(records))
  return computed
}

async function sent<V>({ outgoing }: ComputedOutput, topic: string): Promise<V[]> {
  const schemas = { 'review-labels': 'ReviewLabel', 'user-features': 'UserFeatures', 'dead-letters': 'DeadLetter' }
  const schema = schemas[topic as keyof typeof schemas] as 'DeadLetter'
  const decoded = outgoing.filter((r) => r.topic === topic).map((r) => codec.decode<V>(schema, r.value, false))
  return (await Promise.all(decoded)).map((result) => {
    if ('poison' in result) throw new Error(result.cause)
    return result.value
  })
}

const counts = async (computed: ComputedOutput): Promise<number[]> =>
  (await sent<ReviewLabel>(computed, 'review-labels')).map(({ revision }) => revision)
const letters = (computed: ComputedOutput): Promise<DeadLetter[]> => sent<DeadLetter>(computed, 'dead-letters')

describe('folding', () => {
  test('a record sees what earlier records of the same batch have put', async () => {
    expect(await counts(await fold(record({}), record({}), record({ userId: 'u2' }), record({})))).toEqual([1, 2, 1, 3])
  })

  test('outputs come in log order, and after them the changelog', async () => {
    const { outgoing } = await fold(record({}), record({ userId: 'u2' }))
    const topics = outgoing.map(({ topic }) => topic)
    expect(topics.lastIndexOf('review-labels')).toBeLessThan(topics.indexOf('tally-changelog'))
    expect(topics.slice(topics.indexOf('tally-changelog')).every((topic) => topic === 'tally-changelog')).toBe(true)
  })

  test('a fold whose state nobody restores sends the same outputs, and no changelog', async () => {
    const records = [record({}), record({ userId: 'u2' })]
    using unlogged = new FoldWorker(tally, { ...foldDeps(codec, log), isLogged: false })
    await unlogged.restore(P2)
    const { outgoing } = await unlogged.compute(records, nextOffsets(records))
    const logged = (await compute(...records)).outgoing
    expect(outgoing).toEqual(logged.filter(({ topic }) => topic !== 'tally-changelog'))
    expect(logged.length).toBeGreaterThan(outgoing.length)
  })

  test('of several rows for one key of a compacted topic only the newest is sent', async () => {
    const computed = await fold(record({}), record({ userId: 'u2' }), record({}), record({}))
    const rows = await sent<UserFeatures>(computed, 'user-features')
    expect(rows.map(({ userId, values }) => [userId, ...values])).toEqual([
      ['u1', 3],
      ['u2', 1],
    ])
    expect(await counts(computed)).toHaveLength(4)
  })

  test('every partition has state and stream time of its own', async () => {
    await worker.restore({ ...P2, partition: 3 })
    const elsewhere = { partition: 3, appendedAtMs: 1 }
    const rows = await sent<UserFeatures>(
      await fold(record({}, { appendedAtMs: 100 }), record({ userId: 'u1' }, elsewhere)),
      'user-features',
    )
    expect(rows.at(-1)).toMatchObject({ updatedAtMs: 1, values: [1] })
  })

  test('a discarded batch gives the same outputs again, bit for bit', async () => {
    await fold(record({}))
    const batch = [record({}), record({ userId: 'u2' }), record({})]
    const first = await compute(...batch)
    worker.discard()
    const second = await compute(...batch)
    expect(second).toEqual(first)
  })

  test('what a processor drops is counted by its reason', async () => {
    const computed = await fold(record({ source: 'duplicate' }), record({ source: 'duplicate' }))
    expect(computed.drops).toEqual({ duplicate: 2 })
    expect(computed.outgoing).toHaveLength(1)
  })
})

describe('restart', () => {
  test('goes on as if it had not happened, from the offset that the state tells', async () => {
    await fold(record({}), record({ userId: 'u2' }))
    await fold(record({}), record({ userId: 'u2', source: 'forget' }))
    const next = [record({}), record({ userId: 'u2' })]
    const uninterrupted = await compute(...next)

    worker = new FoldWorker(tally, foldDeps(codec, log))
    expect(await worker.restore(P2)).toEqual({ offset: 4, streamTimeMs: 4 })
    expect(await compute(...next)).toEqual(uninterrupted)
    expect(log.closed).toBe(log.opened)
  })

  test('of a partition that came back forgets what was folded before it went', async () => {
    await fold(record({}))
    worker.release(P2)
    await expect(compute(record({}))).rejects.toThrow(RangeError)
    log = new FakeChangelog()
    worker = await opened(tally)
    expect(await counts(await fold(record({})))).toEqual([1])
  })

  test('of a stateless fold reads no changelog and writes none', async () => {
    const stateless: Processor<ReviewLabel, object> = {
      name: 'stateless',
      stores: {},
      onRecord: ({ value }) => ({ ...NOTHING, forwards: [{ to: 'reviewLabels', value }] }),
    }
    log = new FakeChangelog()
    const echo = await opened(stateless)
    const batch = [record({})]
    const { outgoing } = await echo.compute(batch, nextOffsets(batch))
    expect(outgoing.map(({ topic }) => topic)).toEqual(['review-labels'])
    expect(log.opened).toBe(0)
  })
})

describe('poison goes to dead-letters, and the fold goes on', () => {
  const header = { trace: Buffer.from([1, 2, 255]) }
  test.each([
    { code: 'SPL_RECORD_EMPTY', value: () => null },
    { code: 'SPL_RECORD_FORMAT_UNKNOWN', value: () => Buffer.from('hello') },
    { code: 'SPL_JSON_INVALID', value: () => Buffer.from('{"reviewId"') },
    { code: 'SPL_AVRO_INVALID', value: () => Buffer.from([0, 0]) },
    { code: 'SPL_SCHEMA_ID_UNKNOWN', value: () => Buffer.from([0, 0, 0, 99, 99, 1]) },
    { code: 'SPL_ID_INVALID', value: () => record({ source: 'reject' }).value },
    { code: 'SPL_PROCESSING_FAILED', value: () => record({ source: 'throw' }).value },
  ])('$code: with cause, source, attempts, the original bytes and headers', async ({ code, value }) => {
    const bytes = value()
    offset = 41
    const computed = await fold(record(bytes, { headers: [header, { note: 'text' }] }), record({}))
    const [letter, ...others] = await letters(computed)
    expect(others).toEqual([])
    expect(letter).toMatchObject({
      code,
      cause: expect.stringMatching(/./) as string,
      component: 'tally',
      source: { ...P2, offset: 41 },
      appendedAtMs: 42,
      attempts: 1,
      key: Buffer.from('u1'),
      value: bytes,
      headers: { trace: header.trace, note: Buffer.from('text') },
    })
    expect(computed.rejects).toEqual({ [code]: 1 })
    expect(await counts(computed)).toEqual([1])
  })

  test('a letter stands under the position of its source, so that a repetition is the same key', async () => {
    const { outgoing } = await fold(record(null))
    expect(outgoing.find(({ topic }) => topic === 'dead-letters')?.key).toBe('review-labels/2/0')
  })

  test('stream time moves with poison too: it is a matter of the log, not of what can be read', async () => {
    await fold(record(null, { appendedAtMs: 9000 }))
    const [row] = await sent<UserFeatures>(await fold(record({}, { appendedAtMs: 10 })), 'user-features')
    expect(row?.updatedAtMs).toBe(9000)
  })

  test('a processor that throws leaves the state as before', async () => {
    await fold(record({}))
    expect(await counts(await fold(record({ source: 'throw' }), record({})))).toEqual([2])
  })

  test('a step with an output that cannot be encoded has no effect at all', async () => {
    const computed = await fold(record({ source: 'unencodable output' }), record({}))
    expect(computed.rejects).toEqual({ SPL_PROCESSING_FAILED: 1 })
    expect(await counts(computed)).toEqual([1])
  })

  test('a schema id that the registry has forgotten is no poison on a topic that only components write', async () => {
    const forgotten = record(Buffer.from([0, 0, 0, 99, 99, 1]), { topic: 'user-activity' })
    await expect(compute(forgotten)).rejects.toMatchObject({ code: 'SPL_SCHEMA_ID_UNKNOWN', onError: 'stop' })
  })

  test('a registry that is down is no poison: the batch fails as a whole and may be computed again', async () => {
    registry.down = true
    const batch = [record({}), record(Buffer.from([0, 0, 0, 99, 99, 1]))]
    await expect(compute(...batch)).rejects.toMatchObject({ code: 'SPL_REGISTRY_UNAVAILABLE', onError: 'retry' })
    worker.discard()
    registry.down = false
    const computed = await compute(...batch)
    expect(await counts(computed)).toEqual([1])
    expect(computed.rejects).toEqual({ SPL_SCHEMA_ID_UNKNOWN: 1 })
  })
})

describe('stream time', () => {
  test('is told when it moved, before the record that moved it, and not otherwise', async () => {
    const told: number[] = []
    worker = await opened({
      ...tally,
      onRecord: (one, stores, streamTimeMs) => {
        told.push(-one.appendedAtMs)
        return tally.onRecord(one, stores, streamTimeMs)
      },
      onStreamTime: (streamTimeMs) => {
        told.push(streamTimeMs)
        return NOTHING
      },
    })
    await fold(...[10, 10, 5, 20].map((appendedAtMs) => record({}, { appendedAtMs })))
    expect(told).toEqual([10, -10, -10, -5, 20, -20])
  })

  test('a processor that throws as it moves sends the record to dead-letters: it cannot stop the component', async () => {
    worker = await opened({
      ...tally,
      onStreamTime: (streamTimeMs) => {
        if (streamTimeMs === 20) throw new TypeError('a bug of the fold')
        return NOTHING
      },
    })
    const computed = await fold(...[10, 20, 30].map((appendedAtMs) => record({}, { appendedAtMs })))
    expect((await letters(computed)).map(({ code, source }) => [code, source.offset])).toEqual([
      ['SPL_PROCESSING_FAILED', 1],
    ])
    expect(await counts(computed)).toEqual([1, 2])
  })
})
