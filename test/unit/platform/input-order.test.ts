import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppendTimeOrder, arrivalOrder, idOf, type InputOrder } from '../../../platform/input-order.ts'
import type { InputRecord } from '../../../platform/input-record.ts'
import type { TopicPartition } from '../../../platform/kafka-consumer.ts'

const REVIEWS = { topic: 'reviews', partition: 0 }
const LABELS = { topic: 'review-labels', partition: 0 }
const MOVIES = { topic: 'movies', partition: 0 }

function record(input: TopicPartition, offset: number, appendedAtMs: number): InputRecord {
  return { ...input, offset, appendedAtMs, key: null, value: null, headers: [] }
}

const shown = (records: readonly InputRecord[]): string[] => records.map((r) => `${idOf(r)}@${r.offset}`)

class Merge {
  nowMs = 0
  readonly caughtUp = new Set<string>()
  readonly order = new AppendTimeOrder({
    caughtUp: (input) => this.caughtUp.has(idOf(input)),
    nowMs: () => this.nowMs,
    waitMs: 500,
  })
  constructor(...inputs: TopicPartition[]) {
    this.order.assign(inputs)
  }
  take(max = 100): string[] {
    return shown(this.order.take(max))
  }
}

describe('merge by append time', () => {
  test('the smallest append time comes first, over all inputs', () => {
    const { order } = new Merge(REVIEWS, LABELS)
    order.add([record(REVIEWS, 0, 10), record(REVIEWS, 1, 30), record(LABELS, 0, 20), record(LABELS, 1, 40)])
    expect(shown(order.take(3))).toEqual(['reviews/0@0', 'review-labels/0@0', 'reviews/0@1'])
    expect(order.held).toBe(1)
  })

  test('takes no more than asked, and goes on where it was', () => {
    const merge = new Merge(REVIEWS)
    merge.order.add([record(REVIEWS, 0, 10), record(REVIEWS, 1, 10), record(REVIEWS, 2, 10)])
    expect(merge.take(2)).toEqual(['reviews/0@0', 'reviews/0@1'])
    merge.caughtUp.add('reviews/0')
    expect(merge.take(2)).toEqual(['reviews/0@2'])
    expect(merge.take(2)).toEqual([])
  })

  test('within a partition the log decides, even where append times go back', () => {
    const merge = new Merge(REVIEWS)
    merge.caughtUp.add('reviews/0')
    merge.order.add([record(REVIEWS, 0, 30), record(REVIEWS, 1, 10)])
    expect(merge.take()).toEqual(['reviews/0@0', 'reviews/0@1'])
  })

  test('an input read to its end is not waited for', () => {
    const merge = new Merge(REVIEWS, LABELS)
    merge.caughtUp.add('review-labels/0').add('reviews/0')
    merge.order.add([record(REVIEWS, 0, 10)])
    expect(merge.take()).toEqual(['reviews/0@0'])
  })

  test('an input that lags is waited for, and no longer than the bound', () => {
    const merge = new Merge(REVIEWS, LABELS)
    merge.order.add([record(REVIEWS, 0, 10)])
    expect(merge.take()).toEqual([])
    merge.nowMs = 499
    expect(merge.take()).toEqual([])
    merge.nowMs = 500
    expect(merge.take()).toEqual(['reviews/0@0'])
  })

  test('what arrives during the wait comes in its place', () => {
    const merge = new Merge(REVIEWS, LABELS)
    merge.order.add([record(REVIEWS, 0, 10)])
    expect(merge.take()).toEqual([])
    merge.order.add([record(LABELS, 0, 5)])
    expect(merge.take()).toEqual(['review-labels/0@0'])
  })

  test('after an input has caught up, a new lag has the whole wait again', () => {
    const merge = new Merge(REVIEWS, LABELS)
    merge.order.add([record(REVIEWS, 0, 10)])
    expect(merge.take()).toEqual([])
    merge.nowMs = 400
    merge.order.add([record(LABELS, 0, 20)])
    expect(merge.take()).toEqual(['reviews/0@0']) // now reviews lag
    merge.nowMs = 700
    expect(merge.take()).toEqual([])
    merge.nowMs = 899
    expect(merge.take()).toEqual([])
    merge.nowMs = 900
    expect(merge.take()).toEqual(['review-labels/0@0'])
  })

  test('a revoked partition takes its records along and is not waited for', () => {
    const merge = new Merge(REVIEWS, LABELS, MOVIES)
    merge.caughtUp.add('reviews/0').add('movies/0')
    merge.order.add([record(REVIEWS, 0, 10), record(MOVIES, 0, 5)])
    merge.order.revoke([LABELS, MOVIES])
    expect(merge.take()).toEqual(['reviews/0@0'])
    merge.order.add([record(MOVIES, 1, 6)]) // polled before the revocation took effect
    expect(merge.order.held).toBe(0)
  })

  test('a clear forgets what was polled, and the partitions stay', () => {
    const merge = new Merge(REVIEWS)
    merge.order.add([record(REVIEWS, 0, 10), record(REVIEWS, 1, 20)])
    merge.order.clear()
    expect(merge.order.held).toBe(0)
    merge.order.add([record(REVIEWS, 0, 10)])
    expect(merge.take()).toEqual(['reviews/0@0'])
  })
})

interface Script {
  /** Append times of each partition's log, ascending. */
  readonly logs: readonly (readonly number[])[]
  /** Which partition is polled next, how many records come, and how many are taken after it. */
  readonly polls: readonly { readonly partition: number; readonly records: number; readonly max: number }[]
}
const ascending = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 15 }).map((a) => a.sort((x, y) => x - y))
const script: fc.Arbitrary<Script> = fc.record({
  logs: fc.array(ascending, { minLength: 1, maxLength: 4 }),
  polls: fc.array(
    fc.record({
      partition: fc.nat({ max: 3 }),
      records: fc.integer({ min: 1, max: 6 }),
      max: fc.integer({ min: 0, max: 8 }),
    }),
    { maxLength: 30 },
  ),
})

/** Plays the polls, then polls what is left. A partition is caught up when its whole log was polled. */
function play({ logs, polls }: Script, waitMs: number): InputRecord[] {
  const polled = logs.map(() => 0)
  const inputs = logs.map((_, partition) => ({ topic: 'reviews', partition }))
  const caughtUp = ({ partition }: TopicPartition): boolean => polled[partition] === logs[partition]?.length
  const order = new AppendTimeOrder({ caughtUp, nowMs: () => 0, waitMs })
  order.assign(inputs)
  const rest = logs.map((_, partition) => ({ partition, records: Infinity, max: Infinity }))
  const taken: InputRecord[] = []
  for (const { partition, records, max } of [...polls, ...rest]) {
    const log = logs[partition]
    const from = polled[partition]
    if (log === undefined || from === undefined) continue
    const times = log.slice(from, from + records)
    order.add(times.map((appendedAtMs, index) => record({ topic: 'reviews', partition }, from + index, appendedAtMs)))
    polled[partition] = from + times.length
    taken.push(...order.take(max))
  }
  return taken
}

describe('any interleaving of polls', () => {
  test('comes out in the order of append times while lagging inputs are waited for', () => {
    fc.assert(
      fc.property(script, (steps) => {
        const times = play(steps, 1).map((r) => r.appendedAtMs) // the clock stands still: no wait ever ends
        expect(times).toEqual(steps.logs.flat().sort((a, b) => a - b))
      }),
      { seed: 31, numRuns: 500 },
    )
  })

  test('keeps the order of each log and loses nothing, even when nothing is waited for', () => {
    fc.assert(
      fc.property(script, (steps) => {
        const taken = play(steps, 0)
        for (const [partition, log] of steps.logs.entries()) {
          const offsets = taken.filter((r) => r.partition === partition).map((r) => r.offset)
          expect(offsets).toEqual(log.map((_, offset) => offset))
        }
      }),
      { seed: 32, numRuns: 500 },
    )
  })
})

describe('one input', () => {
  const queue = (): InputOrder => arrivalOrder()
  test('comes out as polled; a revoked partition takes its records along; a clear forgets all', () => {
    const order = queue()
    const other = { topic: 'reviews', partition: 1 }
    order.assign([REVIEWS, other])
    order.add([record(REVIEWS, 0, 30), record(other, 0, 10), record(REVIEWS, 1, 20)])
    expect(shown(order.take(1))).toEqual(['reviews/0@0'])
    order.revoke([other])
    expect(order.held).toBe(1)
    expect(shown(order.take(9))).toEqual(['reviews/0@1'])
    order.add([record(REVIEWS, 2, 40)])
    order.clear()
    expect(order.held).toBe(0)
    expect(order.take(9)).toEqual([])
  })

  test('holds the largest batch that can be configured', () => {
    const order = queue()
    order.add(Array.from({ length: 100_000 }, (_, offset) => record(REVIEWS, offset, 0)))
    order.add(Array.from({ length: 100_000 }, (_, offset) => record(REVIEWS, 100_000 + offset, 0)))
    expect(order.take(150_000).at(-1)?.offset).toBe(149_999)
    expect(order.held).toBe(50_000)
  })
})
