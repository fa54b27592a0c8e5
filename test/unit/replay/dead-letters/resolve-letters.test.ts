import { expect, test } from 'vitest'
import { type Decision, resolveLetters } from '../../../../replay/dead-letters/resolve-letters.ts'
import { ABORTABLE, FakeBroker, FakeProducer } from '../../../support/fake-kafka.ts'
import { FakeRegistry, learnedCodec } from '../../../support/fake-registry.ts'

const codec = learnedCodec(new FakeRegistry())

function decisions(count: number): Decision[] {
  return Array.from({ length: count }, (_, offset) => ({
    record: { topic: 'reviews', partition: null, key: null, value: Buffer.from(`record ${offset}`) },
    resolution: {
      component: 'intake',
      source: { topic: 'reviews', partition: 0, offset },
      code: 'SPL_RATING_INVALID',
      action: 'replayed',
      edits: [],
      decidedBy: 'ada',
      reason: 'test',
      decidedAtMs: 0,
    },
  }))
}

function setUp() {
  const broker = new FakeBroker()
  const stop = new AbortController()
  const producer = new FakeProducer(broker)
  const onProgress = (): void => undefined
  return { broker, stop, producer, deps: { producer, codec, stepDeadlineMs: 1000, signal: stop.signal, onProgress } }
}

test('each record becomes visible in one transaction with its decision', async () => {
  const { broker, producer, deps } = setUp()
  expect(await resolveLetters(decisions(2), deps)).toBe(2)
  expect(producer.calls).toEqual(['begin', 'send', 'commit'])
  expect(broker.visible.map((value) => value.startsWith('record'))).toEqual([true, false, true, false])
})

test('a dropped letter is a decision alone', async () => {
  const { broker, deps } = setUp()
  await resolveLetters(
    decisions(3).map((decision) => ({ ...decision, record: null })),
    deps,
  )
  expect(broker.visible.filter((value) => value.startsWith('record'))).toEqual([])
  expect(broker.visible).toHaveLength(3)
})

test('an abort leaves neither record nor decision', async () => {
  const { broker, producer, deps } = setUp()
  producer.faults.commit = [ABORTABLE]
  await expect(resolveLetters(decisions(2), deps)).rejects.toMatchObject({ code: 'SPL_TRANSACTION_ABORTED' })
  expect(broker.visible).toEqual([])
})

test('Ctrl-C ends between transactions, and what is visible is counted', async () => {
  const { broker, stop, deps } = setUp()
  const onProgress = (): void => {
    stop.abort()
  }
  const done = await resolveLetters(decisions(450), { ...deps, onProgress })
  expect([done, broker.visible.length]).toEqual([200, 400])
})
