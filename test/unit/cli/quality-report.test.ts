import { expect, test } from 'vitest'
import { qualityText } from '../../../cli/commands/quality.ts'
import { qualityReport } from '../../../cli/quality-report.ts'
import type { QualityCounters } from '../../../schemas/generated.ts'
import { counted, NOTHING_COUNTED } from '../../../stats/quality-counts.ts'

type Row = readonly [probability: number, isPositive: boolean | null]

/** Counters of a partition; what scores at or above one half is called. */
function counters(rows: readonly Row[], fields: Partial<QualityCounters>): QualityCounters {
  const counts = rows.reduce((sum, [probability, isPositive]) => {
    return counted(sum, { probability, isCalled: probability >= 0.5, units: 100, isPositive }, 1)
  }, NOTHING_COUNTED)
  const named = { mode: 'serve', modelName: 'prior', modelVersion: 'abc', slice: 'all', labelSource: 'scored' }
  return { ...named, partition: 0, ...counts, ...fields }
}

const SCORED = [0.9, 0.8, 0.2, 0.1].map((probability): Row => [probability, null])

test('partitions add up, and of one counter the last counts', () => {
  const stale = counters(SCORED.slice(0, 1), {})
  const [version] = qualityReport([stale, counters(SCORED, {}), counters(SCORED, { partition: 1 })])
  expect(version).toMatchObject({
    mode: 'serve',
    model: 'prior@abc',
    slices: [{ slice: 'all', scored: 8, labelled: 0 }],
  })
})

test('figures by labels that do not depend on the score stand apart from those by all', () => {
  const [version] = qualityReport([
    counters(SCORED, {}),
    counters([[0.9, true]], { labelSource: 'audit' }),
    counters([[0.2, false]], { labelSource: 'self-declared' }),
    counters([[0.8, false]], { labelSource: 'report' }),
  ])
  const [all] = version?.slices ?? []
  expect(all).toMatchObject({
    labelled: 3,
    deciding: { labelled: 2, precision: 1 },
    all: { labelled: 3, precision: 0.5 },
  })
})

test('what was promised of the labelled is told beside what came true', () => {
  const rows: Row[] = [
    [0.9, true],
    [0.7, false],
  ]
  const [version] = qualityReport([counters(SCORED, {}), counters(rows, { labelSource: 'audit' })])
  const [all] = version?.slices ?? []
  expect(all?.deciding.f1).toBeCloseTo(2 / 3, 12)
  expect(all?.deciding.estimated.f1).toBeCloseTo(3.2 / 3.6, 12)
  expect(all?.estimated.f1).toBeCloseTo(3.4 / 4, 12)
  expect(qualityText(qualityReport([counters(SCORED, {}), counters(rows, { labelSource: 'audit' })]), false)).toContain(
    '+0.222',
  )
})

test('versions and modes are apart, all reviews come before groups, and groups that are empty again are left out', () => {
  const report = qualityReport([
    counters(SCORED, { slice: 'author: new' }),
    counters(SCORED, {}),
    counters([], { slice: 'film: new' }),
    counters(SCORED, { mode: 'shadow', modelName: 'baseline' }),
  ])
  expect(report.map(({ mode, model, slices }) => [mode, model, slices.map(({ slice }) => slice)])).toEqual([
    ['serve', 'prior@abc', ['all', 'author: new']],
    ['shadow', 'baseline@abc', ['all']],
  ])
  expect(qualityText(report, false)).not.toContain('author: new')
  expect(qualityText(report, true)).toContain('author: new')
})

test('without a score it says so', () => {
  expect(qualityText([], false)).toContain('No score has been counted yet')
})
