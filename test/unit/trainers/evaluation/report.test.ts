import { describe, expect, test } from 'vitest'
import { SPANS } from '../../../../trainers/dataset/dataset-row.ts'
import type { DatasetManifest } from '../../../../trainers/dataset/manifest.ts'
import { reportOf, summaryOf } from '../../../../trainers/evaluation/report.ts'
import { reportPage } from '../../../../trainers/evaluation/report-page.ts'
import type { ScoredRows } from '../../../../trainers/evaluation/scored-rows.ts'
import { exampleContent } from '../../../support/datasets.ts'
import { calibratedRows } from '../../../support/reference-stream.ts'

const ROWS = 300
const { probabilities, labels } = calibratedRows(5, ROWS)
const every = (n: number): number[] => labels.flatMap((_, i) => (i % n === 0 ? [i] : []))
const scored: ScoredRows = {
  labels,
  scorers: [
    { name: 'fitted', threshold: 0.5, scores: Float64Array.from(probabilities), areProbabilities: true },
    { name: 'prior', threshold: 0.2, scores: new Float64Array(ROWS).fill(0.25), areProbabilities: true },
    { name: 'length', threshold: 900, scores: Float64Array.from(labels, (_, i) => 10 * i), areProbabilities: false },
  ],
  slices: new Map([
    ['length: short', every(2)],
    ['genre: <drama>', every(3)],
    ['author: new', every(50)],
  ]),
}
const manifest: DatasetManifest = {
  id: '0123456789abcdef',
  createdAt: '2026-01-01T00:00:00Z',
  ...exampleContent([], []),
}
const subject = { model: 'fitted', tier: 'baseline', dataset: manifest, seed: 4 }
const report = reportOf(scored, subject)

describe('a report', () => {
  test('depends on rows, seed and data set alone', () => {
    expect(reportOf(scored, subject)).toEqual(report)
    expect(reportOf(scored, { ...subject, seed: 5 }).scorers).not.toEqual(report.scorers)
    expect(JSON.stringify(report)).not.toContain(manifest.createdAt)
  })

  test('judges each large group by itself, in the order of names, and names the small ones', () => {
    expect(report.slices.map(({ slice, rows }) => [slice, rows])).toEqual([
      ['genre: <drama>', 100],
      ['length: short', 150],
    ])
    expect(report.smallSlices.map(({ slice, rows }) => [slice, rows])).toEqual([['author: new', 6]])
    for (const slice of report.slices) {
      expect(slice.scorers.map(({ name }) => name)).toEqual(['fitted', 'prior', 'length'])
      expect(slice.gains.map(({ over }) => over)).toEqual(['prior', 'length'])
    }
    const short = every(2)
    const only = reportOf(
      {
        labels: short.map((row) => labels[row] as boolean),
        scorers: scored.scorers.map((s) => ({
          ...s,
          scores: Float64Array.from(short, (row) => s.scores[row] as number),
        })),
        slices: new Map(),
      },
      subject,
    )
    expect(report.slices[1]?.scorers[0]?.prAuc?.value).toBe(only.scorers[0]?.prAuc?.value)
  })

  test('its curves end where everything is called a spoiler, and hold the average precision', () => {
    for (const [i, { name, points }] of report.curves.entries()) {
      const last = points.at(-1)
      expect([name, last?.[0], last?.[1]]).toEqual([scored.scorers[i]?.name, 1, report.positives / ROWS])
    }
    const [points = []] = report.curves.map((curve) => curve.points)
    const area = points.reduce(
      (sum, [recall, precision], i) => sum + (recall - (points[i - 1]?.[0] ?? 0)) * precision,
      0,
    )
    expect(area).toBeCloseTo(report.scorers[0]?.prAuc?.value ?? 0, 2)
  })

  test('its calibration counts every row once', () => {
    expect(report.calibration.reduce((sum, { rows }) => sum + rows, 0)).toBe(ROWS)
  })

  test('the manifest says the same figures in short', () => {
    expect(summaryOf(report)).toMatchObject({
      dataset: manifest.id,
      seed: 4,
      gate: { rows: ROWS, scorers: [{ name: 'fitted', prAuc: report.scorers[0]?.prAuc?.value }, {}, { brier: null }] },
    })
  })
})

describe('its page', () => {
  const page = reportPage({ ...report, model: 'a<b' })

  test('shows every figure, group and span', () => {
    const shown = [...report.scorers, ...report.slices.flatMap(({ scorers }) => scorers.slice(0, 1))].map(
      ({ prAuc }) => prAuc?.value ?? 0,
    )
    for (const value of shown) expect(page).toContain(value.toFixed(3))
    for (const { prAuc } of report.slices.flatMap(({ gains }) => gains))
      expect(page).toContain(Math.abs(prAuc?.value ?? 0).toFixed(3))
    for (const text of [...SPANS, manifest.id, 'length: short', 'author: new']) expect(page).toContain(text)
  })

  test('escapes what others have named', () => {
    expect(page).toContain('<h1>a&#60;b</h1>')
    expect(page).toContain('genre: &#60;drama&#62;')
    expect(page).not.toMatch(/<drama>|a<b/)
  })

  test('loads nothing and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|src=|href=|\son\w+=|https?:/)
  })

  test('is well formed: every tag that is opened is closed, in order', () => {
    const open: string[] = []
    for (const [, slash, name = '', selfClosed] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
      if (selfClosed === '/' || name === 'meta') continue
      if (slash === '') open.push(name)
      else expect(open.pop()).toBe(name)
    }
    expect(open).toEqual([])
  })

  test('marks a difference only where its interval does not hold 0', () => {
    const gains = report.gains.map((gain) => ({ ...gain, rocAuc: null, f1: null, brier: null }))
    const cells = (low: number, high: number): string =>
      reportPage({
        ...report,
        slices: [],
        gains: [{ ...gains[0], over: 'x', prAuc: { value: 0.1, low, high } } as never],
      })
    expect(cells(0.05, 0.2)).toContain('class="better">+0.100')
    expect(cells(-0.05, 0.2)).not.toMatch(/class="(better|worse)"/)
    expect(cells(-0.3, -0.05)).toContain('class="worse"')
  })
})
