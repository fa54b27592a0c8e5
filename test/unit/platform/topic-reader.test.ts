import { expect, test } from 'vitest'
import { EndsToReach } from '../../../platform/topic-reader.ts'

const at = (partition: number, offset: number): { topic: string; partition: number; offset: number } => ({
  topic: 'movies',
  partition,
  offset,
})
const NOWHERE = new Map<string, number>()

test('partitions that others write to all the time are read to the end that they had, one after the other', () => {
  const ends = new EndsToReach([at(0, 3), at(1, 2)])
  expect(ends.pass(at(0, 2))).toBe('within')
  expect(ends.pass(at(0, 3))).toBe('beyond') // a record that came meanwhile takes the partition off its end
  expect(ends.reached(NOWHERE)).toBe(false)
  expect(ends.pass(at(1, 1))).toBe('within')
  expect(ends.reached(NOWHERE)).toBe(true)
})

test('an end behind markers, aborted records or compaction is reached without a record', () => {
  const ends = new EndsToReach([at(0, 9)])
  expect(ends.reached(new Map([['movies/0', 8]]))).toBe(false)
  expect(ends.reached(new Map([['movies/0', 9]]))).toBe(true)
  expect(ends.reached(NOWHERE)).toBe(true) // and stays so
})

test('a record beyond an end tells that the end is passed', () => {
  const ends = new EndsToReach([at(0, 9)])
  expect(ends.pass(at(0, 12))).toBe('beyond')
  expect(ends.reached(NOWHERE)).toBe(true)
})

test('without ends there is nothing to wait for, and every record lies beyond', () => {
  const ends = new EndsToReach([])
  expect(ends.reached(NOWHERE)).toBe(true)
  expect(ends.pass(at(0, 0))).toBe('beyond')
})
