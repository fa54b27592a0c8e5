import { expect, test } from 'vitest'
import { hangingMarkers } from '../../../local-stack/hanging-transactions.ts'
import type { OpenTransaction } from '../../../platform/open-transactions.ts'
import type { TransactionChange, TransactionState } from '../../../platform/transaction-log.ts'

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
