import { SeededRandom, seedOf } from '../../stats/random.ts'
import { type Span, SPANS } from './dataset-row.ts'
import type { Shares, SplitBy } from './manifest.ts'
import type { SeenRow } from './review-join.ts'

export interface SplitOptions {
  readonly by: SplitBy
  /** Of the splits that go by a hash. */
  readonly seed: number
  /** They sum up to 1. */
  readonly shares: Shares
}

/** Append times of a span: from, inclusive, until, exclusive; only labels appended before `labelsUntilMs` count. */
export interface SpanTimes {
  readonly fromMs: number | null
  readonly untilMs: number | null
  readonly labelsUntilMs: number | null
}

export interface SpanPlan {
  readonly spanOf: (review: Pick<SeenRow, 'reviewId' | 'movieId' | 'appendedAtMs'>) => Span
  readonly times: Readonly<Record<Span, SpanTimes>>
}

/** Ascending times, in memory or elsewhere. */
export interface SortedTimes {
  readonly length: number
  at(rank: number): number | undefined
}

const ANY_TIME: SpanTimes = { fromMs: null, untilMs: null, labelsUntilMs: null }

/**
 * Which span a review belongs to.
 *
 * - `time` and `cold-user`: consecutive spans of append time, each with its share of the candidates; labels of a span
 *   must be known before the next one begins.
 * - `movie` and `random`: by a hash of the movie or review id, so that a movie or review keeps its span in every data
 *   set of the same seed and shares.
 *
 * @param candidateTimesMs Append times of the reviews that are labelled and old enough; of no use to the other splits.
 */
export function planSpans({ by, seed, shares }: SplitOptions, candidateTimesMs: SortedTimes): SpanPlan {
  if (by === 'time' || by === 'cold-user') return planByTime(shares, candidateTimesMs)
  const random = new SeededRandom(seed)
  const uniform = (id: string): number => {
    random.reseed(seed, seedOf(by), seedOf(id))
    return random.uniform()
  }
  return {
    spanOf: ({ movieId, reviewId }) => spanAt(shares, uniform(by === 'movie' ? movieId : reviewId)),
    times: { fit: ANY_TIME, stop: ANY_TIME, calibrate: ANY_TIME, gate: ANY_TIME },
  }
}

/** @param position In [0, 1). */
function spanAt(shares: Shares, position: number): Span {
  let end = 0
  for (const span of SPANS) {
    end += shares[span]
    if (position < end) return span
  }
  return 'gate'
}

function planByTime(shares: Shares, sortedTimesMs: SortedTimes): SpanPlan {
  const startOf = (share: number): number => sortedTimesMs.at(Math.floor(share * sortedTimesMs.length)) ?? Infinity
  const stopMs = startOf(shares.fit)
  const calibrateMs = startOf(shares.fit + shares.stop)
  const gateMs = startOf(shares.fit + shares.stop + shares.calibrate)
  const times = (fromMs: number | null, untilMs: number): SpanTimes => {
    const finite = Number.isFinite(untilMs) ? untilMs : null
    return { fromMs, untilMs: finite, labelsUntilMs: finite }
  }
  return {
    spanOf: ({ appendedAtMs }) => {
      if (appendedAtMs >= gateMs) return 'gate'
      if (appendedAtMs >= calibrateMs) return 'calibrate'
      return appendedAtMs >= stopMs ? 'stop' : 'fit'
    },
    times: {
      fit: times(null, stopMs),
      stop: times(stopMs, calibrateMs),
      calibrate: times(calibrateMs, gateMs),
      gate: times(gateMs, Infinity),
    },
  }
}
