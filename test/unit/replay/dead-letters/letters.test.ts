import { expect, test } from 'vitest'
import { isRepeatable, matches } from '../../../../replay/dead-letters/letters.ts'
import { letterId, topics } from '../../../../schemas/topics.ts'
import { aLetter } from '../../../support/dead-letters.ts'

const tracked = { letter: aLetter(), deadAtMs: 1000 }

test.each([
  [{}],
  [{ ids: ['intake:reviews/2/17'] }],
  [{ ids: ['reviews/2/17'] }],
  [{ ids: ['other', 'reviews/2/17'], code: 'SPL_RATING_INVALID', topic: 'reviews', component: 'intake' }],
  [{ sinceMs: 1000, untilMs: 1001 }],
])('%j means the letter', (filter) => {
  expect(matches(tracked, filter)).toBe(true)
})

test.each([
  [{ ids: [] }],
  [{ ids: ['scorer:reviews/2/17'] }],
  [{ ids: ['reviews/2/1'] }],
  [{ code: 'SPL_RECORD_EMPTY' }],
  [{ topic: 'review-labels' }],
  [{ component: 'scorer' }],
  [{ sinceMs: 1001 }],
  [{ untilMs: 1000 }],
])('%j does not mean it', (filter) => {
  expect(matches(tracked, filter)).toBe(false)
})

test('letters of two components about one record have two ids', () => {
  expect(letterId(aLetter({ component: 'scorer' }))).not.toBe(letterId(aLetter()))
})

test('a step may be repeated from its own inputs only, never from a compacted one of a sink', () => {
  const inputs = ['intake', 'user-history', 'movie-context', 'scorer', 'redis-online-store', 's3-offline-store', '']
  const repeatable = inputs.flatMap((component) =>
    (Object.keys(topics) as (keyof typeof topics)[])
      .filter((topic) => isRepeatable(component, topic))
      .map((topic) => `${component} ${topics[topic].name}`),
  )
  expect(repeatable).toEqual([
    'intake reviews',
    'intake review-labels',
    'intake movies',
    'user-history user-activity',
    'movie-context movie-activity',
    'scorer review-features',
  ])
})
