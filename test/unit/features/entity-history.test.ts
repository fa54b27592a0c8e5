import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  afterLabel,
  afterReview,
  asOf,
  BUCKET_MS,
  bucketOf,
  NO_HISTORY,
  withoutLabel,
  withoutReview,
} from '../../../features/entity-history.ts'
import type { EntityHistory } from '../../../schemas/generated.ts'

const WEEK = 2_600 // begins a block of 52
const at = (week: number, ms = 0): number => week * BUCKET_MS + ms
const reviewAt = (writtenAtMs: number, rating: number | null = 8) => ({ revision: 0, units: 100, rating, writtenAtMs })
const labelAt = (labelledAtMs: number, isSpoiler = true) => ({ revision: 0, isSpoiler, labelledAtMs })

test('buckets are weeks since the epoch', () => {
  expect([bucketOf(0), bucketOf(BUCKET_MS - 1), bucketOf(BUCKET_MS)]).toEqual([0, 0, 1])
})

test.each([
  { name: 'in its own week, even at its end', atMs: at(WEEK + 1) - 1, labelled: 0, decayed: 0 },
  { name: 'from the next week on', atMs: at(WEEK + 1), labelled: 1, decayed: 16 },
  { name: 'for 25 weeks in full', atMs: at(WEEK + 25), labelled: 1, decayed: 16 },
  { name: 'from the 26th half', atMs: at(WEEK + 26), labelled: 1, decayed: 8 },
  { name: 'from the 52nd a quarter', atMs: at(WEEK + 52), labelled: 1, decayed: 4 },
  { name: 'up to the 129th a sixteenth', atMs: at(WEEK + 129), labelled: 1, decayed: 1 },
  { name: 'from the 130th nothing when decayed', atMs: at(WEEK + 130), labelled: 1, decayed: 0 },
  { name: 'before it was given', atMs: at(WEEK - 1), labelled: 0, decayed: 0 },
])('a label counts $name: $labelled, decayed $decayed sixteenths', ({ atMs, labelled, decayed }) => {
  expect(asOf(afterLabel(NO_HISTORY, labelAt(at(WEEK))), atMs)).toMatchObject({
    labelled,
    spoilers: labelled,
    decayedLabelled: decayed,
    decayedSpoilers: decayed,
  })
})

test('reviews count up to the week of the reader, with the last four weeks apart', () => {
  const weeks = [WEEK, WEEK + 3, WEEK + 4, WEEK + 5]
  const history = weeks.reduce((folded, week) => afterReview(folded, reviewAt(at(week))), NO_HISTORY)
  expect(asOf(history, at(WEEK + 4))).toMatchObject({
    reviews: 3,
    units: 300,
    ratings: 3,
    ratingSum: 24,
    recentReviews: 2,
    firstBucket: WEEK,
  })
  expect(asOf(history, at(WEEK - 1))).toMatchObject({ reviews: 0, firstBucket: null })
})

test('a review without a rating does not count among the ratings', () => {
  expect(asOf(afterReview(NO_HISTORY, reviewAt(0, null)), 0)).toMatchObject({ reviews: 1, ratings: 0, ratingSum: 0 })
})

test('folding changes no earlier value', () => {
  const first = afterReview(NO_HISTORY, reviewAt(at(WEEK)))
  const before = structuredClone(first)
  afterReview(afterLabel(first, labelAt(at(WEEK))), reviewAt(at(WEEK - 9)))
  expect(first).toEqual(before)
  expect(NO_HISTORY.counters.buckets).toEqual([])
})

test('taking back what was not counted is a bug of ours', () => {
  const history = afterReview(NO_HISTORY, reviewAt(at(WEEK)))
  expect(() => withoutReview(NO_HISTORY, reviewAt(0))).toThrow(RangeError)
  expect(() => withoutLabel(history, labelAt(at(WEEK)))).toThrow(RangeError)
})

// --- thirty years of events

interface Event {
  readonly atMs: number
  readonly kind: 'review' | 'spoiler' | 'harmless'
}
const events = fc.array(
  fc.record({
    atMs: fc.oneof(fc.nat(1_560 * 168), fc.nat(4 * 168)).map((hours) => at(1_400) + hours * 3_600_000),
    kind: fc.constantFrom<Event['kind']>('review', 'spoiler', 'harmless'),
  }),
  { size: 'max', maxLength: 300 },
)
const count = (history: EntityHistory, { kind, atMs }: Event): EntityHistory =>
  kind === 'review' ? afterReview(history, reviewAt(atMs)) : afterLabel(history, labelAt(atMs, kind === 'spoiler'))
const takeBack = (history: EntityHistory, { kind, atMs }: Event): EntityHistory =>
  kind === 'review' ? withoutReview(history, reviewAt(atMs)) : withoutLabel(history, labelAt(atMs, kind === 'spoiler'))
const SETTINGS = { seed: 17, numRuns: 100 }

test('what was counted can be taken back in any order, however old it grew: nothing is left', () => {
  fc.assert(
    fc.property(events, fc.infiniteStream(fc.nat()), (all, random) => {
      let history = all.reduce(count, NO_HISTORY)
      const left = [...all]
      while (left.length > 0) {
        const [event] = left.splice((random.next().value as number) % left.length, 1)
        history = takeBack(history, event as Event)
      }
      expect(history.counters).toEqual(NO_HISTORY.counters)
    }),
    SETTINGS,
  )
})

test('blocks of old weeks count late rather than early, and lose nothing', () => {
  fc.assert(
    fc.property(events, fc.nat(1_560), (all, weeks) => {
      const history = all.reduce(count, NO_HISTORY)
      const atMs = at(1_400 + weeks)
      const known = asOf(history, atMs)
      const exact = (kinds: Event['kind'][], before: number): number =>
        all.filter((event) => kinds.includes(event.kind) && bucketOf(event.atMs) < before).length
      expect(known.reviews).toBeLessThanOrEqual(exact(['review'], bucketOf(atMs) + 1))
      expect(known.labelled).toBeLessThanOrEqual(exact(['spoiler', 'harmless'], bucketOf(atMs)))
      expect(known.spoilers).toBeLessThanOrEqual(exact(['spoiler'], bucketOf(atMs)))
      // within three years of the newest event the weeks are kept apart, so that a year of blocks has ended
      if (atMs >= history.updatedAtMs - 100 * BUCKET_MS) {
        expect(known.reviews).toBe(exact(['review'], bucketOf(atMs) + 1))
        expect(known.labelled).toBe(exact(['spoiler', 'harmless'], bucketOf(atMs)))
      }
      const end = asOf(history, at(4_000))
      expect([end.reviews, end.labelled]).toEqual([exact(['review'], 4_000), exact(['spoiler', 'harmless'], 4_000)])
    }),
    SETTINGS,
  )
})

test('an event in every week of 56 years leaves at most 262 buckets, ascending', () => {
  let history = NO_HISTORY
  let most = 0
  for (let week = 0; week < 2_900; week += 1) {
    history = afterReview(history, reviewAt(at(week)))
    most = Math.max(most, history.counters.buckets.length)
  }
  expect(most).toBeLessThanOrEqual(262)
  expect(history.counters.buckets).toEqual([...history.counters.buckets].sort((a, b) => a - b))
  expect(asOf(history, at(2_900)).reviews).toBe(2_900)
})
