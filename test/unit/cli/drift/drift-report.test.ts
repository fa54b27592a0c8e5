import { describe, expect, test } from 'vitest'
import { driftPage } from '../../../../cli/drift/drift-page.ts'
import { driftText, subjectReports } from '../../../../cli/drift/drift-report.ts'
import { eventsText } from '../../../../cli/drift/drift-text.ts'
import type { DriftEvent, DriftMeasure, DriftWindow } from '../../../../schemas/generated.ts'

const DAY_MS = 86_400_000
const START = Date.UTC(2026, 0, 5)

function measured(measure: string, effect: number, limit: number): DriftMeasure {
  const distances = { jensenShannon: 0.2, psi: 0.3, psiCritical: 0.1, wasserstein: 0.4 }
  const counts = [[30, 70] as const, [90, 10] as const]
  return {
    measure,
    counts: counts[0] as readonly number[],
    referenceCounts: counts[1] as readonly number[],
    ...distances,
    limit,
    kolmogorovSmirnov: effect,
    over: effect > limit,
  }
}

function windowOf(day: number, measures: readonly DriftMeasure[], subject = 'features/spoiler_v1'): DriftWindow {
  const startMs = START + day * DAY_MS
  return {
    windowId: `${subject}/${startMs}`,
    subject,
    modelName: null,
    modelVersion: null,
    startMs,
    endMs: startMs + DAY_MS,
    closedAtMs: 1,
    rows: 100,
    referenceRows: 2_000,
    referenceWindows: 20,
    verdict: 'over',
    alarm: true,
    sums: {},
    measures,
  }
}

const EVENT: DriftEvent = {
  eventId: 'e',
  state: 'raised',
  subject: 'features/spoiler_v1',
  modelName: 'prior',
  modelVersion: '1',
  windowId: 'w',
  startMs: START,
  endMs: START + DAY_MS,
  decidedAtMs: 1,
  rows: 100,
  cause: 'share of reviews <b>without</b> a headline rose',
  findings: [],
}

const MEASURES = [
  measured('rating_given', 0.1, 0.2),
  measured('summary_given', 0.5, 0.25),
  measured('user_is_new', 0, 0.1),
]
const WINDOWS = [windowOf(1, MEASURES), windowOf(0, [MEASURES[0] as DriftMeasure]), windowOf(0, MEASURES, 'scores/a@1')]

test('of each subject the newest window counts, its measures nearest to their limits first', () => {
  const [features, scores] = subjectReports(WINDOWS)
  expect(features?.newest.startMs).toBe(START + DAY_MS)
  expect(features?.windows.map(({ startMs }) => startMs)).toEqual([START, START + DAY_MS])
  expect(features?.ranked.map(({ measure }) => measure)).toEqual(['summary_given', 'rating_given', 'user_is_new'])
  expect(scores?.subject).toBe('scores/a@1')
})

describe('as text', () => {
  test('says what was compared, how far it is, and which alarms there were', () => {
    const text = driftText(WINDOWS, [EVENT])
    expect(text).toContain(
      'features/spoiler_v1, 2026-01-06 to 2026-01-07: 100 reviews, against 20 windows, over, an alarm stands',
    )
    expect(text).toMatch(/summary_given +0\.500 +0\.250 .*over/)
    expect(text).toContain('prior@1')
  })
  test('says what decisions were worth, by labels beside what the probabilities promised', () => {
    const labelled = { ...measured('labelled', 0.1, 0.2), counts: [15, 85] }
    const sums = {
      called: 30,
      probabilityOfCalled: 20_000_000,
      probabilityOfOthers: 10_000_000,
      positives: 25,
      hits: 20,
    }
    const outcomes = { ...windowOf(0, [labelled], 'outcomes/a@1'), sums }
    const text = '85 with a label within a week (85 %): F1 0.727 by the labels, 0.667 by the probabilities alone'
    expect(driftText([outcomes], [])).toContain(text)
    expect(driftPage([outcomes], [])).toContain(text)
    const { positives: _, hits: __, ...scored } = sums
    expect(driftText([{ ...windowOf(0, [], 'scores/a@1'), sums: scored }], [])).toContain('\nF1 0.667 by the prob')
  })
  test('says that there is nothing yet', () => {
    expect(driftText([], [])).toContain('No window is closed so far')
    expect(eventsText([])).toBe('No drift so far.\n')
  })
})

describe('as a page', () => {
  const page = driftPage(WINDOWS, [EVENT])

  test('loads nothing, runs nothing, and escapes what others have named', () => {
    expect(page).not.toMatch(/<script|https?:|src=|url\(/)
    expect(page).toContain('&#60;b&#62;without')
  })
  test('shows reference beside window, bin by bin, and the way there', () => {
    expect(page).toContain('<title>under 1: 90.0 %</title>')
    expect(page).toContain('<title>under 1: 30.0 %</title>')
    expect(page.match(/class="series"/g)).toHaveLength(2)
  })
  test('without windows and alarms says so', () => {
    expect(driftPage([], [])).toContain('No alarm so far.')
  })
})
