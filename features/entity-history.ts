import type { BucketCounters, EntityHistory, HistoryAsOf, LabelTrace, ReviewTrace } from '../schemas/generated.ts'

const DAY_MS = 86_400_000
/** Width of a bucket of event time. Buckets are counted from the Unix epoch. */
export const BUCKET_MS = 7 * DAY_MS
/** So many buckets before the newest event, or a little more, are kept apart; more than any weight of a label reaches. */
export const FINE_BUCKETS = 156
/** Older ones are kept in blocks of so many, under the number of the block's last bucket. */
const BLOCK_BUCKETS = 52
/** A label weighs this many sixteenths in its 1st, 2nd, ... 26 weeks, and nothing afterwards. */
const LABEL_WEIGHTS = [16, 8, 4, 2, 1] as const
const WEIGHT_BUCKETS = 26
const RECENT_BUCKETS = 4

/** History of a user or movie that nothing is known of. */
export const NO_HISTORY: EntityHistory = {
  updatedAtMs: 0,
  counters: { buckets: [], reviews: [], labelled: [], spoilers: [], units: [], ratings: [], ratingSum: [] },
}

const COLUMNS = ['reviews', 'labelled', 'spoilers', 'units', 'ratings', 'ratingSum'] as const
type Column = (typeof COLUMNS)[number]
/** What one event adds to a bucket. */
type Addition = Readonly<Record<Column, number>>
type Columns = Record<Column | 'buckets', readonly number[]>

/** Number of the bucket that holds an instant (Unix milliseconds). */
export function bucketOf(atMs: number): number {
  return Math.floor(atMs / BUCKET_MS)
}

/** Counts a review. Cost is bounded by the number of buckets, never by the number of reviews. */
export function afterReview(history: EntityHistory, review: ReviewTrace): EntityHistory {
  return add(history, review.writtenAtMs, additionOf(review, 1))
}

/** Takes back a review that was counted. @throws RangeError if it was not. */
export function withoutReview(history: EntityHistory, review: ReviewTrace): EntityHistory {
  return add(history, review.writtenAtMs, additionOf(review, -1))
}

/** Counts a label in the bucket of its own event time. */
export function afterLabel(history: EntityHistory, label: LabelTrace): EntityHistory {
  return add(history, label.labelledAtMs, additionOfLabel(label, 1))
}

/** Takes back a label that was counted. @throws RangeError if it was not. */
export function withoutLabel(history: EntityHistory, label: LabelTrace): EntityHistory {
  return add(history, label.labelledAtMs, additionOfLabel(label, -1))
}

/**
 * What was known of an entity for a review written at `atMs`: reviews of buckets up to its own, labels only of buckets
 * that had ended, so that every label counted was given before the review was written. Integers only.
 */
export function asOf({ counters }: Pick<EntityHistory, 'counters'>, atMs: number): HistoryAsOf {
  const now = bucketOf(atMs)
  const sums = { ...NOTHING_KNOWN }
  for (let i = 0; i < counters.buckets.length; i += 1) {
    const bucket = counters.buckets[i] as number
    if (bucket > now) break
    const reviews = counters.reviews[i] as number
    sums.reviews += reviews
    sums.units += counters.units[i] as number
    sums.ratings += counters.ratings[i] as number
    sums.ratingSum += counters.ratingSum[i] as number
    if (bucket > now - RECENT_BUCKETS) sums.recentReviews += reviews
    if (reviews > 0) sums.firstBucket ??= bucket
    if (bucket === now) continue
    const weight = LABEL_WEIGHTS[Math.floor((now - bucket) / WEIGHT_BUCKETS)] ?? 0
    const labelled = counters.labelled[i] as number
    const spoilers = counters.spoilers[i] as number
    sums.labelled += labelled
    sums.spoilers += spoilers
    sums.decayedLabelled += weight * labelled
    sums.decayedSpoilers += weight * spoilers
  }
  return sums
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
const NOTHING_KNOWN: Mutable<HistoryAsOf> = {
  reviews: 0,
  labelled: 0,
  spoilers: 0,
  decayedLabelled: 0,
  decayedSpoilers: 0,
  units: 0,
  ratings: 0,
  ratingSum: 0,
  recentReviews: 0,
  firstBucket: null,
}

function additionOf({ units, rating }: ReviewTrace, sign: 1 | -1): Addition {
  const rated = rating === null ? 0 : 1
  return {
    reviews: sign,
    labelled: 0,
    spoilers: 0,
    units: sign * units,
    ratings: sign * rated,
    ratingSum: sign * (rating ?? 0),
  }
}

function additionOfLabel({ isSpoiler }: LabelTrace, sign: 1 | -1): Addition {
  return { reviews: 0, labelled: sign, spoilers: isSpoiler ? sign : 0, units: 0, ratings: 0, ratingSum: 0 }
}

function add(history: EntityHistory, atMs: number, addition: Addition): EntityHistory {
  const updatedAtMs = Math.max(history.updatedAtMs, atMs)
  const fineFrom = fineFromOf(updatedAtMs)
  const kept = fineFrom > fineFromOf(history.updatedAtMs) ? coarsened(history.counters, fineFrom) : history.counters
  return { updatedAtMs, counters: addToBucket(kept, placeOf(bucketOf(atMs), fineFrom), addition) }
}

/** First bucket that is kept apart. Follows from the newest event alone, so that a number always finds its place again. */
function fineFromOf(updatedAtMs: number): number {
  return Math.floor((bucketOf(updatedAtMs) - FINE_BUCKETS) / BLOCK_BUCKETS) * BLOCK_BUCKETS
}

/** An older bucket is kept under the last bucket of its block: its labels count later than they could, never earlier. */
function placeOf(bucket: number, fineFrom: number): number {
  return bucket >= fineFrom ? bucket : Math.floor(bucket / BLOCK_BUCKETS) * BLOCK_BUCKETS + BLOCK_BUCKETS - 1
}

/** Moves buckets that grew old into their blocks: once in a year of event time. */
function coarsened(counters: BucketCounters, fineFrom: number): BucketCounters {
  const first = counters.buckets[0]
  if (first === undefined || first >= fineFrom) return counters
  const moved = { buckets: [], reviews: [], labelled: [], spoilers: [], units: [], ratings: [], ratingSum: [] }
  counters.buckets.forEach((bucket, i) => appendRow(moved, placeOf(bucket, fineFrom), { from: counters, i }))
  return moved
}

function appendRow(
  into: Record<Column | 'buckets', number[]>,
  bucket: number,
  row: { from: Columns; i: number },
): void {
  const isNew = into.buckets.at(-1) !== bucket
  if (isNew) into.buckets.push(bucket)
  const last = into.buckets.length - 1
  for (const column of COLUMNS)
    into[column][last] = (isNew ? 0 : (into[column][last] as number)) + (row.from[column][row.i] as number)
}

function addToBucket(counters: BucketCounters, bucket: number, addition: Addition): BucketCounters {
  // most events are near the newest: look from that end
  let i = counters.buckets.length
  while (i > 0 && (counters.buckets[i - 1] as number) >= bucket) i -= 1
  if (counters.buckets[i] !== bucket) return insertBucket(counters, i, bucket, addition)
  const changed = addToRow(counters, i, addition)
  return COLUMNS.every((column) => changed[column][i] === 0) ? withoutRow(changed, i) : changed
}

function addToRow(counters: BucketCounters, i: number, addition: Addition): Columns {
  const changed: Columns = { ...counters }
  for (const column of COLUMNS) {
    const difference = addition[column]
    if (difference === 0) continue
    const values = counters[column].slice()
    values[i] = notNegative((values[i] as number) + difference, column)
    changed[column] = values
  }
  return changed
}

function insertBucket(counters: BucketCounters, i: number, bucket: number, addition: Addition): BucketCounters {
  const changed: Columns = { ...counters, buckets: counters.buckets.toSpliced(i, 0, bucket) }
  for (const column of COLUMNS)
    changed[column] = counters[column].toSpliced(i, 0, notNegative(addition[column], column))
  return changed
}

/** A bucket that nothing is left of disappears: a revised event leaves no trace. */
function withoutRow(counters: Columns, i: number): BucketCounters {
  const changed: Columns = { ...counters, buckets: counters.buckets.toSpliced(i, 1) }
  for (const column of COLUMNS) changed[column] = counters[column].toSpliced(i, 1)
  return changed
}

function notNegative(value: number, column: Column): number {
  if (value < 0) throw new RangeError(`${column} of a bucket would become ${value}: what is taken back was not counted`)
  return value
}
