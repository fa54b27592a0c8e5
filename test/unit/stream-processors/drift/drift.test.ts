import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DriftCounts, DriftEvent, DriftPartial, DriftWindow } from '../../../../schemas/generated.ts'
import type { StreamRecord } from '../../../../schemas/processor.ts'
import { GRACE_MS, rowsOf, WINDOW_MS } from '../../../../stream-processors/drift/counters.ts'
import { drift, IDLE_MS } from '../../../../stream-processors/drift/drift.ts'
import { LEARNED_WINDOWS, LONGEST_ALARM_WINDOWS } from '../../../../stream-processors/drift/judge.ts'
import { SeededRandom } from '../../../../stats/random.ts'
import { valuesTo } from '../../../support/fold-chain.ts'
import { drive, throughAvro, type Driven } from '../../../support/topology-test-driver.ts'

const DAY = 20_000 * WINDOW_MS
const FEATURES = { subject: 'features/spoiler_v1', modelName: null, modelVersion: null, sums: {} }
const SCORES = { subject: 'scores/prior@1', modelName: 'prior', modelVersion: '1', sums: { called: 1 } }

interface Day {
  readonly rows?: number
  /** Of the reviews without a headline, by new and known authors. */
  readonly bare?: readonly [number, number]
  readonly of?: typeof FEATURES | typeof SCORES
}

function countsOf(day: number, { rows = 400, bare = [10, 10], of = FEATURES }: Day = {}): DriftCounts {
  const startMs = DAY + day * WINDOW_MS
  const segments = (['new authors', 'known authors'] as const).map((segment, i) => {
    const half = rows / 2
    const without = Math.round(((bare[i] as number) / 200) * half)
    return { segment, rows: half, measures: [{ measure: 'summary_given', counts: [without, half - without] }] }
  })
  return { ...of, startMs, endMs: startMs + WINDOW_MS, segments }
}

interface Sent {
  readonly partition?: number
  /** Days that the task has reached. */
  readonly reached: number
  readonly atMs?: number
  readonly source?: string
  readonly counts?: readonly DriftCounts[]
}

function logOf(sent: readonly Sent[]): StreamRecord<DriftPartial>[] {
  return sent.map(({ partition = 0, reached, atMs = 0, source = 'features', counts = [] }, offset) => {
    const windowTimeMs = DAY + reached * WINDOW_MS + GRACE_MS
    const value = { source, partition, windowTimeMs, streamTimeMs: atMs, counts }
    const position = { topic: 'drift-partials', partition: 0, offset }
    return { key: null, value, position, appendedAtMs: 5_000 + offset }
  })
}

const windowsOf = ({ output }: Driven): DriftWindow[] => valuesTo('driftWindows', output)
const eventsOf = ({ output }: Driven): DriftEvent[] => valuesTo('driftEvents', output)
const starts = (driven: Driven): number[] => windowsOf(driven).map(({ startMs }) => (startMs - DAY) / WINDOW_MS)

describe('windows close', () => {
  test('in order, once all partitions have passed their end', () => {
    const driven = drive(
      drift,
      logOf([
        { partition: 0, reached: 0 },
        { partition: 1, reached: 0 },
        { partition: 0, reached: 2, counts: [countsOf(1), countsOf(0)] },
        { partition: 1, reached: 0.9, counts: [countsOf(0)] },
        { partition: 1, reached: 2, counts: [countsOf(1)] },
      ]),
    )
    expect(starts(driven)).toEqual([0, 1])
    expect(windowsOf(driven).map(({ rows, closedAtMs }) => [rows, closedAtMs])).toEqual([
      [800, 5_004],
      [800, 5_004],
    ])
  })

  test('without a partition that lags the others in append time: it comes too late then, and is counted as such', () => {
    const sent = [
      { partition: 0, reached: 0 },
      { partition: 1, reached: 0 },
      { partition: 0, reached: 1, atMs: IDLE_MS, counts: [countsOf(0)] },
      { partition: 0, reached: 1, atMs: IDLE_MS + 1 },
      { partition: 1, reached: 1, atMs: IDLE_MS + 2, counts: [countsOf(0)] },
    ]
    expect(starts(drive(drift, logOf(sent.slice(0, 3))))).toEqual([])
    expect(starts(drive(drift, logOf(sent.slice(0, 4))))).toEqual([0])
    const late = drive(drift, logOf(sent))
    expect(starts(late)).toEqual([0])
    expect(late.drops).toEqual(['late'])
  })

  test('each source by itself', () => {
    const driven = drive(
      drift,
      logOf([
        { source: 'features', reached: 0 },
        { source: 'scores', reached: 0, counts: [countsOf(0, { of: SCORES })] },
        { source: 'features', reached: 1, counts: [countsOf(0)] },
      ]),
    )
    expect(windowsOf(driven).map(({ subject }) => subject)).toEqual([FEATURES.subject])
  })

  test('with the next one when they have too few rows', () => {
    const days = [60, 30, 20, 400].map((rows, day) => ({ reached: day + 1, counts: [countsOf(day, { rows })] }))
    const driven = drive(drift, logOf(days))
    expect(windowsOf(driven).map(({ startMs, endMs, rows }) => [startMs - DAY, endMs - DAY, rows])).toEqual([
      [0, 3 * WINDOW_MS, 110],
      [3 * WINDOW_MS, 4 * WINDOW_MS, 400],
    ])
  })
})

/** So many usual days, each a little different, then others. */
function days(usual: number, others: readonly Day[], of: Day['of'] = FEATURES): Sent[] {
  const random = new SeededRandom(1)
  const all: Day[] = Array.from({ length: usual }, () => ({
    bare: [8 + random.below(5), 8 + random.below(5)] as const,
  }))
  return [...all, ...others].map((day, i) => {
    return { source: of === SCORES ? 'scores' : 'features', reached: i + 1, counts: [countsOf(i, { ...day, of })] }
  })
}

const BARE: Day = { bare: [120, 16] }
const USUAL: Day = {}
const LEARNED = LEARNED_WINDOWS + 4

describe('an alarm', () => {
  test('is raised by the second of three windows, in plain words, with figures and who it is', () => {
    const driven = drive(drift, logOf(days(LEARNED, [BARE, USUAL, BARE, BARE])))
    const [event, ...more] = eventsOf(driven)
    expect(more).toEqual([])
    expect(event).toMatchObject({
      eventId: `features/spoiler_v1/${DAY + (LEARNED + 2) * WINDOW_MS}/raised`,
      state: 'raised',
      startMs: DAY + LEARNED * WINDOW_MS,
      endMs: DAY + (LEARNED + 3) * WINDOW_MS,
      modelVersion: null,
    })
    expect(event?.cause).toMatch(
      /^share of reviews without a headline rose from (4|5)\.\d % to 34 %, mostly by authors without history$/,
    )
    expect(event?.findings[0]).toMatchObject({ measure: 'summary_given', after: 0.34 })
    expect(windowsOf(driven).map(({ alarm }) => alarm)).toEqual([
      ...Array<boolean>(LEARNED + 2).fill(false),
      true,
      true,
    ])
  })

  test.each([
    { of: 'one window alone', others: [BARE, USUAL, USUAL, BARE, USUAL], events: [] },
    { of: 'a change below the least effect', others: Array<Day>(6).fill({ bare: [24, 24] }), events: [] },
    { of: 'a new world while it is learned', others: [], learned: 5, events: [] },
  ])('is not raised for $of', ({ others, events }) => {
    expect(eventsOf(drive(drift, logOf(days(LEARNED, others))))).toEqual(events)
  })

  test('learning comes first: what is there from the beginning is the world', () => {
    const driven = drive(drift, logOf(days(5, Array<Day>(LEARNED_WINDOWS - 5).fill(BARE))))
    expect(windowsOf(driven).map(({ verdict }) => verdict)).toEqual(Array(LEARNED_WINDOWS).fill('learning'))
  })

  test('ends after some calm windows, once; half-way back is not calm', () => {
    const half: Day = { bare: [30, 30] }
    const others = [BARE, BARE, USUAL, USUAL, half, USUAL, USUAL, USUAL, USUAL]
    const events = eventsOf(drive(drift, logOf(days(LEARNED, others))))
    expect(events.map(({ state, endMs }) => [state, (endMs - DAY) / WINDOW_MS - LEARNED])).toEqual([
      ['raised', 2],
      ['ended', 8],
    ])
    expect(events[1]?.cause).toContain('within limits again')
  })

  test('that has stood for long ends: its world is the reference that is learned next', () => {
    const others = Array<Day>(LONGEST_ALARM_WINDOWS + LEARNED_WINDOWS + 10).fill(BARE)
    const driven = drive(drift, logOf(days(LEARNED, others)))
    expect(eventsOf(driven).map(({ state }) => state)).toEqual(['raised', 'ended'])
    expect(windowsOf(driven).at(-1)).toMatchObject({ verdict: 'quiet', alarm: false })
  })

  test('names the model that scored at that time', () => {
    const scores = days(LEARNED, [BARE, BARE], SCORES)
    const features = days(LEARNED, [BARE, BARE])
    const events = eventsOf(drive(drift, logOf([...scores, ...features])))
    expect(events.map(({ subject, modelName, modelVersion }) => [subject, modelName, modelVersion])).toEqual([
      [SCORES.subject, 'prior', '1'],
      [FEATURES.subject, 'prior', '1'],
    ])
  })
})

const OUTCOMES = { subject: 'outcomes/prior@1', modelName: 'prior', modelVersion: '1', sums: {} }

interface Labelled {
  readonly labelled: number
  readonly hits: number
  readonly errors: number
}

const SCORED_ROWS = 400
const USUALLY: Labelled = { labelled: 320, hits: 60, errors: 60 }

/** Of each day the scores, and then their outcomes. */
function outcomesOf(days: readonly Labelled[]): Sent[] {
  return days.flatMap(({ labelled, hits, errors }, day) => {
    const startMs = DAY + day * WINDOW_MS
    const measures = [
      { measure: 'labelled', counts: [0, labelled] },
      { measure: 'f1', counts: [errors, 2 * hits] },
    ]
    const segments = labelled === 0 ? [] : [{ segment: 'moderator', rows: labelled, measures }]
    const outcomes = { ...OUTCOMES, startMs, endMs: startMs + WINDOW_MS, segments }
    const scores = countsOf(day, { rows: SCORED_ROWS, of: SCORES })
    return [
      { source: 'scores', reached: day + 1, counts: [scores] },
      { source: 'outcomes', reached: day + 1, counts: labelled === 0 ? [] : [outcomes] },
    ]
  })
}

const outcomeWindows = (driven: Driven): DriftWindow[] =>
  windowsOf(driven).filter(({ subject }) => subject === OUTCOMES.subject)

describe('what labels show', () => {
  test('windows of outcomes hold all reviews that were scored, those without a label too', () => {
    const none: Labelled = { labelled: 0, hits: 0, errors: 0 }
    const windows = outcomeWindows(drive(drift, logOf(outcomesOf([USUALLY, none]))))
    const coverage = windows.map(({ rows, measures }) => [
      rows,
      measures.find(({ measure }) => measure === 'labelled')?.counts,
    ])
    expect(coverage).toEqual([
      [SCORED_ROWS, [80, 320]],
      [SCORED_ROWS, [400, 0]],
    ])
  })

  test('they wait for the windows of the scores', () => {
    const [scores, outcomes] = outcomesOf([USUALLY]) as [Sent, Sent]
    expect(outcomeWindows(drive(drift, logOf([outcomes])))).toEqual([])
    const again = { ...outcomes, counts: [] }
    expect(outcomeWindows(drive(drift, logOf([outcomes, scores, again])))).toMatchObject([{ rows: SCORED_ROWS }])
  })

  test.each([
    {
      of: 'F1 that falls',
      others: { ...USUALLY, hits: 30, errors: 90 },
      cause: /^F1 of the decisions.* fell from 67 % to 40 %$/,
    },
    { of: 'F1 that rises', others: { ...USUALLY, hits: 90, errors: 20 }, cause: null },
    {
      of: 'labels that stay away',
      others: { labelled: 0, hits: 0, errors: 0 },
      cause: /^share of reviews without a label within a week rose from 20 % to 100 %$/,
    },
    { of: 'more labels', others: { ...USUALLY, labelled: 390 }, cause: null },
    { of: 'F1 of a few', others: { ...USUALLY, hits: 0, errors: 20 }, cause: null },
  ])('an alarm on $of', ({ others, cause }) => {
    const log = logOf(outcomesOf([...Array<Labelled>(LEARNED).fill(USUALLY), others, others, others]))
    const events = eventsOf(drive(drift, log))
    expect(events.map(({ modelVersion }) => modelVersion)).toEqual(cause === null ? [] : ['1'])
    if (cause !== null) expect(events[0]?.cause).toMatch(cause)
  })
})

describe('the log decides', () => {
  const log = logOf(days(LEARNED, [BARE, BARE, USUAL, USUAL, USUAL, USUAL]))

  test.each([1, 10, LEARNED, LEARNED + 1, LEARNED + 3])('a restart after %i partials changes nothing', (cut) => {
    const whole = drive(drift, log)
    const first = drive(drift, log.slice(0, cut))
    const second = drive(drift, log.slice(cut), throughAvro(drift, first.state))
    expect([...first.output, ...second.output]).toEqual(whole.output)
  })

  test('how counts are cut into partials, and in which order partitions speak, changes no window', () => {
    const whole = countsOf(0, { rows: 400, bare: [20, 30] })
    const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(sizes, (partitions) => {
        const parts = partitions.map((partition) => ({ partition, reached: 0.5, counts: [whole] }))
        const opened = [0, 1, 2, 3].map((partition) => ({ partition, reached: 0.1 }))
        const closed = [0, 1, 2, 3].map((partition) => ({ partition, reached: 1 }))
        const [window] = windowsOf(drive(drift, logOf([...opened, ...parts, ...closed])))
        expect(window?.rows).toBe(partitions.length * rowsOf(whole))
        expect(window?.measures[0]?.counts).toEqual([50, 350].map((count) => count * partitions.length))
      }),
      { seed: 7 },
    )
  })
})
