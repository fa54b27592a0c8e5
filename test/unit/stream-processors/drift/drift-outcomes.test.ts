import { describe, expect, test } from 'vitest'
import { LABEL_MEASURES, labelCells, OUTCOME_MEASURES, outcomeCells } from '../../../../features/measures.ts'
import type { DriftCounts, DriftPartial, DriftSegment, Outcome, ScoreOutcome } from '../../../../schemas/generated.ts'
import type { StreamRecord } from '../../../../schemas/processor.ts'
import { added, GRACE_MS, LABEL_MATURITY_MS, rowsOf, WINDOW_MS } from '../../../../stream-processors/drift/counters.ts'
import { CONFIRMED_BY } from '../../../../stream-processors/drift/counting-task.ts'
import { driftOutcomes } from '../../../../stream-processors/drift/drift-outcomes.ts'
import { valuesTo } from '../../../support/fold-chain.ts'
import { drive, throughAvro } from '../../../support/topology-test-driver.ts'

const DAY = 20_000 * WINDOW_MS
const HOUR = 3_600_000

interface Met {
  readonly writtenAtMs?: number
  readonly ageMs?: number
  readonly probability?: number
  readonly isSpoiler?: boolean
  readonly source?: string
  readonly revision?: number
  readonly mode?: string
}

function outcome({
  writtenAtMs = DAY,
  ageMs = HOUR,
  probability = 0.75,
  isSpoiler = true,
  source = 'moderator',
  revision = 0,
  mode = 'serve',
}: Met = {}): Outcome {
  return {
    score: {
      mode,
      revision: 0,
      writtenAtMs,
      modelName: 'prior',
      modelVersion: '1',
      deploymentEpoch: 0,
      probability,
      isSpoiler: probability >= 0.5,
      threshold: 0.5,
      textUnits: 100,
      slices: [],
    },
    label: { revision, isSpoiler, source, labelledAtMs: writtenAtMs + ageMs },
  }
}

function logOf(met: readonly (readonly [outcome: Outcome, previous?: Outcome])[]): StreamRecord<ScoreOutcome>[] {
  return met.map(([now, previous = null], offset) => {
    const value = { reviewId: `r${offset}`, userId: 'u', movieId: 'm', outcome: now, previous }
    const position = { topic: 'score-outcomes', partition: 2, offset }
    return { key: null, value, position, appendedAtMs: offset }
  })
}

/** Labels far later, of one review that is too old for its outcome: all that was counted is handed over. */
const END = Array.from({ length: CONFIRMED_BY }, (_, i) => [
  outcome({ writtenAtMs: DAY + i, ageMs: 60 * WINDOW_MS, source: 'end' }),
]) as readonly (readonly [Outcome])[]

function partialsOf(met: readonly (readonly [Outcome, Outcome?])[]): DriftPartial[] {
  return valuesTo('driftPartials', drive(driftOutcomes, logOf(met)).output)
}

/** Of the day of a subject, all partials together. */
function countsOf(source: string, met: readonly (readonly [Outcome, Outcome?])[], day = 0): DriftCounts | undefined {
  const own = partialsOf([...met, ...END]).filter((partial) => partial.source === source)
  const ofDay = own.flatMap(({ counts }) => counts).filter(({ startMs }) => startMs === DAY + day * WINDOW_MS)
  const [first, ...others] = ofDay
  return first === undefined ? undefined : added(first, ...others)
}

function counted(segment: DriftSegment | undefined, measure: string): readonly number[] | undefined {
  return segment?.measures.find((one) => one.measure === measure)?.counts
}

describe('outcomes are counted by the day of the review', () => {
  test('F1 is the upper share of its measure: two for a hit, one for each error, nothing for what was rightly left', () => {
    const met = [
      outcome({ probability: 0.9, isSpoiler: true }),
      outcome({ probability: 0.8, isSpoiler: true }),
      outcome({ probability: 0.7, isSpoiler: false }),
      outcome({ probability: 0.1, isSpoiler: true }),
      outcome({ probability: 0.2, isSpoiler: false }),
    ]
    const counts = countsOf(
      'outcomes',
      met.map((one) => [one]),
    )
    const segment = counts?.segments[0]
    expect(counted(segment, 'f1')).toEqual([2, 4]) // F1 = 2 * 2 / (2 * 2 + 2)
    expect(counted(segment, 'labelled_spoiler')).toEqual([2, 3])
    expect(counted(segment, 'labelled')).toEqual([0, 5])
    expect(counts).toMatchObject({
      subject: 'outcomes/prior@1',
      modelVersion: '1',
      sums: { called: 3, positives: 3, hits: 2, probabilityOfCalled: 2_400_000, probabilityOfOthers: 300_000 },
    })
  })

  test('with labels that came before they were mature, no others', () => {
    const met = [LABEL_MATURITY_MS - 1, LABEL_MATURITY_MS].map((ageMs) => [outcome({ ageMs })] as const)
    const counts = countsOf('outcomes', met)
    expect(counts === undefined ? 0 : rowsOf(counts)).toBe(1)
  })

  test('a revised label takes back what was counted; one that comes when labels are mature changes nothing', () => {
    const first = outcome({ isSpoiler: true, source: 'report' })
    const second = outcome({ isSpoiler: false, source: 'moderator', revision: 1, ageMs: 2 * HOUR })
    const late = outcome({ isSpoiler: true, revision: 2, ageMs: 30 * WINDOW_MS })
    const counts = countsOf('outcomes', [[first], [second, first], [late, second]])
    expect(counts?.segments.map(({ segment, rows }) => [segment, rows])).toEqual([
      ['moderator', 1],
      ['report', 0],
    ])
    expect(counted(counts?.segments[0], 'labelled_spoiler')).toEqual([1, 0])
    expect(counts?.segments[1]?.measures.flatMap((one) => one.counts).every((count) => count === 0)).toBe(true)
    expect(counts?.sums).toMatchObject({ called: 1, positives: 0, hits: 0 })
  })

  test('a window is handed over when its labels are mature', () => {
    const met = Array.from({ length: 15 * 24 }, (_, hour) => [outcome({ writtenAtMs: DAY + hour * HOUR })] as const)
    const partials = partialsOf(met).filter(({ source, windowTimeMs }) => source === 'outcomes' && windowTimeMs >= DAY)
    const ends = partials.map(({ windowTimeMs }) => Math.floor((windowTimeMs - GRACE_MS - DAY) / WINDOW_MS))
    expect(ends).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('scores of a shadow are nobody’s', () => {
    expect(partialsOf([[outcome({ mode: 'shadow' })]])).toEqual([])
  })
})

describe('labels are counted by the day on which they are given', () => {
  test('with their age; those of a day by themselves', () => {
    const met = [
      outcome({ ageMs: HOUR, isSpoiler: true }),
      outcome({ writtenAtMs: DAY - 3 * WINDOW_MS, ageMs: 3.5 * WINDOW_MS, isSpoiler: false }),
    ]
    const segment = countsOf(
      'labels',
      met.map((one) => [one]),
    )?.segments[0]
    const ages = counted(segment, 'label_age_days') ?? []
    expect(ages.flatMap((count, bin) => (count > 0 ? [bin] : []))).toEqual([0, 5]) // under 6 hours; 3 to 5 days
    expect(counted(segment, 'labelled_spoiler')).toEqual([1, 1])
    expect(counted(segment, 'soon_labelled_spoiler')).toEqual([0, 1])
  })

  test('once, however often the score is revised; each revision of a label is one more', () => {
    const first = outcome()
    const rescored = { ...first, score: { ...first.score, revision: 1 } }
    const again = outcome({ revision: 1, ageMs: 2 * HOUR })
    const counts = countsOf('labels', [[first], [rescored, first], [again, rescored]])
    expect(counts === undefined ? 0 : rowsOf(counts)).toBe(2)
  })
})

test.each([0, 0.3, 0.5, 1])('at probability %d every cell is one of its layout', (probability) => {
  const both = [true, false].map((isSpoiler) => outcome({ probability, isSpoiler, ageMs: 400 * WINDOW_MS }))
  const within = (cells: readonly number[], size: number): boolean => cells.every((cell) => cell >= 0 && cell < size)
  expect(both.every((one) => within(labelCells(one), LABEL_MEASURES.size))).toBe(true)
  expect(both.every((one) => within(outcomeCells(one), OUTCOME_MEASURES.size))).toBe(true)
})

test.each([1, 7, 100])('a restart after %i outcomes changes no partial', (cut) => {
  const log = logOf(
    Array.from({ length: 240 }, (_, hour) => {
      const now = outcome({ writtenAtMs: DAY + hour * HOUR, isSpoiler: hour % 3 === 0, revision: 1, ageMs: 2 * HOUR })
      const before = outcome({ writtenAtMs: DAY + hour * HOUR })
      return hour % 7 === 0 ? [now, before] : [before]
    }),
  )
  const whole = drive(driftOutcomes, log)
  const first = drive(driftOutcomes, log.slice(0, cut))
  const second = drive(driftOutcomes, log.slice(cut), throughAvro(driftOutcomes, first.state))
  expect([...first.output, ...second.output]).toEqual(whole.output)
})
