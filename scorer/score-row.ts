import type { Model } from '../inference/model.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import type { ReviewFeatures, SpoilerScore } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'

/** The model that serves, and since which decision of control. */
export interface Serving {
  readonly model: Model
  /** Grows with every deployment, also with a rollback; 0 is the prior that ships with the code. */
  readonly deploymentEpoch: number
}

export type ScoreResult =
  | { readonly kind: 'score'; readonly score: SpoilerScore }
  | { readonly kind: 'reject'; readonly code: ErrorCode; readonly cause: string }

/** Scores one feature row. A row that the model cannot read is poison and comes back as a reject, not as an error. */
export async function scoreRow(row: StreamRecord<ReviewFeatures>, serving: Serving): Promise<ScoreResult> {
  const { value, position } = row
  const { model, deploymentEpoch } = serving
  const reject = rejection(value, model)
  if (reject !== undefined) return reject
  const { probability, isSpoiler, spans, reasons } = await model.score(value)
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
    tier: model.tier,
    featureService: model.featureService,
    position,
    spans,
    reasons,
  }
  return { kind: 'score', score }
}

/**
 * Scores rows one after the other: a batch gains nothing on a CPU, and a score must not depend on its neighbours.
 *
 * @returns One result per row, in the order of the rows.
 */
export async function scoreRows(
  rows: readonly StreamRecord<ReviewFeatures>[],
  serving: Serving,
): Promise<readonly ScoreResult[]> {
  const results: ScoreResult[] = []
  for (const row of rows) results.push(await scoreRow(row, serving))
  return results
}

function rejection(value: ReviewFeatures, model: Model): ScoreResult | undefined {
  if (value.featureService !== model.featureService) {
    const cause = `the row is of ${value.featureService}, ${model.name} ${model.version} reads ${model.featureService}`
    return { kind: 'reject', code: 'SPL_FEATURE_SERVICE_UNKNOWN', cause }
  }
  if (value.values.length !== model.rowLength) {
    const cause = `the row has ${value.values.length} values, ${model.featureService} has ${model.rowLength}`
    return { kind: 'reject', code: 'SPL_FEATURE_ROW_INVALID', cause }
  }
  const at = value.values.findIndex((entry) => !Number.isFinite(entry))
  if (at < 0) return undefined
  const cause = `value ${at} of ${model.featureService} is ${value.values[at] ?? 'missing'}`
  return { kind: 'reject', code: 'SPL_FEATURE_ROW_INVALID', cause }
}
