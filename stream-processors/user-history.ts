import { afterLabel, afterReview, asOf, NO_HISTORY, withoutLabel, withoutReview } from '../features/entity-history.ts'
import { userFeatureValues } from '../features/feature-row.ts'
import type {
  EntityHistory,
  KnownReview,
  LabelTrace,
  PendingLabel,
  Review,
  ReviewLabel,
  UserActivity,
} from '../schemas/generated.ts'
import { NOTHING } from '../schemas/processor.ts'
import type { DropReason, Forward, Processor, Put, ReadonlyStores, Step, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'

const DAY_MS = 86_400_000
/** So long after the last word of a review or its label the review is still known, in append time. */
export const KNOWN_REVIEW_MS = topics.reviews.retentionMs
/** So long a label waits for its review, in append time; then it goes to `late-records`. */
export const PENDING_LABEL_MS = 7 * DAY_MS
/** Most entries that one step lets expire: many more than it adds, and a bound on its cost. */
export const MAX_EXPIRED_PER_STEP = 64

/** Both time fields are stream time, so that the oldest entry of a store is also the first to expire. */
export interface UserStores {
  readonly users: EntityHistory
  /** By user and review id. */
  readonly reviews: KnownReview
  /** By user and review id. */
  readonly pendingLabels: PendingLabel
}

type Stores = ReadonlyStores<UserStores>
type UserStep = Step<UserStores>

/**
 * Folds what a user does: tells reviews from their duplicates, keeps the user's counters, and hands every review on with
 * the history that was known when it was written.
 *
 * - A label changes its review's counts from its own bucket on; a higher revision first takes back the lower one.
 * - A label whose review is unknown waits, and is applied right after the review: never before its features.
 * - A label that takes effect is handed on to its movie and to the evaluator; no other is.
 * - A review does not count its own label or its own earlier revision among its features.
 * - A review stays with the movie it was first written for; what names another one is refused (SPL_MOVIE_MISMATCH).
 */
export const userHistory: Processor<UserActivity, UserStores> = {
  name: 'user-history',
  stores: {
    users: { schema: 'EntityHistory' },
    reviews: { schema: 'KnownReview' },
    pendingLabels: { schema: 'PendingLabel' },
  },

  onRecord(record, stores, streamTimeMs) {
    const { review, label } = record.value
    if (review !== null) return onReview(record, review, { stores, streamTimeMs })
    if (label !== null) return onLabel(record, label, { stores, streamTimeMs })
    throw new RangeError('a record of user-activity holds a review or a label')
  },

  onStreamTime(streamTimeMs, stores) {
    const puts: Put<UserStores>[] = []
    const forwards: Forward[] = []
    const late: Drop[] = []
    for (const [key, { position, waitingSinceMs, label }] of stores.pendingLabels.entries()) {
      if (waitingSinceMs + PENDING_LABEL_MS > streamTimeMs || puts.length >= MAX_EXPIRED_PER_STEP) break
      puts.push({ store: 'pendingLabels', key, value: null })
      forwards.push({
        to: 'lateRecords',
        value: { reason: 'review-unknown', component: 'user-history', source: position, label },
      })
      late.push({ reason: 'late' })
    }
    for (const [key, { seenAtMs }] of stores.reviews.entries()) {
      if (seenAtMs + KNOWN_REVIEW_MS > streamTimeMs || puts.length >= 2 * MAX_EXPIRED_PER_STEP) break
      puts.push({ store: 'reviews', key, value: null })
    }
    return puts.length === 0 ? NOTHING : { puts, forwards, drops: late, rejects: [] }
  },
}

interface Drop {
  readonly reason: DropReason
}
interface Now {
  readonly stores: Stores
  readonly streamTimeMs: number
}

const DUPLICATE: UserStep = { ...NOTHING, drops: [{ reason: 'duplicate' }] }

function mismatch(kind: string, named: string, movieId: string): UserStep {
  const cause = `the ${kind} names the movie ${named}, the review was written for ${movieId}`
  return { ...NOTHING, rejects: [{ code: 'SPL_MOVIE_MISMATCH', cause }] }
}

function onReview({ value, position }: StreamRecord<UserActivity>, review: Review, now: Now): UserStep {
  const { stores, streamTimeMs: seenAtMs } = now
  const { userId, movieId, reviewId, revision, rating, writtenAtMs } = review
  const key = [userId, reviewId]
  const known = stores.reviews.get(key)
  if (known !== undefined && revision <= known.trace.revision) return DUPLICATE
  if (known !== undefined && known.movieId !== movieId) return mismatch('revision', movieId, known.movieId)

  const previous = known?.trace ?? null
  const ownLabel = known?.label ?? null
  const trace = { revision, units: review.text.length, rating, writtenAtMs }
  const before = stores.users.get(userId) ?? NO_HISTORY
  const others = previous === null ? before : withoutReview(before, previous)
  const user = asOf(ownLabel === null ? others : withoutLabel(others, ownLabel), writtenAtMs)
  const inContext = {
    review,
    previous,
    ownLabel,
    user,
    reviewPosition: value.source,
    reviewAppendedAtMs: value.sourceAppendedAtMs,
    userActivityPosition: position,
  }
  const forward: Forward = { to: 'movieActivity', value: { movieId, review: inContext, label: null, movie: null } }

  const counted = afterReview(others, trace)
  const seen: KnownReview = { seenAtMs, movieId, trace, label: ownLabel }
  return withPendingLabel({ userId, key, seen, history: counted, forward, pending: stores.pendingLabels.get(key) })
}

interface Folded {
  readonly userId: string
  readonly key: readonly string[]
  readonly seen: KnownReview
  readonly history: EntityHistory
  /** The review with its features already fixed. */
  readonly forward: Forward
  readonly pending: PendingLabel | undefined
}

/** A label that waited for this review takes effect now, behind the review in the movie's log. */
function withPendingLabel({ userId, key, seen, history, forward, pending }: Folded): UserStep {
  if (pending === undefined) return changed(userId, key, { seen, history, forwards: [forward] })
  const { label, position: source } = pending
  const forget: Put<UserStores> = { store: 'pendingLabels', key, value: null }
  if (label.movieId !== seen.movieId) {
    const step = changed(userId, key, { seen, history, forwards: [forward] })
    const late: Forward = {
      to: 'lateRecords',
      value: { reason: 'movie-mismatch', component: 'user-history', source, label },
    }
    return { ...step, puts: [...step.puts, forget], forwards: [...step.forwards, late], drops: [{ reason: 'late' }] }
  }
  const step = changed(userId, key, {
    seen: { ...seen, label: traceOf(label) },
    history: afterLabel(history, label),
    forwards: [forward, ...labelTaken(label, null)],
  })
  return { ...step, puts: [...step.puts, forget] }
}

function onLabel({ position }: StreamRecord<UserActivity>, label: ReviewLabel, now: Now): UserStep {
  const { stores, streamTimeMs } = now
  const { userId, movieId, reviewId, revision } = label
  const key = [userId, reviewId]
  const known = stores.reviews.get(key)
  if (known === undefined) {
    const waiting = stores.pendingLabels.get(key)
    if (waiting !== undefined && revision <= waiting.label.revision) return DUPLICATE
    const pending: PendingLabel = { position, waitingSinceMs: streamTimeMs, label }
    return { ...NOTHING, puts: [{ store: 'pendingLabels', key, value: pending }] }
  }
  const previous = known.label
  if (previous !== null && revision <= previous.revision) return DUPLICATE
  if (movieId !== known.movieId) return mismatch('label', movieId, known.movieId)
  const before = stores.users.get(userId) ?? NO_HISTORY
  return changed(userId, key, {
    seen: { ...known, seenAtMs: streamTimeMs, label: traceOf(label) },
    history: afterLabel(previous === null ? before : withoutLabel(before, previous), label),
    forwards: labelTaken(label, previous),
  })
}

function traceOf({ revision, isSpoiler, labelledAtMs }: ReviewLabel): LabelTrace {
  return { revision, isSpoiler, labelledAtMs }
}

/** A label that takes effect counts for its movie, and for the score of its review. */
function labelTaken(label: ReviewLabel, previous: LabelTrace | null): Forward[] {
  const { movieId, userId, reviewId, revision, isSpoiler, source, labelledAtMs } = label
  const counted = { revision, isSpoiler, source, labelledAtMs }
  return [
    { to: 'movieActivity', value: { movieId, review: null, label: { label, previous }, movie: null } },
    { to: 'scoreActivity', value: { reviewId, userId, movieId, score: null, row: null, label: counted } },
  ]
}

interface Change {
  readonly seen: KnownReview
  readonly history: EntityHistory
  readonly forwards: readonly Forward[]
}

/** Puts both entries and publishes the user's newest row, once a step. */
function changed(userId: string, key: readonly string[], { seen, history, forwards }: Change): UserStep {
  const { updatedAtMs, counters } = history
  const values = userFeatureValues(asOf(history, updatedAtMs), updatedAtMs)
  return {
    puts: [
      { store: 'users', key: userId, value: history },
      { store: 'reviews', key, value: seen },
    ],
    forwards: [...forwards, { to: 'userFeatures', value: { userId, updatedAtMs, values, counters } }],
    drops: [],
    rejects: [],
  }
}
