import { expect, test } from 'vitest'
import { transactionChange } from '../../../platform/transaction-log.ts'

test('records of the log are read as Kafka 4.3 wrote them', () => {
  const bytes = Buffer.concat([
    Buffer.from('0001' + '0000000000000006' + '0000' + '00002710' + '02', 'hex'), // version, producer, epoch, 10 s, decided
    Buffer.from('03', 'hex'), // two topics
    Buffer.from([14, ...Buffer.from('user-features'), 3, 0, 0, 0, 2, 0, 0, 0, 1, 0]),
    Buffer.from([19, ...Buffer.from('__consumer_offsets'), 2, 0, 0, 0, 2, 0]),
    Buffer.from('000001a1ffa09e6a' + '000001a1ffa09e3d' + '010008' + '0000000000000006', 'hex'), // times, one tag
  ])
  expect(transactionChange(bytes)).toEqual({
    producerId: 6,
    producerEpoch: 0,
    state: 'prepare-commit',
    partitions: new Set(['user-features/2', 'user-features/1', '__consumer_offsets/2']),
  })
  const empty = Buffer.from('0001' + '0000000000000003' + '0001' + '00002710' + '00' + '00' + '00'.repeat(17), 'hex')
  expect(transactionChange(empty)).toMatchObject({
    producerId: 3,
    producerEpoch: 1,
    state: 'empty',
    partitions: new Set(),
  })
  expect(transactionChange(null)).toBeUndefined()
})
