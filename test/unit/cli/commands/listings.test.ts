import { expect, test } from 'vitest'
import { lateRecordsText, lettersText } from '../../../../cli/dead-letter-text.ts'
import { statusText } from '../../../../cli/commands/status.ts'
import { topicsText } from '../../../../cli/commands/topics.ts'
import { EXAMPLE } from '../../../support/review-world.ts'

const LETTER = {
  code: 'SPL_RATING_INVALID',
  cause: 'rating is 11\u001b[2J',
  component: 'intake',
  source: { topic: 'reviews', partition: 2, offset: 17 },
  appendedAtMs: 0,
  attempts: 1,
  key: null,
  value: Buffer.from('{"rating": 11}'),
  headers: {},
}

test('a dead letter is one line: code, component and source, state, age, cause and the first of its bytes', () => {
  const text = lettersText({ newest: [{ letter: LETTER, deadAtMs: 60_000, resolution: undefined }], total: 1 }, 65_000)
  expect(text.split('\n')[1]).toBe(
    'SPL_RATING_INVALID  intake:reviews/2/17  open   5.0 s  rating is 11␛[2J  {"rating": 11}',
  )
})

test('what the limit left out is said, and so is that there is nothing', () => {
  expect(lettersText({ newest: [{ letter: LETTER, deadAtMs: 0, resolution: undefined }], total: 1200 }, 0)).toContain(
    'The newest 1 of 1,200',
  )
  expect(lettersText({ newest: [], total: 0 }, 0)).toBe('No dead letters.\n')
})

test('a late record is one line: why, where it was read, age, and what it was about', () => {
  const record = { reason: 'no-review', component: 'user-history', source: LETTER.source, label: EXAMPLE.label }
  const text = lateRecordsText({ newest: [{ record, lateAtMs: 0 }], total: 3 }, 5_000)
  expect(text.split('\n')[1]).toBe('no-review  user-history  reviews/2/17  5.0 s  label of review r1 by u1')
  expect(text).toContain('The newest 1 of 3')
})

const REVIEWS = { name: 'reviews', partitions: 4, cleanup: 'delete', retentionMs: -1, records: 12_345, differences: [] }

test('a topic shows its policy, its records and what differs', () => {
  const differs = {
    ...REVIEWS,
    name: 'movies',
    retentionMs: 86_400_000,
    differences: ['movies has 3 partitions, not 4'],
  }
  const [, first, second, third] = topicsText([REVIEWS, differs]).split('\n')
  expect(first).toMatch(/^reviews +4 +delete +for ever +12,345 +as declared$/)
  expect(second).toMatch(/^movies +4 +delete +24 h 0 min +12,345 +movies has 3 partitions, not 4$/)
  expect(third).toBe('')
})

test('a missing topic comes with the command that creates it', () => {
  expect(topicsText([{ ...REVIEWS, records: null, differences: ['reviews does not exist'] }])).toContain(
    'topics --create',
  )
})

test('status names each component, its tasks and why it is not ready', () => {
  const counts = { recordsIn: 1000, recordsOut: 20, transactions: 3, aborted: 0, deadLetters: 1 }
  const folds = {
    name: 'folds',
    state: 'running',
    pid: 7,
    url: 'http://127.0.0.1:9',
    restarts: 1,
    lastFailure: undefined,
    ready: false,
    unready: { intake: 'the broker\nis away' },
    tasks: [{ task: 'intake', secondsBehind: 0.25, ...counts }],
  } as const
  const text = statusText({ ready: false, dependencies: [], components: [folds] }, '.local')
  expect(text).toMatch(/^folds +not ready: intake: the broker is away +1 +7 +http:\/\/127\.0\.0\.1:9$/m)
  expect(text).toMatch(/^folds\/intake +0\.3 +1,000 +20 +3 +0 +1$/m)
})
