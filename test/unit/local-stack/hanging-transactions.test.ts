import { expect, test } from 'vitest'
import type { OpenTransaction } from '../../../local-stack/broker-wire.ts'
import { hangingMarkers } from '../../../local-stack/hanging-transactions.ts'
import {
  type TransactionChange,
  transactionChange,
  type TransactionState,
} from '../../../local-stack/transaction-log.ts'

const OPEN: OpenTransaction = {
  topic: 't',
  partition: 2,
  producerId: 6,
  producerEpoch: 1,
  coordinatorEpoch: 3,
  startOffset: 40,
}

function change(state: TransactionState, partitions: readonly string[] = [], more: Partial<TransactionChange> = {}) {
  return { producerId: 6, producerEpoch: 1, state, partitions: new Set(partitions), ...more }
}

test.each<[string, readonly TransactionChange[], boolean | undefined]>([
  ['committed and noted as complete', [change('prepare-commit', ['t/2']), change('complete')], true],
  ['aborted and noted as complete', [change('prepare-abort', ['t/2']), change('complete')], false],
  [
    'over, and its producer has begun anew',
    [change('prepare-commit', ['t/2']), change('empty', [], { producerEpoch: 2 })],
    true,
  ],
  ['over, and its producer writes elsewhere', [change('prepare-commit', ['t/2']), change('ongoing', ['t/1'])], true],
  [
    'decided last for this partition',
    [change('prepare-abort', ['t/2']), change('prepare-commit', ['t/1']), change('complete')],
    false,
  ],
  ['decided anew', [change('prepare-abort', ['t/2']), change('prepare-commit', ['t/2']), change('complete')], true],
  ['under way', [change('prepare-commit', ['t/2']), change('complete'), change('ongoing', ['t/2'])], undefined],
  ['about to be marked', [change('ongoing', ['t/2']), change('prepare-commit', ['t/2'])], undefined],
  ['in a state that is not known here', [change('prepare-commit', ['t/2']), change('other', ['t/2'])], undefined],
  [
    'decided in another epoch',
    [change('prepare-commit', ['t/2'], { producerEpoch: 0 }), change('complete')],
    undefined,
  ],
  ['decided for another partition', [change('prepare-commit', ['t/1']), change('complete')], undefined],
  [
    'of another producer',
    [change('prepare-commit', ['t/2'], { producerId: 7 }), change('complete', [], { producerId: 7 })],
    undefined,
  ],
  ['not known to its coordinator', [], undefined],
])(
  'a transaction that is open in a partition, and %s: what is written is its decision, or nothing',
  (_, changes, committed) => {
    expect(hangingMarkers([OPEN], changes)).toEqual(committed === undefined ? [] : [{ ...OPEN, committed }])
  },
)

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
