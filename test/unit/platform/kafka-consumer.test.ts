import { beforeEach, describe, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../platform/config.ts'
import { GroupConsumer, type TopicPartition } from '../../../platform/kafka-consumer.ts'
import type { KafkaFault } from '../../../platform/kafka-fault.ts'
import { CLOSED_WITH, type NativeConsumerFake, natives, REVOKE } from '../../support/native-consumer.ts'

vi.mock('@confluentinc/kafka-javascript', async () => {
  const { NativeConsumerFake } = await import('../../support/native-consumer.ts')
  return { default: { KafkaConsumer: NativeConsumerFake } }
})

const ASSIGN = -175
const P0 = CLOSED_WITH
const P1 = { topic: 'user-activity', partition: 1 }

let consumer: GroupConsumer
let native: NativeConsumerFake
beforeEach(async () => {
  consumer = await GroupConsumer.join(loadConfig({ STATE_DIR: 'absent' }), 'user-history', ['user-activity'])
  native = natives.at(-1) as NativeConsumerFake
  native.calls.length = 0
})

const rebalance = (code: number, ...partitions: TopicPartition[]): void =>
  native.settings.rebalance_cb({ code }, partitions)

describe('no offset is ever reset or committed behind our back', () => {
  test('the settings say so', () => {
    expect(native.settings).toMatchObject({
      'enable.auto.commit': false,
      'enable.auto.offset.store': false,
      'isolation.level': 'read_committed',
      'group.protocol': 'consumer',
    })
    expect(native.topicSettings).toEqual({ 'auto.offset.reset': 'error' })
  })

  test.each([
    { native: [{ ...P0, offset: 7 }], offsets: [{ ...P0, offset: 7 }, null] },
    { native: [{ ...P1, offset: 0 }, P0], offsets: [null, { ...P1, offset: 0 }] },
    { native: [{ ...P0, offset: -1001 }], offsets: [null, null] },
    { native: [], offsets: [null, null] },
  ])('an offset that the group does not have is null, and no zero: $native', async ({ native: found, offsets }) => {
    native.committedOffsets = found
    expect(await consumer.committed([P0, P1])).toEqual(offsets)
  })
})

describe('a commit outside a transaction', () => {
  const OLD = { ...P0, offset: 7 }
  const NEW = { ...P0, offset: 9 }

  test('is over when the coordinator has it', async () => {
    native.committedOffsets = [OLD]
    await consumer.commit([NEW])
    expect(await consumer.committed([P0])).toEqual([NEW])
  })

  test.each([{ before: [OLD] }, { before: [] }])(
    'that was lost with its coordinator may be repeated, though the client says nothing: $before',
    async ({ before }) => {
      native.committedOffsets = before
      native.commitsArrive = false
      await expect(consumer.commit([NEW])).rejects.toMatchObject({ retriable: true, fatal: false })
      native.commitsArrive = true
      await consumer.commit([NEW])
    },
  )
})

describe('a rebalance', () => {
  test('takes effect only when the owner of the consumer says so, one after the other', () => {
    rebalance(ASSIGN, P0, P1)
    rebalance(REVOKE, P1)
    expect(native.calls).toEqual([])
    expect(consumer.nextRebalance()).toEqual({ kind: 'assigned', partitions: [P0, P1] })
    consumer.accept([{ ...P0, offset: 5 }])
    expect(native.calls).toEqual([['assign', [{ ...P0, offset: 5 }]]])
    expect(consumer.nextRebalance()).toEqual({ kind: 'revoked', partitions: [P1], lost: false })
    consumer.release([P1])
    expect(native.calls.at(-1)).toEqual(['unassign', [P1]])
    expect(consumer.nextRebalance()).toBeUndefined()
  })

  test('that took partitions away without asking says that they are lost', () => {
    native.lost = true
    rebalance(REVOKE, P0)
    expect(consumer.nextRebalance()).toMatchObject({ kind: 'revoked', lost: true })
  })

  test('during the close is answered at once, since nobody asks any more', async () => {
    await consumer[Symbol.asyncDispose]()
    expect(native.calls).toEqual([['unassign', [P0]]])
  })
})

describe('group metadata vouches for a batch', () => {
  const check = (metadata: { assertCurrent: () => void }): KafkaFault | 'current' => {
    try {
      metadata.assertCurrent()
      return 'current'
    } catch (error) {
      return error as KafkaFault
    }
  }

  test('while the assignment is that of the poll', () => {
    rebalance(REVOKE, P0) // announced, not yet in effect
    expect(check(consumer.groupMetadata())).toBe('current')
  })

  test('not after a partition was released: the transaction has to be aborted', () => {
    const metadata = consumer.groupMetadata()
    consumer.release([P0])
    expect(check(metadata)).toMatchObject({ requiresAbort: true, fatal: false })
    expect(check(consumer.groupMetadata())).toBe('current')
  })

  test('not after the assignment was lost', () => {
    const metadata = consumer.groupMetadata()
    native.lost = true
    expect(check(metadata)).toMatchObject({ requiresAbort: true })
  })
})

describe('a partition counts as read to its end', () => {
  const end = { ...P0, offset: 9 }
  test('from when the end was met until its next record', () => {
    native.emit('partition.eof', end)
    expect(Object.fromEntries(consumer.atEnd)).toEqual({ 'user-activity/0': 9 })
    native.emit('data', { ...P1, offset: 1 })
    expect(consumer.atEnd.size).toBe(1)
    native.emit('data', { ...P0, offset: 9 })
    expect(consumer.atEnd.size).toBe(0)
  })

  test.each(['seek', 'accept', 'release'] as const)('not after a %s', async (move) => {
    native.emit('partition.eof', end)
    await consumer[move]([{ ...P0, offset: 3 }])
    expect(consumer.atEnd.size).toBe(0)
  })
})

describe('a read that gives nothing', () => {
  const read = () => consumer.read({ timeoutMs: 100, maxRecords: 10 })
  const RECORD = { ...P0, offset: 1 }
  const trouble = (): void => void native.emit('event.error', { code: -1, message: 'all broker connections are down' })

  test('asks nobody while the client has no trouble', async () => {
    expect(await read()).toEqual([])
    expect(native.calls).toEqual([['wait', 100]])
  })

  test('fails while no broker answers, since the client reads on in silence; then it reads again', async () => {
    native.unreachable = { code: -195, message: 'broker transport failure' }
    trouble()
    await expect(read()).rejects.toMatchObject({ unreachable: true })
    await expect(read()).rejects.toMatchObject({ unreachable: true })
    native.unreachable = null
    expect(await read()).toEqual([])
    native.calls.length = 0
    expect(await read()).toEqual([])
    expect(native.calls).not.toContain('ask')
  })

  test('one that gives records proves that a broker answers', async () => {
    native.polls.push([RECORD])
    trouble()
    expect(await read()).toEqual([RECORD])
    expect(await read()).toEqual([])
    expect(native.calls).not.toContain('ask')
  })
})
