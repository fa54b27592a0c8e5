import { join } from 'node:path'
import { pino } from 'pino'
import { fetchFromStore } from '../connectors/model-registry.ts'
import { readOnlineEntities } from '../connectors/online-entities.ts'
import { openRedisOnlineStore, type OnlineStore } from '../connectors/redis-online-store.ts'
import { onlineFeatureRow } from '../features/online-row.ts'
import { newestDeployments } from '../inference/deployment-log.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { committedValues } from '../platform/topic-values.ts'
import type { LogPosition, Review, ReviewFeatures, SpoilerScore } from '../schemas/generated.ts'
import { FEATURE_SERVICES, type FeatureService } from '../schemas/feature-services.ts'
import { topics } from '../schemas/topics.ts'
import { newestActivations } from '../scorer/activations.ts'
import { firstServings } from '../scorer/deployments.ts'
import { type ScoreResult, scoreRows, type Serving } from '../inference/score-row.ts'
import { versionLoader } from '../scorer/version-loader.ts'
import { intake } from '../stream-processors/intake.ts'
import { readingCodec } from './pipeline.ts'

/** A review as somebody would publish it; without an author nothing is known of one. */
export interface AskedReview {
  readonly text: string
  readonly movieId: string
  readonly userId: string | null
  readonly rating: number | null
  readonly summary: string | null
  /** As-of time of the features, Unix milliseconds. */
  readonly writtenAtMs: number
}

/** A score that no log holds, and what it rests on. */
export interface OnlineScore {
  /** As it was read: offsets of spans are in it. */
  readonly text: string
  readonly score: SpoilerScore
  /** Null when nothing is known of the movie but its id. */
  readonly title: string | null
  readonly userKnown: boolean
  readonly movieKnown: boolean
}

export interface OnlineScorer extends AsyncDisposable {
  /**
   * The score that the stream would give to the review, if it came next.
   *
   * @throws SpoilerError with the code that a published review would be refused with; SPL_REDIS_UNAVAILABLE.
   */
  score(review: AskedReview): Promise<OnlineScore>
}

const NOWHERE: LogPosition = { topic: topics.reviews.name, partition: 0, offset: 0 }
/** Ids that a review has to have, and that no feature looks at. */
const UNPUBLISHED = { reviewId: 'unpublished', revision: 0 }
const NOBODY = 'nobody'

/**
 * Opens the models that a scorer would begin with now, in this process, and the online store.
 *
 * @throws SpoilerError SPL_REDIS_UNAVAILABLE, SPL_MODEL_INVALID; KafkaFault.
 */
export async function openOnlineScorer(config: Config): Promise<OnlineScorer> {
  await using opening = new AsyncDisposableStack()
  const [store, servings] = await Promise.all([
    openRedisOnlineStore(config, pino({ level: 'silent' })).then((opened) => opening.use(opened)),
    servingsNow(config),
  ])
  for (const { model } of servings) opening.use(model)
  const opened = opening.move()
  return {
    score: (review) => scoreOnline(review, { store, servings, service: FEATURE_SERVICES[config.FEATURE_SERVICE] }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The models that a scorer would begin with now, in this process. */
export async function servingsNow(config: Config): Promise<readonly Serving[]> {
  if (config.MODEL_DIR !== undefined) return [{ model: await loadModelVersion(config.MODEL_DIR), deploymentEpoch: 0 }]
  const codec = readingCodec(config)
  const [newest, recorded] = await Promise.all([
    newestDeployments(committedValues(config, codec, 'modelDeployments')),
    newestActivations(committedValues(config, codec, 'modelActivations')),
  ])
  const load = versionLoader({
    cacheDir: join(config.STATE_DIR, 'models'),
    fetch: ({ modelName: name, modelVersion: version, ...place }, folder) =>
      fetchFromStore(config, { name, version, ...place }, folder),
    open: loadModelVersion,
  })
  return firstServings({ newest, recorded }, { load, openPrior: () => loadModelVersion(PRIOR_FOLDER) })
}

interface ScoringDeps {
  readonly store: OnlineStore
  readonly servings: readonly Serving[]
  /** Of the rows that the stream makes now. */
  readonly service: FeatureService
}

async function scoreOnline(asked: AskedReview, { store, servings, service }: ScoringDeps): Promise<OnlineScore> {
  const review = readReview(asked)
  const { text, movieId, writtenAtMs } = review
  const userId = asked.userId === null ? null : review.userId
  const known = await readOnlineEntities(store, { userId, movieId })
  const value: ReviewFeatures = {
    ...review,
    featureService: service.name,
    ...onlineFeatureRow(review, known, service),
    reviewPosition: NOWHERE,
    reviewAppendedAtMs: writtenAtMs,
    userActivityPosition: NOWHERE,
    movieActivityPosition: NOWHERE,
  }
  const row = { key: null, value, position: NOWHERE, appendedAtMs: writtenAtMs }
  const [result] = (await scoreRows([row], servings)) as [ScoreResult]
  if (result.kind === 'reject') throw refused(result)
  const { score } = result
  return {
    text,
    score,
    title: known.plot?.title ?? null,
    userKnown: known.user !== null,
    movieKnown: known.movie !== null || known.plot !== null,
  }
}

/** The review as intake would hand it on. */
function readReview({ userId, ...asked }: AskedReview): Review {
  const value = { ...UNPUBLISHED, ...asked, userId: userId ?? NOBODY }
  const record = { key: null, value, position: NOWHERE, appendedAtMs: asked.writtenAtMs }
  const { forwards, rejects } = intake.onRecord(record, {}, asked.writtenAtMs)
  const [rejection] = rejects
  if (rejection !== undefined) throw refused(rejection)
  for (const { to, value: activity } of forwards)
    if (to === 'userActivity' && activity.review !== null) return activity.review
  throw new TypeError('intake made no review of a review')
}

function refused({ code, cause }: { readonly code: SpoilerError['code']; readonly cause: string }): SpoilerError {
  return new SpoilerError(code, `scoring the review: ${cause}`, { onError: 'dead-letter' })
}
