import { expect, test } from 'vitest'
import { eventTimeMs, rangesOfEventTimes } from '../../../replay/event-times.ts'

const range = (partition: number, from: number, to: number) => ({ topic: 't', partition, from, to })

async function* logOf(...records: (readonly [partition: number, offset: number, timeMs: number | undefined])[]) {
  await Promise.resolve()
  for (const [partition, offset, timeMs] of records) yield { partition, offset, eventTimeMs: timeMs }
}

test('a range holds every record of the event times, however the log is ordered, and no more at its ends', async () => {
  const log = logOf(
    [0, 3, 50],
    [1, 0, 20],
    [0, 4, 10],
    [0, 5, 99],
    [1, 1, 9],
    [0, 6, undefined],
    [0, 8, 19],
    [0, 9, 20],
  )
  const found = await rangesOfEventTimes([range(0, 3, 12), range(1, 0, 5)], { fromMs: 10, toMs: 20 }, log)
  expect(found).toEqual([range(0, 4, 9), range(1, 5, 5)])
})

test('without an end, up to the last record of the time', async () => {
  const found = await rangesOfEventTimes([range(0, 0, 9)], { fromMs: 10, toMs: Infinity }, logOf([0, 2, 10], [0, 4, 9]))
  expect(found).toEqual([range(0, 2, 3)])
})

test('a review is timed by when it was written, a label by when it was given, metadata not at all', () => {
  const review = { writtenAtMs: 5 } as never
  const label = { labelledAtMs: 7 } as never
  expect(eventTimeMs('userActivity', { review, label: null } as never)).toBe(5)
  expect(eventTimeMs('userActivity', { review: null, label } as never)).toBe(7)
  expect(eventTimeMs('movieActivity', { review: { review } as never, label: null } as never)).toBe(5)
  expect(eventTimeMs('movieActivity', { review: null, label: { label } as never } as never)).toBe(7)
  expect(eventTimeMs('movieActivity', { review: null, label: null } as never)).toBeUndefined()
  expect(eventTimeMs('reviewFeatures', review)).toBe(5)
})
