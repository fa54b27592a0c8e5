import { beforeEach, describe, expect, test } from 'vitest'
import { AppendTimeOrder, idOf } from '../../../platform/input-order.ts'
import { KafkaFault } from '../../../platform/kafka-fault.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { nextOffsets } from '../../../platform/stream-task.ts'
import { ABORTABLE, FENCED } from '../../support/fake-kafka.ts'
import { SummingWorker } from '../../support/summing-worker.ts'
import { StreamTaskRun } from '../../support/stream-task-run.ts'

const P0 = { topic: 'user-activity', partition: 0 }
const P1 = { topic: 'user-activity', partition: 1 }
const down = (): SpoilerError => new SpoilerError('SPL_REDIS_UNAVAILABLE', 'writing', { onError: 'retry' })

let task: StreamTaskRun
beforeEach(() => {
  task = new StreamTaskRun()
})

describe('one batch, one transaction', () => {
  test('every record is folded once, in log order, and its offset is committed with its output', async () => {
    task.assign(P0, P1)
    task.append(P0, 1, 2, 3)
    task.append(P1, 10, 20)
    await task.run()
    expect(task.sums(P0)).toEqual([1, 3, 6])
    expect(task.sums(P1)).toEqual([10, 30])
    expect(Object.fromEntries(task.broker.committed)).toEqual({ [idOf(P0)]: 3, [idOf(P1)]: 2 })
    expect(task.worker.computed.every((records) => records.length <= 2)).toBe(true)
  })

  test('the transaction opens only after all outputs are computed', async () => {
    task.assign(P0)
    task.append(P0, 1, 2)
    const callsSeen: number[] = []
    task.worker.during = () => {
      callsSeen.push(task.producer.calls.length)
    }
    await task.run()
    expect(callsSeen).toEqual([0])
    expect(task.producer.calls).toEqual(['begin', 'send', 'offsets', 'commit'])
  })

  test('commits at once when the last commit is long ago, and else at most once a commit interval', async () => {
    task.commitIntervalMs = 50
    task.assign(P0)
    task.append(P0, 1)
    const committedAtMs: number[] = []
    task.worker.commit = (next) => {
      committedAtMs.push(task.nowMs)
      SummingWorker.prototype.commit.call(task.worker, next)
      if (committedAtMs.length < 3) task.append(P0, 1)
    }
    await task.run()
    expect(committedAtMs[0]).toBeLessThan(50)
    const gaps = committedAtMs.slice(1).map((atMs, index) => atMs - (committedAtMs[index] as number))
    expect(gaps).toHaveLength(2)
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(50)
    for (const gap of gaps) expect(gap).toBeLessThan(65)
  })

  test('a full batch does not wait for the commit interval', async () => {
    task.commitIntervalMs = 1_000_000
    task.assign(P0)
    task.append(P0, 1, 2, 3, 4)
    await task.run()
    expect(task.sums(P0)).toEqual([1, 3, 6, 10])
  })

  test('a shutdown finishes the running batch, and begins no other', async () => {
    task.assign(P0)
    task.append(P0, 1, 2, 3)
    task.worker.during = () => task.stopping.abort()
    await task.run()
    expect(task.sums(P0)).toEqual([1, 3])
    expect(task.broker.committed.get(idOf(P0))).toBe(2)
  })
})

describe('an aborted transaction', () => {
  test('leaves no trace: state discarded, every assigned partition rewound to what is committed, same result after', async () => {
    task.assign(P0, P1)
    task.append(P0, 1, 2, 3, 4)
    task.append(P1, 10)
    task.producer.faults.commit = [null, ABORTABLE] // the second batch is aborted
    await task.run()
    expect(task.worker.computed[0]).toEqual(['1', '2'])
    expect(task.consumer.seeks).toEqual([
      { ...P0, offset: 2 },
      { ...P1, offset: 0 },
    ])
    expect(task.sums(P0)).toEqual([1, 3, 6, 10])
    expect(task.sums(P1)).toEqual([10])
  })

  test('forgets records that were polled and held, so that none is folded twice', async () => {
    task.assign(P0)
    task.append(P0, 1, 2, 3, 4, 5)
    task.producer.faults.offsets = [ABORTABLE]
    await task.run()
    expect(task.sums(P0)).toEqual([1, 3, 6, 10, 15])
  })

  test('is counted', async () => {
    task.assign(P0)
    task.append(P0, 1)
    task.producer.faults.send = [ABORTABLE]
    await task.run()
    const counted = await task.telemetry.transactions.get()
    expect(counted.values.map(({ labels, value }) => [labels.outcome, value])).toEqual([
      ['aborted', 1],
      ['committed', 1],
    ])
  })

  test('that is fatal ends the task, and the state is not merged', async () => {
    task.assign(P0)
    task.append(P0, 1)
    task.producer.faults.commit = [FENCED]
    await expect(task.run()).rejects.toMatchObject({ code: 'SPL_TRANSACTION_FATAL', onError: 'exit' })
    expect(task.worker.applied.size).toBe(0)
  })
})

describe('rebalance', () => {
  test('a revocation that comes during a batch waits for it: the batch is committed, then the partition is released', async () => {
    task.assign(P0, P1)
    task.append(P0, 1)
    task.append(P1, 10)
    task.worker.during = () => {
      task.revoke(P0)
      expect(task.consumer.assigned).toContain(idOf(P0))
      task.worker.during = () => undefined
    }
    await task.run()
    expect(task.sums(P0)).toEqual([1])
    expect(task.broker.committed.get(idOf(P0))).toBe(1)
    expect(task.consumer.assigned).toEqual([idOf(P1)])
    expect([...task.worker.held]).toEqual([idOf(P1)])
  })

  test('records held of a revoked partition are dropped: its new owner folds them', async () => {
    task.assign(P0, P1)
    task.append(P0, 1, 2) // the first batch
    task.append(P1, 10, 20) // polled with it, and held
    task.worker.during = () => task.revoke(P1)
    await task.run()
    expect(task.worker.computed).toEqual([['1', '2']])
    expect(task.broker.committed.get(idOf(P1))).toBe(0)
  })

  test('after an abort a partition revoked meanwhile is not rewound again', async () => {
    task.assign(P0, P1)
    task.append(P1, 10)
    task.consumer.rebalances.push({ kind: 'revoked', partitions: [P0], lost: true })
    task.producer.faults.commit = [ABORTABLE]
    await task.run()
    expect(task.consumer.seeks).toEqual([{ ...P1, offset: 0 }])
  })

  test('the number of assigned partitions is a metric, and the task is ready once it has an assignment', async () => {
    task.assign(P0, P1)
    await task.run()
    expect(task.telemetry.unready()).toEqual({})
    expect((await task.telemetry.partitions.get()).values[0]?.value).toBe(2)
  })
})

describe('start', () => {
  test('the first start commits the first positions, so that a missing offset later means a lost one', async () => {
    task.assign(P0, P1)
    await task.run()
    expect(task.consumer.firstCommits).toEqual([
      { ...P0, offset: 0 },
      { ...P1, offset: 0 },
    ])
  })

  test('a later start goes on at the committed offset and commits nothing', async () => {
    task.assign(P0)
    task.append(P0, 1, 2, 3)
    task.broker.committed.set(idOf(P0), 2)
    task.worker.applied.set(idOf(P0), { offset: 2, streamTimeMs: 0 })
    await task.run()
    expect(task.worker.computed).toEqual([['3']])
    expect(task.consumer.firstCommits).toEqual([])
  })

  test('state folded up to another offset than the group has committed stops before the first record', async () => {
    task.assign(P0)
    task.append(P0, 1, 2, 3)
    task.broker.committed.set(idOf(P0), 2)
    task.worker.applied.set(idOf(P0), { offset: 1, streamTimeMs: 0 })
    await expect(task.run()).rejects.toMatchObject({ code: 'SPL_OFFSET_MISMATCH', onError: 'stop' })
    expect(task.worker.computed).toEqual([])
  })

  test('retention that passed the committed offset stops and says what to do', async () => {
    task.assign(P0)
    task.append(P0, 1, 2, 3)
    task.broker.deleteBefore({ ...P0, offset: 2 })
    task.broker.committed.set(idOf(P0), 1)
    task.worker.applied.set(idOf(P0), { offset: 1, streamTimeMs: 0 })
    await expect(task.run()).rejects.toThrow(/MISSING_RECORDS=skip/)
  })

  test('a skip of missing records that is followed by a restart before the first batch does not contradict the state', async () => {
    task.assign(P0)
    task.append(P0, 1, 2, 3)
    task.broker.deleteBefore({ ...P0, offset: 3 })
    task.broker.committed.set(idOf(P0), 1)
    task.worker.applied.set(idOf(P0), { offset: 1, streamTimeMs: 0 })
    await task.run('skip')
    task.stopping = new AbortController()
    task.assign(P0)
    task.append(P0, 4)
    await task.run('skip')
    expect(task.worker.computed).toEqual([['4']])
    expect(task.broker.committed.get(idOf(P0))).toBe(4)
  })
})

describe('a dependency that is down is not poison', () => {
  test('the task is unready, computes the same batch again with backoff, then is ready, and nothing is lost or doubled', async () => {
    task.assign(P0)
    task.append(P0, 1, 2)
    task.worker.faults.push(down(), down())
    const readiness: Record<string, string>[] = []
    task.worker.during = () => {
      readiness.push(task.telemetry.unready())
    }
    await task.run()
    expect(task.worker.computed).toEqual([
      ['1', '2'],
      ['1', '2'],
      ['1', '2'],
    ])
    expect(task.pauses).toEqual([100, 200])
    const waiting = { summing: expect.stringContaining('SPL_REDIS_UNAVAILABLE') as string }
    expect(readiness).toEqual([{}, waiting, waiting])
    expect(task.telemetry.unready()).toEqual({})
    expect(task.sums(P0)).toEqual([1, 3])
  })

  test('a shutdown while it is down commits nothing: the batch is left to the next start', async () => {
    task.assign(P0)
    task.append(P0, 1)
    task.worker.faults.push(down())
    task.worker.during = () => task.stopping.abort()
    await task.run()
    expect(task.producer.calls).toEqual([])
    expect(task.broker.committed.get(idOf(P0))).toBe(0)
  })

  test('a broker that is away while reading makes it unready, and the next read that works makes it ready again', async () => {
    task.assign(P0)
    task.consumer.faults.push(new KafkaFault('consuming', { code: -187 }))
    const readiness: Record<string, string>[] = []
    task.consumer.onIdle = () => {
      readiness.push(task.telemetry.unready())
      if (readiness.length === 2) task.stopping.abort()
    }
    await task.run()
    expect(task.pauses).toEqual([100])
    expect(readiness[0]).toEqual({ summing: expect.stringContaining('SPL_BROKER_UNAVAILABLE') as string })
    expect(readiness[1]).toEqual({})
  })
})

test.each([
  { does: 'does not answer', fault: { code: -185 } },
  { does: 'lost what was asked of it', fault: { isRetriable: true } },
  { does: 'knows no leader of it yet', fault: { code: 5 } },
  { does: 'has just lost it to another leader', fault: { code: 6 } },
])(
  'a broker that $does while a partition is restored is waited for: other tasks of the process go on',
  async ({ fault }) => {
    task.assign(P0)
    task.append(P0, 1)
    task.consumer.committedFaults.push(new KafkaFault('asking for committed offsets', fault))
    await task.run()
    expect(task.pauses).toEqual([100])
    expect(task.sums(P0)).toEqual([1])
  },
)

describe('a read that fails', () => {
  test.each([
    { code: -140, expected: { code: 'SPL_OFFSET_OUT_OF_RETENTION', onError: 'exit' }, what: 'position is gone' },
    { code: 3, expected: { code: 'SPL_TOPIC_MISSING', onError: 'exit' }, what: 'topic was deleted' },
    { code: -150, expected: { code: 'SPL_BROKER_UNAVAILABLE', onError: 'exit' }, what: 'client died' },
  ])('because the $what: $expected.code, $expected.onError', async ({ expected, ...native }) => {
    task.assign(P0)
    task.consumer.faults.push(new KafkaFault('consuming', native))
    await expect(task.run()).rejects.toMatchObject(expected)
  })
})

test('a partition that was added to a running topic stops the task before it reads there: keys have moved', async () => {
  const added = { topic: 'user-activity', partition: 2 }
  task.assign(P0, added)
  task.append(P0, 1)
  task.append(added, 1)
  await expect(task.run()).rejects.toMatchObject({ code: 'SPL_TOPIC_REPARTITIONED', onError: 'stop' })
  expect(task.worker.computed).toEqual([])
})

test('several inputs are processed in append-time order', async () => {
  const caughtUp = (input: typeof P0): boolean => task.consumer.atEnd.has(idOf(input))
  task.order = new AppendTimeOrder({ caughtUp, nowMs: () => 0, waitMs: 500 })
  task.assign(P0, P1)
  task.broker.append(P0, '1', 1000)
  task.broker.append(P0, '2', 3000)
  task.broker.append(P1, '10', 2000)
  await task.run()
  expect(task.worker.computed.flat()).toEqual(['1', '10', '2'])
})

test('the next offset of a partition is that after its last record', () => {
  const at = (place: typeof P0, offset: number) => ({ ...place, offset, key: null, value: null, appendedAtMs: 0 })
  const records = [at(P0, 4), at(P1, 9), at(P0, 5)].map((record) => ({ ...record, headers: [] }))
  expect(nextOffsets(records)).toEqual([
    { ...P0, offset: 6 },
    { ...P1, offset: 10 },
  ])
})
