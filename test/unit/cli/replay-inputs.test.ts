import { expect, test } from 'vitest'
import { inputOf, parsePlace, parseStages, REPLAY_STAGES } from '../../../cli/replay-inputs.ts'

const NOW_MS = Date.UTC(2026, 10, 21)

test.each([
  ['beginning', 'beginning'],
  ['now', 'now'],
  ['-2h', { timeMs: NOW_MS - 2 * 3_600_000 }],
  ['0:1200', { offsets: new Map([[0, 1200]]) }],
  [
    '0:1200,3:80',
    {
      offsets: new Map([
        [0, 1200],
        [3, 80],
      ]),
    },
  ],
])('%s is a place in the input of a stage', (text, place) => {
  expect(parsePlace(text, NOW_MS)).toEqual(place)
})

test.each(['0:', '0:1,', ':5', '0:1;2:3', 'yesterday'])('"%s" is refused with examples', (text) => {
  expect(() => parsePlace(text, NOW_MS)).toThrow(/is no time; write beginning/)
})

test('stages are named one by one, or all in the order in which records pass them', () => {
  expect(parseStages('all')).toEqual(['user-history', 'movie-context', 'scorer', 'evaluator'])
  expect(parseStages('scorer')).toEqual(['scorer'])
  expect(() => parseStages('intake')).toThrow(
    /is no stage; there are user-history, movie-context, scorer, evaluator and all/,
  )
  expect(REPLAY_STAGES.map(inputOf)).toEqual(['userActivity', 'movieActivity', 'reviewFeatures', 'scoreActivity'])
})
