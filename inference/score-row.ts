import { slicesOf } from '../features/slices.ts'
import type { Model, Prediction } from './model.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import type { ReviewFeatures, SpoilerScore } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'

/** The model that serves, and since which decision of control. */
export interface Serving {
  readonly model: Model
  /** Grows with every deployment, also with a rollback; 0 is the prior that ships with the code. */
  readonly deploymentEpoch: number
}

export type ScoreResult = { readonly kind: 'score'; readonly score: SpoilerScore } | Reject

export interface Reject {
  readonly kind: 'reject'
  readonly code: ErrorCode
  readonly cause: string
  /** Processes of the model that had the row. */
  readonly attempts: number
}

/** Scores one feature row. A row that the model cannot read is poison and comes back as a reject, not as an error. */
export async function scoreRow(row: StreamRecord<ReviewFeatures>, serving: Serving): Promise<ScoreResult> {
  const { value, position } = row
  const { model, deploymentEpoch } = serving
  const reject = rejection(value, model)
  if (reject !== undefined) return reject
  const prediction = await predicted(value, model)
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
    slot: CHAMPION,
    tier: model.tier,
    featureService: model.featureService,
    slices: slicesOf(value.values),
    position,
    spans,
    reasons,
  }
  return { kind: 'score', score }
}

/**
 * Scores rows side by side, as many as the model has processes; each by itself, whatever its neighbours are.
 *
 * @returns One result per row, in the order of the rows.
 * @throws SpoilerError (retry) when a process of the model cannot be started; then no row is under way any more.
 */
export async function scoreRows(
  rows: readonly StreamRecord<ReviewFeatures>[],
  serving: Serving,
): Promise<readonly ScoreResult[]> {
  const settled = await Promise.allSettled(rows.map((row) => scoreRow(row, serving)))
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** A row that the model gives up is the row's fault, and so is what it says. */
async function predicted(value: ReviewFeatures, model: Model): Promise<Prediction | Reject> {
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

function rejection(value: ReviewFeatures, model: Model): Reject | undefined {
  if (value.featureService !== model.featureService) {
    const cause = `the row is of ${value.featureService}, ${model.name} ${model.version} reads ${model.featureService}`
    return { kind: 'reject', code: 'SPL_FEATURE_SERVICE_UNKNOWN', cause, attempts: 1 }
  }
  if (value.values.length !== model.rowLength) {
    const cause = `the row has ${value.values.length} values, ${model.featureService} has ${model.rowLength}`
    return { kind: 'reject', code: 'SPL_FEATURE_ROW_INVALID', cause, attempts: 1 }
  }
  const at = value.values.findIndex((entry) => !Number.isFinite(entry))
  if (at < 0) return undefined
  const cause = `value ${at} of ${model.featureService} is ${value.values[at] ?? 'missing'}`
  return { kind: 'reject', code: 'SPL_FEATURE_ROW_INVALID', cause, attempts: 1 }
}
