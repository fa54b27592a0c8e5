import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../../schemas/errors.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { startOffset } from '../../../platform/start-offset.ts'

interface Cell {
  readonly committed: number | null
  readonly applied: number | null
  readonly stateful: boolean
  readonly low: number
  /** What happens with MISSING_RECORDS=stop, and with =skip: an offset, or the error that stops. */
  readonly stop: number | ErrorCode
  readonly skip: number | ErrorCode
}

const HIGH = 100
const both = (outcome: number | ErrorCode) => ({ stop: outcome, skip: outcome })
const retention = (low: number) => ({ stop: 'SPL_OFFSET_OUT_OF_RETENTION', skip: low }) as const
const missing = (low: number) => ({ stop: 'SPL_OFFSET_MISSING', skip: low }) as const

function outcome({ committed, applied, stateful, low }: Cell, missingRecords: 'stop' | 'skip'): number | ErrorCode {
  try {
    const watermarks = { low, high: HIGH }
    return startOffset('user-activity/3', { committed, applied, stateful, watermarks, missingRecords })
  } catch (error) {
    if (!(error instanceof SpoilerError)) throw error
    expect(error.onError).toBe('stop')
    expect(error.message).toContain('user-activity/3')
    return error.code
  }
}

describe('first start: the group has no committed offset', () => {
  test.each<Cell>([
    { stateful: false, committed: null, applied: null, low: 0, ...both(0) },
    { stateful: true, committed: null, applied: null, low: 0, ...both(0) },
    { stateful: false, committed: null, applied: null, low: 7, ...missing(7) },
    { stateful: true, committed: null, applied: null, low: 7, ...missing(7) },
    { stateful: true, committed: null, applied: 5, low: 0, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: true, committed: null, applied: 0, low: 0, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: true, committed: null, applied: 5, low: 7, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: false, committed: null, applied: 5, low: 0, ...both('SPL_OFFSET_MISMATCH') },
  ])('stateful $stateful, applied $applied, log from $low: $stop; $skip when records may be missing', (cell) => {
    expect([outcome(cell, 'stop'), outcome(cell, 'skip')]).toEqual([cell.stop, cell.skip])
  })
})

describe('without state the committed offset decides', () => {
  test.each<Cell>([
    { stateful: false, applied: null, committed: 0, low: 0, ...both(0) },
    { stateful: false, applied: null, committed: 40, low: 0, ...both(40) },
    { stateful: false, applied: 20, committed: 40, low: 0, ...both(40) },
    { stateful: false, applied: null, committed: 40, low: 40, ...both(40) },
    { stateful: false, applied: null, committed: 40, low: 41, ...retention(41) },
    { stateful: false, applied: null, committed: HIGH, low: 0, ...both(HIGH) },
    { stateful: false, applied: null, committed: HIGH, low: HIGH, ...both(HIGH) },
    { stateful: false, applied: null, committed: HIGH + 1, low: 0, ...both('SPL_OFFSET_BEYOND_LOG') },
  ])('committed $committed, log from $low: $stop; $skip when records may be missing', (cell) => {
    expect([outcome(cell, 'stop'), outcome(cell, 'skip')]).toEqual([cell.stop, cell.skip])
  })
})

describe('with state the two offsets must agree', () => {
  test.each<Cell>([
    { stateful: true, committed: 40, applied: 40, low: 0, ...both(40) },
    { stateful: true, committed: 40, applied: 40, low: 41, ...retention(41) },
    { stateful: true, committed: 40, applied: 39, low: 0, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: true, committed: 40, applied: 41, low: 0, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: true, committed: 40, applied: 39, low: 50, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: true, committed: HIGH + 1, applied: HIGH + 1, low: 0, ...both('SPL_OFFSET_BEYOND_LOG') },
    // no state yet: only the very first position was committed
    { stateful: true, committed: 0, applied: null, low: 0, ...both(0) },
    { stateful: true, committed: 7, applied: null, low: 7, ...both(7) },
    { stateful: true, committed: 0, applied: null, low: 7, ...retention(7) },
    // the group has moved on and the state is gone
    { stateful: true, committed: 40, applied: null, low: 7, ...both('SPL_OFFSET_MISMATCH') },
    { stateful: true, committed: 40, applied: null, low: 0, ...both('SPL_OFFSET_MISMATCH') },
  ])('committed $committed, applied $applied, log from $low: $stop; $skip when records may be missing', (cell) => {
    expect([outcome(cell, 'stop'), outcome(cell, 'skip')]).toEqual([cell.stop, cell.skip])
  })
})

test.each([
  { facts: { committed: null, applied: null, low: 7 }, says: /first start.*set MISSING_RECORDS=skip once/s },
  { facts: { committed: 3, applied: 3, low: 7 }, says: /without these 4 records set MISSING_RECORDS=skip once/s },
  { facts: { committed: 3, applied: 2, low: 0 }, says: /folded up to offset 2, .* committed 3\..*Put the committed/s },
  { facts: { committed: 101, applied: 101, low: 0 }, says: /log ends at 100\..*recreate.*LINEAGE one higher/s },
])('the message says what to do: $says', ({ facts, says }) => {
  const { low, ...offsets } = facts
  const watermarks = { low, high: HIGH }
  expect(() =>
    startOffset('user-activity/3', { ...offsets, stateful: true, watermarks, missingRecords: 'stop' }),
  ).toThrow(says)
})
