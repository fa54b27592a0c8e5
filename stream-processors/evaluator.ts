import type {
  EvaluatedReview,
  LabelRequest,
  OutcomeLabel,
  QualityCounters,
  ScoreActivity,
  ScoreTrace,
} from '../schemas/generated.ts'
import { NOTHING } from '../schemas/processor.ts'
import type { DropReason, Forward, Processor, Put, ReadonlyStores, Step, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { isAudited } from './audit-sample.ts'
import { type Change, changedCounters } from './quality-counters.ts'

/** So long a score waits for labels, and a label for its score, in append time: neither comes after its retention. */
export const EVALUATED_REVIEW_MS = topics.reviewLabels.retentionMs
/** Most entries that one step lets expire: many more than it adds, and a bound on its cost. */
const MAX_EXPIRED_PER_STEP = 64

export interface EvaluatorStores {
  /** By user and review id. */
  readonly reviews: EvaluatedReview
  /** By mode, model name, version, slice and source of the labels. */
  readonly counters: QualityCounters
}

type Stores = ReadonlyStores<EvaluatorStores>
type EvaluatorStep = Step<EvaluatorStores>

const SHADOW = 'shadow'
const AUDIT = 'audit'
const DUPLICATE: EvaluatorStep = { ...NOTHING, drops: [{ reason: 'duplicate' }] }

/**
 * Folds scores and labels of reviews: writes how each score turned out, counts it, and asks people about a sample.
 *
 * - The newest revision of a review's score and the newest label meet, whichever came first; either revised, they meet
 *   anew, and the outcome says what it takes the place of. So the last outcome does not depend on the order of the two.
 * - A published score and that of a shadow are told apart; each has outcomes of its own.
 * - A label without a score goes to `late-records` in the end; a score without a label stays counted as one.
 */
export const evaluator: Processor<ScoreActivity, EvaluatorStores> = {
  name: 'evaluator',
  stores: { reviews: { schema: 'EvaluatedReview' }, counters: { schema: 'QualityCounters' } },

  onRecord(record, stores, streamTimeMs) {
    const { score, label, userId, reviewId, movieId } = record.value
    const known = stores.reviews.get([userId, reviewId]) ?? { movieId, ...UNKNOWN, seenAtMs: streamTimeMs }
    const now = { record, known: { ...known, seenAtMs: streamTimeMs }, stores }
    if (score !== null) return onScore(score, now)
    if (label !== null) return onLabel(label, now)
    throw new RangeError('a record of score-activity holds a score or a label')
  },

  onStreamTime(streamTimeMs, stores) {
    const puts: Put<EvaluatorStores>[] = []
    const forwards: Forward[] = []
    const drops: { readonly reason: DropReason }[] = []
    for (const [key, review] of stores.reviews.entries()) {
      if (review.seenAtMs + EVALUATED_REVIEW_MS > streamTimeMs || puts.length >= MAX_EXPIRED_PER_STEP) break
      puts.push({ store: 'reviews', key, value: null })
      const late = withoutScore(key, review)
      if (late === null) continue
      forwards.push(late)
      drops.push({ reason: 'late' })
    }
    return puts.length === 0 ? NOTHING : { puts, forwards, drops, rejects: [] }
  },
}

const UNKNOWN = { scores: [], label: null, labelPosition: null } as const

/** A label that nothing was scored for, as a late record. */
function withoutScore(
  [userId = '', reviewId = '']: readonly string[],
  { movieId, scores, label, labelPosition }: EvaluatedReview,
): Forward | null {
  if (label === null || labelPosition === null || scores.length > 0) return null
  return {
    to: 'lateRecords',
    value: {
      reason: 'score-unknown',
      component: 'evaluator',
      source: labelPosition,
      label: { reviewId, userId, movieId, ...label },
    },
  }
}

interface Now {
  readonly record: StreamRecord<ScoreActivity>
  readonly known: EvaluatedReview
  readonly stores: Stores
}

function onScore(score: ScoreTrace, now: Now): EvaluatorStep {
  const { label, scores } = now.known
  const isShadow = score.mode === SHADOW
  const previous = scores.find(({ mode }) => (mode === SHADOW) === isShadow)
  if (previous !== undefined && score.revision <= previous.revision) return DUPLICATE
  const known = { ...now.known, scores: [...scores.filter((one) => one !== previous), score] }
  const before = previous === undefined ? null : { score: previous, label }
  const asks = !isShadow && label?.source !== AUDIT && isAudited(now.record.value.reviewId)
  return changed({ ...now, known }, [{ before, after: { score, label } }], asks ? request(now, score) : [])
}

function onLabel(label: OutcomeLabel, now: Now): EvaluatorStep {
  const { label: previous, scores } = now.known
  const { position, value } = now.record
  if (previous !== null && label.revision <= previous.revision) return DUPLICATE
  const known = { ...now.known, label, labelPosition: position }
  const changes = scores.map((score) => ({ before: { score, label: previous }, after: { score, label } }))
  const published = scores.find(({ mode }) => mode !== SHADOW)
  const answers = published !== undefined && label.source === AUDIT && isAudited(value.reviewId)
  return changed({ ...now, known }, changes, answers ? request(now, published) : [])
}

/** A request, or its end: a record without the place of the text. */
function request({ record }: Now, { revision, writtenAtMs }: ScoreTrace): Forward[] {
  const { reviewId, userId, movieId, row } = record.value
  const value: LabelRequest = { reviewId, userId, movieId, revision, writtenAtMs, row }
  return [{ to: 'labelRequests', value }]
}

function changed(
  { record, known, stores }: Now,
  changes: readonly Change[],
  requests: readonly Forward[],
): EvaluatorStep {
  const { userId, reviewId } = record.value
  const counters = changedCounters(changes, stores.counters, record.position.partition)
  return {
    puts: [
      { store: 'reviews', key: [userId, reviewId], value: known },
      ...counters.map(([key, value]) => ({ store: 'counters', key, value }) as const),
    ],
    forwards: [
      ...changes.flatMap((change) => outcomeOf(record.value, change)),
      ...counters.map(([, value]) => ({ to: 'qualityCounters', value }) as const),
      ...requests,
    ],
    drops: [],
    rejects: [],
  }
}

function outcomeOf({ reviewId, userId, movieId }: ScoreActivity, { before, after }: Change): Forward[] {
  const { score, label } = after
  if (label === null) return []
  const previous = before === null || before.label === null ? null : { score: before.score, label: before.label }
  return [{ to: 'scoreOutcomes', value: { reviewId, userId, movieId, outcome: { score, label }, previous } }]
}
