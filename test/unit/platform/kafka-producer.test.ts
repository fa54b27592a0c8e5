import { beforeEach, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../platform/config.ts'
import type { GroupMetadata } from '../../../platform/kafka-consumer.ts'
import { openTransactionalProducer } from '../../../platform/kafka-producer.ts'
import { ABORTABLE } from '../../support/fake-kafka.ts'
import { NativeProducerFake, producers } from '../../support/native-producer.ts'

vi.mock('@confluentinc/kafka-javascript', async () => {
  const { NativeProducerFake: Producer } = await import('../../support/native-producer.ts')
  return { default: { Producer } }
})

const config = loadConfig({ STATE_DIR: 'absent' })
const RECORD = { topic: 'spoiler-scores', partition: null, key: 'r1', value: Buffer.from('x') }
const metadata = (assertCurrent: () => void): GroupMetadata => ({ consumer: undefined as never, assertCurrent })

beforeEach(() => {
  producers.length = 0
})

async function open() {
  const producer = await openTransactionalProducer(config, 'scorer-0')
  return { producer, native: producers[0] as NativeProducerFake }
}

test('a producer fences its earlier self before anything else, under a stable id, with keys placed as by any other client', async () => {
  const { native } = await open()
  expect(native.calls).toEqual(['initTransactions'])
  expect(native.settings).toMatchObject({
    'transactional.id': 'scorer-0',
    'transaction.timeout.ms': 10_000,
    'enable.idempotence': true,
  })
  expect(native.topicSettings).toEqual({ partitioner: 'murmur2_random' })
})

test('offsets are not sent for a batch whose assignment has changed', async () => {
  const { producer, native } = await open()
  await producer.begin()
  const changed = metadata(() => {
    throw ABORTABLE
  })
  await expect((async () => producer.sendOffsets([], changed))()).rejects.toBe(ABORTABLE)
  expect(native.calls).not.toContain('sendOffsetsToTransaction')
  await producer.sendOffsets(
    [],
    metadata(() => undefined),
  )
  expect(native.calls).toContain('sendOffsetsToTransaction')
})

test('a full local queue is waited for; no record is left out or doubled', async () => {
  const { producer, native } = await open()
  native.refusals.push({ code: -184 }, { code: -184 })
  await producer.sendAll([RECORD, { ...RECORD, key: 'r2' }])
  expect(native.produced).toEqual(['r1', 'r2'])
})

test('any other refusal of a record is a fault that names the topic', async () => {
  const { producer, native } = await open()
  native.refusals.push({ code: 10, message: 'too large' })
  await expect(producer.sendAll([RECORD])).rejects.toMatchObject({
    name: 'KafkaFault',
    code: 10,
    message: 'sending to spoiler-scores: too large',
  })
})

test('a producer whose transactions cannot be initialised is closed again', async () => {
  NativeProducerFake.initialises = false
  try {
    await expect(open()).rejects.toMatchObject({ name: 'KafkaFault', fatal: true })
  } finally {
    NativeProducerFake.initialises = true
  }
  expect(producers[0]?.calls).toEqual(['initTransactions', 'disconnect'])
})
