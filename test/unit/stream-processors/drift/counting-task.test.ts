import { describe, expect, test } from 'vitest'
import type { DriftPartial, ReviewFeatures } from '../../../../schemas/generated.ts'
import type { StreamRecord } from '../../../../schemas/processor.ts'
import { spoilerV1 } from '../../../../schemas/spoiler-v1.ts'
import { rowsOf, WINDOW_MS } from '../../../../stream-processors/drift/counters.ts'
import { CONFIRMED_BY, HAND_OVER_MS } from '../../../../stream-processors/drift/counting-task.ts'
import { driftFeatures } from '../../../../stream-processors/drift/drift-features.ts'
import { valuesTo } from '../../../support/fold-chain.ts'
import { drive, throughAvro } from '../../../support/topology-test-driver.ts'

const DAY = 20_000 * WINDOW_MS
const POSITION = { topic: 'review-features', partition: 3, offset: 0 }

function row(offset: number, writtenAtMs: number, appendedAtMs: number): StreamRecord<ReviewFeatures> {
  const position = { ...POSITION, offset }
  const value: ReviewFeatures = {
    reviewId: `r${offset}`,
    userId: 'u',
    movieId: 'm',
    revision: 0,
    writtenAtMs,
    text: `a fine film about word${offset}`,
    summary: offset % 2 === 0 ? null : 'Fine',
    rating: null,
    featureService: spoilerV1.name,
    values: spoilerV1.features.map(({ name, default: usual }) =>
      name === 'user_is_new' ? (offset % 3 === 0 ? 1 : 0) : usual,
    ),
    sentences: [],
    reviewPosition: position,
    reviewAppendedAtMs: appendedAtMs,
    userActivityPosition: position,
    movieActivityPosition: position,
  }
  return { key: null, value, position, appendedAtMs }
}

function partialsOf(rows: readonly StreamRecord<ReviewFeatures>[]): DriftPartial[] {
  return valuesTo('driftPartials', drive(driftFeatures, rows).output)
}

/** Rows of four days, one an hour, a second of append time apart. */
const FOUR_DAYS = Array.from({ length: 96 }, (_, i) => row(i, DAY + i * 3_600_000, 1_000 * i))

describe('a task that counts', () => {
  test('says at its first record that it is there, then hands over each window as it ends', () => {
    const partials = partialsOf(FOUR_DAYS)
    expect(partials.map(({ windowTimeMs }) => windowTimeMs)[0]).toBe(0)
    // the grace of six hours has passed and five records confirm it
    expect(partials.slice(2).map(({ windowTimeMs }) => (windowTimeMs - DAY) / 3_600_000)).toEqual([6, 30, 54, 78])
    expect(partials.every(({ source, partition }) => source === 'features' && partition === 3)).toBe(true)
  })

  test('hands over every row once, in its window and among its authors', () => {
    const last = row(96, DAY + 5 * WINDOW_MS, 1_000_000)
    const counts = partialsOf([...FOUR_DAYS, last]).flatMap((partial) => partial.counts)
    expect(counts.reduce((sum, one) => sum + rowsOf(one), 0)).toBe(97)
    for (const day of [0, 1, 2, 3]) {
      const own = counts.filter(({ startMs }) => startMs === DAY + day * WINDOW_MS)
      const of = (segment: string): number =>
        own.flatMap(({ segments }) => segments).reduce((sum, one) => sum + (one.segment === segment ? one.rows : 0), 0)
      expect([of('new authors'), of('known authors')]).toEqual([8, 16])
    }
    const headlines = counts.flatMap(({ segments }) => segments.flatMap(({ measures }) => measures))
    const given = headlines.filter(({ measure }) => measure === 'summary_given').map(({ counts: bins }) => bins[1] ?? 0)
    expect(given.reduce((sum, count) => sum + count, 0)).toBe(48)
  })

  test('does not believe a few records that are dated far ahead', () => {
    const ahead = Array.from({ length: CONFIRMED_BY - 1 }, (_, i) => row(200 + i, DAY + 300 * WINDOW_MS, 10_000))
    const before = FOUR_DAYS.slice(0, 12)
    expect(partialsOf([...before, ...ahead, row(300, DAY + 12 * 3_600_000, 200_000)]).at(-1)?.windowTimeMs).toBe(
      DAY + 11 * 3_600_000 + 3_600_000,
    )
    const one = row(301, DAY + 300 * WINDOW_MS, 200_000)
    expect(partialsOf([...before, ...ahead, one]).at(-1)?.windowTimeMs).toBe(DAY + 300 * WINDOW_MS)
  })

  test('says now and then that it is alive, in append time', () => {
    const slow = [0, 1, 2].map((i) => row(i, DAY + i, i * HAND_OVER_MS))
    expect(partialsOf(slow).map(({ streamTimeMs }) => streamTimeMs)).toEqual([0, HAND_OVER_MS, 2 * HAND_OVER_MS])
  })

  test('hands over at once when reviews of many windows come in no order', () => {
    const scattered = Array.from({ length: 100 }, (_, i) => row(i, DAY + ((i * 37) % 100) * WINDOW_MS, i))
    const sizes = partialsOf(scattered).map(({ counts }) => counts.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(33)
  })

  test('rows of another feature service are not its business', () => {
    const other = row(0, DAY, 0)
    expect(drive(driftFeatures, [{ ...other, value: { ...other.value, featureService: 'other' } }]).output).toEqual([])
  })

  test.each([1, 40, 80])('a restart after %i records changes nothing', (cut) => {
    const whole = drive(driftFeatures, FOUR_DAYS)
    const first = drive(driftFeatures, FOUR_DAYS.slice(0, cut))
    const second = drive(driftFeatures, FOUR_DAYS.slice(cut), throughAvro(driftFeatures, first.state))
    expect([...first.output, ...second.output]).toEqual(whole.output)
  })
})
