import { expect, test } from 'vitest'
import { KafkaFault, promised } from '../../../platform/kafka-fault.ts'

test('a call that calls back without error gives its value', async () => {
  await expect(promised('asking', (cb) => cb(null, 7))).resolves.toBe(7)
  await expect(promised('asking', (cb) => cb(undefined))).resolves.toBeUndefined()
})

test.each([
  { name: 'calls back with an error', call: (cb: (error: object) => void) => cb({ message: 'no', code: 7 }) },
  {
    name: 'throws',
    call: () => {
      throw Object.assign(new Error('no'), { code: 7 })
    },
  },
])('a call that $name rejects with a fault that says what was going on', async ({ call }) => {
  await expect(promised('asking', call)).rejects.toMatchObject({ name: 'KafkaFault', message: 'asking: no', code: 7 })
})

test('a fault says only what librdkafka said: fatal, retriable, or to be aborted', () => {
  const plain = new KafkaFault('x', {})
  expect(plain).toMatchObject({ code: 0, fatal: false, retriable: false, requiresAbort: false, unreachable: false })
  const flagged = new KafkaFault('x', { isFatal: true, isRetriable: true, isTxnRequiresAbort: true, code: -195 })
  expect(flagged).toMatchObject({ fatal: true, retriable: true, requiresAbort: true, unreachable: true })
})

test('a client that died says so by its code only', () => {
  expect(new KafkaFault('consuming', { code: -150, isFatal: false }).fatal).toBe(true)
})
