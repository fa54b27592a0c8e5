import { measureNamed, placesOf } from '../../features/measures.ts'
import type { DriftEvent, DriftMeasure, DriftWindow } from '../../schemas/generated.ts'
import { estimatedDecisions } from '../../stats/cbpe.ts'
import { oneLine, table } from '../text.ts'
import { eventsText } from './drift-text.ts'

const SHOWN_MEASURES = 12
const MILLION = 1_000_000

/** The newest window of a subject, its measures ranked, and the windows before it. */
export interface SubjectReport {
  readonly subject: string
  readonly newest: DriftWindow
  /** By how near they are to their limits, nearest first. */
  readonly ranked: readonly DriftMeasure[]
  /** Oldest first. */
  readonly windows: readonly DriftWindow[]
}

/** Share of its limit that a measure has reached; 0 while there is none. */
export function nearness({ kolmogorovSmirnov, limit }: DriftMeasure): number {
  return kolmogorovSmirnov === null || limit === null ? 0 : kolmogorovSmirnov / limit
}

export function subjectReports(windows: readonly DriftWindow[]): SubjectReport[] {
  const subjects = [...new Set(windows.map(({ subject }) => subject))].sort()
  return subjects.map((subject) => {
    const own = windows.filter((window) => window.subject === subject).sort((a, b) => a.startMs - b.startMs)
    const newest = own.at(-1) as DriftWindow
    const ranked = [...newest.measures].sort((a, b) => nearness(b) - nearness(a))
    return { subject, newest, ranked, windows: own }
  })
}

/** The newest window of each subject, with where its bins stand: enough to be compared by others. */
export function reportedWindows(windows: readonly DriftWindow[]): object[] {
  return subjectReports(windows).map(({ newest, ranked }) => {
    const measures = ranked.map((one) => ({ ...one, places: placesOf(measureNamed(one.measure)) }))
    return { ...newest, measures }
  })
}

export function driftText(windows: readonly DriftWindow[], events: readonly DriftEvent[]): string {
  if (windows.length === 0) return 'No window is closed so far: a window is a day of event time.\n'
  return [...subjectReports(windows).map(subjectText), eventsText(events)].join('\n')
}

function subjectText({ subject, newest, ranked }: SubjectReport): string {
  const rows = ranked
    .slice(0, SHOWN_MEASURES)
    .map((measure) => [
      measure.measure,
      ...[measure.kolmogorovSmirnov, measure.limit, measure.jensenShannon, measure.psi, measure.psiCritical].map(
        figure,
      ),
      figure(measure.wasserstein),
      measure.over ? 'over' : '',
    ])
  const header = ['MEASURE', 'EFFECT', 'LIMIT', 'JENSEN-SHANNON', 'PSI', 'PSI BY CHANCE', 'WASSERSTEIN', '']
  const quality = qualityText(newest)
  return `${oneLine(subject)}, ${windowText(newest)}\n${quality === null ? '' : `${quality}\n`}${table(header, rows)}`
}

export function windowText({ startMs, endMs, rows, verdict, referenceWindows, alarm }: DriftWindow): string {
  const [from, to] = [startMs, endMs].map((atMs) => new Date(atMs).toISOString().slice(0, 10))
  const against = referenceWindows === 0 ? 'the reference is being learned' : `against ${referenceWindows} windows`
  return `${from ?? ''} to ${to ?? ''}: ${rows} reviews, ${against}, ${verdict}${alarm ? ', an alarm stands' : ''}`
}

/** What decisions were worth, by labels and without them; null for windows that hold no decisions. */
export function qualityText({ sums, rows, measures }: DriftWindow): string | null {
  const { called, probabilityOfCalled = 0, probabilityOfOthers = 0, positives, hits = 0 } = sums
  if (called === undefined) return null
  const [expectedHits, others] = [probabilityOfCalled / MILLION, probabilityOfOthers / MILLION]
  const labelled = measures.find(({ measure }) => measure === 'labelled')?.counts[1]
  const counted = { rows: labelled ?? rows, called, expectedPositives: expectedHits + others, expectedHits }
  const estimated = `${figure(estimatedDecisions(counted).f1)} by the probabilities alone`
  if (positives === undefined || labelled === undefined) return `F1 ${estimated}`
  const f1 = called + positives === 0 ? null : (2 * hits) / (called + positives)
  const share = rows === 0 ? 0 : Math.round((100 * labelled) / rows)
  return `${labelled} with a label within a week (${share} %): F1 ${figure(f1)} by the labels, ${estimated}`
}

function figure(value: number | null): string {
  return value === null ? '–' : value.toFixed(3)
}
