import { expect, test } from 'vitest'
import { estimatedDecisions, estimatedRocAuc } from '../../../stats/cbpe.ts'
import { lcg } from '../../support/reference-stream.ts'

/** Chunks of 100 rows behind 600 others, of which NannyML estimated the quality of calling positive from one half on. */
function chunks(): number[][] {
  const uniform = lcg(5)
  const probabilityAt = (shift: number): number => {
    const a = uniform.next().value
    uniform.next() // the outcome, which nobody knows
    const probability = Math.min(0.999, Math.max(0.001, a ** 2 * (1 - shift) + 0.5 * shift))
    return Math.round(probability * 1e6) / 1e6
  }
  for (let i = 0; i < 600; i++) probabilityAt(0)
  return [0, 1].map(() => Array.from({ length: 100 }, () => probabilityAt(0.3)))
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const countsOf = (probabilities: readonly number[]) => {
  const called = probabilities.filter((p) => p >= 0.5)
  return {
    rows: probabilities.length,
    called: called.length,
    expectedPositives: sum(probabilities),
    expectedHits: sum(called),
  }
}

test.each([
  {
    chunk: 0,
    decisions: {
      precision: 0.6620456333333333,
      recall: 0.5075558899730455,
      f1: 0.5745976795231076,
      accuracy: 0.70591345,
      specificity: 0.8334341543252337,
    },
    rocAuc: 0.742439412562024,
  },
  {
    chunk: 1,
    decisions: {
      precision: 0.6332153243243244,
      recall: 0.5882214101747558,
      f1: 0.6098896496199983,
      accuracy: 0.7002775,
      specificity: 0.7744544706601728,
    },
    rocAuc: 0.7416827798248413,
  },
])('chunk $chunk has the figures of NannyML 0.13.1', ({ chunk, decisions, rocAuc }) => {
  const probabilities = chunks()[chunk] ?? []
  const estimated = estimatedDecisions(countsOf(probabilities))
  for (const [name, value] of Object.entries(decisions))
    expect(estimated[name as keyof typeof decisions], name).toBeCloseTo(value, 12)
  const ones = probabilities.map(() => 1)
  expect(estimatedRocAuc(probabilities, ones)).toBeCloseTo(rocAuc, 12)
})

test('what cannot be told is null', () => {
  const nothing = { rows: 0, called: 0, expectedPositives: 0, expectedHits: 0 }
  expect(Object.values(estimatedDecisions(nothing))).toEqual([null, null, null, null, null])
  expect(estimatedRocAuc([], [])).toBeNull()
  expect(estimatedDecisions({ ...nothing, rows: 4, expectedPositives: 1 })).toMatchObject({
    precision: null,
    recall: 0,
  })
})

test('equal probabilities count as often as there are rows of them', () => {
  expect(estimatedRocAuc([0.2, 0.7], [3, 1])).toBeCloseTo(
    estimatedRocAuc([0.2, 0.2, 0.2, 0.7], [1, 1, 1, 1]) ?? NaN,
    12,
  )
})
