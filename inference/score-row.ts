import { slicesOf } from '../features/slices.ts'
import type { Model, Prediction, ScoringInput } from './model.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import type { ReviewFeatures, SpoilerScore } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { type FeatureService, featureServiceOf, placesRead } from '../schemas/feature-services.ts'

/** The model that serves, and since which decision of control. */
export interface Serving {
  readonly model: Model
  /** Grows with every deployment, also with a rollback; 0 is the prior that ships with the code. */
  readonly deploymentEpoch: number
  /** The champion's, unless it says otherwise. */
  readonly slot?: string
}

export type ScoreResult = { readonly kind: 'score'; readonly score: SpoilerScore } | Reject

export interface Reject {
  readonly kind: 'reject'
  readonly code: ErrorCode
  readonly cause: string
  /** Processes of the model that had the row. */
  readonly attempts: number
}

/** Of several models the newest deployment that reads rows of a feature service. */
export function servingFor(servings: readonly Serving[], featureService: string): Serving | undefined {
  return servings
    .filter(({ model }) => placesRead(featureService, model.featureService) !== undefined)
    .reduce<Serving | undefined>(
      (a, b) => (a === undefined || b.deploymentEpoch > a.deploymentEpoch ? b : a),
      undefined,
    )
}

/** Scores one feature row. A row that the model cannot read is poison and comes back as a reject, not as an error. */
export async function scoreRow(row: StreamRecord<ReviewFeatures>, serving: Serving): Promise<ScoreResult> {
  const { value, position } = row
  const { model, deploymentEpoch, slot = CHAMPION } = serving
  const places = placesRead(value.featureService, model.featureService)
  const service = featureServiceOf(value.featureService)
  if (places === undefined || service === undefined) return unreadable(value, model)
  const reject = rejection(value, service)
  if (reject !== undefined) return reject
  const prediction = await predicted({ ...value, values: places.map((at) => value.values[at] as number) }, model)
  if ('kind' in prediction) return prediction
  const { probability, isSpoiler, spans, reasons } = prediction
  const score: SpoilerScore = {
    reviewId: value.reviewId,
    userId: value.userId,
    movieId: value.movieId,
    revision: value.revision,
    writtenAtMs: value.writtenAtMs,
    reviewAppendedAtMs: value.reviewAppendedAtMs,
    textUnits: value.text.length,
    probability,
    isSpoiler,
    threshold: model.threshold,
    modelName: model.name,
    modelVersion: model.version,
    deploymentEpoch,
    slot,
    tier: model.tier,
    featureService: value.featureService,
    slices: slicesOf(value.values, service),
    position,
    spans,
    reasons,
  }
  return { kind: 'score', score }
}

/**
 * Scores rows side by side, as many as the models have processes; each by itself, whatever its neighbours are, by the
 * newest deployment that reads it.
 *
 * @param servings One at least.
 * @returns One result per row, in the order of the rows.
 * @throws SpoilerError (retry) when a process of the model cannot be started; then no row is under way any more.
 */
export async function scoreRows(
  rows: readonly StreamRecord<ReviewFeatures>[],
  servings: readonly Serving[],
): Promise<readonly ScoreResult[]> {
  const of = ({ value }: StreamRecord<ReviewFeatures>) => servingFor(servings, value.featureService) ?? servings[0]
  const settled = await Promise.allSettled(rows.map((row) => scoreRow(row, of(row) as Serving)))
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** A row that the model gives up is the row's fault, and so is what it says. */
async function predicted(value: ScoringInput, model: Model): Promise<Prediction | Reject> {
  try {
    return await model.score(value)
  } catch (error) {
    if (!(error instanceof SpoilerError && error.onError === 'dead-letter')) throw error
    return { kind: 'reject', code: error.code, cause: error.message, attempts: attemptsOf(error) }
  }
}

function attemptsOf({ context }: SpoilerError): number {
  return typeof context['attempts'] === 'number' ? context['attempts'] : 1
}

function unreadable({ featureService }: ReviewFeatures, model: Model): Reject {
  const cause = `the row is of ${featureService}, ${model.name} ${model.version} reads ${model.featureService}`
  return { kind: 'reject', code: 'SPL_FEATURE_SERVICE_UNKNOWN', cause, attempts: 1 }
}

function rejection({ featureService, values }: ReviewFeatures, { features }: FeatureService): Reject | undefined {
  if (values.length !== features.length) {
    const cause = `the row has ${values.length} values, ${featureService} has ${features.length}`
    return { kind: 'reject', code: 'SPL_FEATURE_ROW_INVALID', cause, attempts: 1 }
  }
  const at = values.findIndex((entry) => !Number.isFinite(entry))
  if (at < 0) return undefined
  const cause = `value ${at} of ${featureService} is ${values[at] ?? 'missing'}`
  return { kind: 'reject', code: 'SPL_FEATURE_ROW_INVALID', cause, attempts: 1 }
}
