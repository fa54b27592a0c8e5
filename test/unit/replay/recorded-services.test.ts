import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecordedServices } from '../../../replay/recorded-services.ts'

const NAMES = ['spoiler_v1', 'spoiler_v2']

test('rows in any order tell of every one of them which service it was, across any switches', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.boolean()), (runs, order, hasRow) => {
      // a run after the other, each of another service; not every record is a review
      const services = runs.flatMap((length, i) => Array.from({ length }, () => NAMES[i % 2] as string))
      const rows = services
        .map((featureService, offset) => ({ position: { partition: 1, offset }, featureService }))
        .filter(() => hasRow.next().value)
        .map((row) => ({ row, at: order.next().value as number }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ row }) => row)
      const recorded = new RecordedServices()
      for (const row of rows) recorded.add(row)
      for (const { position, featureService } of rows) expect(recorded.at(position).name).toBe(featureService)
    }),
    { seed: 17, numRuns: 2_000 },
  )
})

test('where no row stands it is the service of the row before, else of the first one, else spoiler_v1', () => {
  const recorded = new RecordedServices()
  expect(recorded.at({ partition: 0, offset: 4 }).name).toBe('spoiler_v1')
  recorded.add({ position: { partition: 0, offset: 5 }, featureService: 'spoiler_v2' })
  recorded.add({ position: { partition: 0, offset: 9 }, featureService: 'spoiler_v1' })
  recorded.add({ position: { partition: 0, offset: 7 }, featureService: 'of a later version' })
  const at = (offset: number): string => recorded.at({ partition: 0, offset }).name
  expect([4, 5, 7, 8, 9, 20].map(at)).toEqual([
    ...Array.from({ length: 4 }, () => 'spoiler_v2'),
    'spoiler_v1',
    'spoiler_v1',
  ])
  expect(recorded.at({ partition: 1, offset: 5 }).name).toBe('spoiler_v1')
})
