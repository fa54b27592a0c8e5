import { describe, expect, test } from 'vitest'
import { DeadlineError } from '../../../platform/deadline.ts'
import { KafkaFault } from '../../../platform/kafka-fault.ts'
import { type ComputedBatch, commitBatch } from '../../../platform/transaction.ts'
import {
  ABORTABLE,
  FakeBroker,
  FakeProducer,
  FENCED,
  RETRIABLE,
  type TransactionStep,
} from '../../support/fake-kafka.ts'
import { ManualTimers, settled } from '../../support/manual-timers.ts'

const DEADLINE_MS = 15_000
const STEPS: readonly TransactionStep[] = ['begin', 'send', 'offsets', 'commit']

function batch(assertCurrent: () => void = () => undefined): ComputedBatch {
  return {
    outgoing: [
      { topic: 'spoiler-scores', partition: null, key: 'r1', value: Buffer.from('first') },
      { topic: 'spoiler-scores', partition: null, key: 'r2', value: Buffer.from('second') },
    ],
    nextOffsets: [{ topic: 'review-features', partition: 2, offset: 41 }],
    groupMetadata: { consumer: undefined as never, assertCurrent },
  }
}

function run(producer: FakeProducer, timers = new ManualTimers(), computed = batch()): Promise<void> {
  return commitBatch(computed, { producer, stepDeadlineMs: DEADLINE_MS, timers })
}

test('outputs, then offsets, then the commit: one transaction makes all of it visible, in log order', async () => {
  const broker = new FakeBroker()
  const producer = new FakeProducer(broker)
  await run(producer)
  expect(producer.calls).toEqual(STEPS)
  expect(broker.visible).toEqual(['first', 'second'])
  expect(broker.committed.get('review-features/2')).toBe(41)
})

describe('deadline of our own', () => {
  test.each([...STEPS, 'abort' as const])('a hung %s exits as SPL_TRANSACTION_STUCK', async (step) => {
    const timers = new ManualTimers()
    const producer = new FakeProducer()
    producer.hanging = step
    if (step === 'abort') producer.faults.commit = [ABORTABLE]
    let outcome: unknown = 'undecided'
    const running = run(producer, timers).catch((error: unknown) => (outcome = error))
    await settled()
    timers.elapse(DEADLINE_MS - 1)
    await settled()
    expect(outcome).toBe('undecided')
    timers.elapse(1)
    await running
    expect(outcome).toMatchObject({ code: 'SPL_TRANSACTION_STUCK', onError: 'exit' })
    expect((outcome as Error).cause).toBeInstanceOf(DeadlineError)
    expect(producer.calls.at(-1)).toBe(step)
  })

  test('a finished transaction leaves no timer behind that could end the process later', async () => {
    const timers = new ManualTimers()
    const producer = new FakeProducer()
    producer.faults.commit = [RETRIABLE]
    await run(producer, timers)
    expect(timers.pending).toBe(0)
  })
})

describe('a fatal fault exits at once, without an abort', () => {
  test.each(STEPS)('in %s', async (step) => {
    const producer = new FakeProducer()
    producer.faults[step] = [FENCED]
    await expect(run(producer)).rejects.toMatchObject({
      code: 'SPL_TRANSACTION_FATAL',
      onError: 'exit',
      cause: FENCED,
    })
    expect(producer.calls.at(-1)).toBe(step)
    expect(producer.calls).not.toContain('abort')
  })

  test.each([
    { name: 'that calls itself retriable', fault: new KafkaFault('x', { isFatal: true, isRetriable: true }) },
    { name: 'without any flag', fault: new KafkaFault('x', { code: -1 }) },
    { name: 'that is no Kafka fault', fault: new TypeError('a bug of ours') },
  ])('in commit, one $name', async ({ fault }) => {
    const producer = new FakeProducer()
    producer.faults.commit = [fault]
    await expect(run(producer)).rejects.toMatchObject({ code: 'SPL_TRANSACTION_FATAL', onError: 'exit', cause: fault })
    expect(producer.calls).toEqual(STEPS)
  })
})

describe('a retriable commit', () => {
  test('is committed again, and never aborted', async () => {
    const broker = new FakeBroker()
    const producer = new FakeProducer(broker)
    producer.faults.commit = [RETRIABLE, RETRIABLE]
    await run(producer)
    expect(producer.calls).toEqual([...STEPS, 'commit', 'commit'])
    expect(broker.visible).toEqual(['first', 'second'])
  })

  test('is not committed again past the deadline', async () => {
    const timers = new ManualTimers()
    const producer = new FakeProducer()
    producer.faults.commit = Array.from({ length: 10_000 }, () => RETRIABLE)
    const running = run(producer, timers)
    const refused = expect(running).rejects.toMatchObject({ code: 'SPL_TRANSACTION_STUCK', onError: 'exit' })
    await settled()
    expect(producer.calls.length).toBeGreaterThan(STEPS.length + 1)
    timers.elapse(DEADLINE_MS)
    await refused
    const tries = producer.calls.length
    await settled()
    expect(producer.calls).toHaveLength(tries)
  })

  test('that then asks for an abort is aborted', async () => {
    const producer = new FakeProducer()
    producer.faults.commit = [RETRIABLE, ABORTABLE]
    await expect(run(producer)).rejects.toMatchObject({ code: 'SPL_TRANSACTION_ABORTED' })
    expect(producer.calls).toEqual([...STEPS, 'commit', 'abort'])
  })
})

describe('an abortable fault', () => {
  test.each(STEPS)('in %s aborts: nothing is visible, and the batch may be tried again', async (step) => {
    const broker = new FakeBroker()
    const producer = new FakeProducer(broker)
    producer.faults[step] = [ABORTABLE]
    await expect(run(producer)).rejects.toMatchObject({
      code: 'SPL_TRANSACTION_ABORTED',
      onError: 'retry',
      cause: ABORTABLE,
    })
    expect(producer.calls.slice(-2)).toEqual([step, 'abort'])
    expect(broker.visible).toEqual([])
    expect(broker.committed.size).toBe(0)
  })

  test('whose abort fails exits: nobody knows what is visible', async () => {
    const producer = new FakeProducer()
    producer.faults.send = [ABORTABLE]
    producer.faults.abort = [FENCED]
    await expect(run(producer)).rejects.toMatchObject({
      code: 'SPL_TRANSACTION_FATAL',
      onError: 'exit',
      cause: FENCED,
    })
  })

  test('whose abort is retriable aborts again', async () => {
    const producer = new FakeProducer()
    producer.faults.send = [ABORTABLE]
    producer.faults.abort = [RETRIABLE]
    await expect(run(producer)).rejects.toMatchObject({ code: 'SPL_TRANSACTION_ABORTED' })
    expect(producer.calls).toEqual(['begin', 'send', 'abort', 'abort'])
  })
})

test('an assignment that changed since the poll does not vouch for the batch: it is aborted, never committed', async () => {
  const producer = new FakeProducer()
  const changed = batch(() => {
    throw ABORTABLE
  })
  await expect(run(producer, new ManualTimers(), changed)).rejects.toMatchObject({ code: 'SPL_TRANSACTION_ABORTED' })
  expect(producer.calls).toEqual(['begin', 'send', 'offsets', 'abort'])
})
