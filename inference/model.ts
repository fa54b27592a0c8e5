import type { ReviewFeatures, ScoreReason, SpoilerSpan } from '../schemas/generated.ts'

/** What a model says of one review. */
export interface Prediction {
  /** Calibrated P(spoiler), in [0, 1]. */
  readonly probability: number
  /** probability >= threshold of the model. */
  readonly isSpoiler: boolean
  /** Sentences that spoil, in text order. */
  readonly spans: readonly SpoilerSpan[]
  /** Largest contributions in log-odds, largest first. */
  readonly reasons: readonly ScoreReason[]
}

/**
 * A model version that was verified and serves: the one way to score, for stream, HTTP, evaluation and replay. Whoever
 * calls it does not know what kind of head stands behind it.
 */
export interface Model extends AsyncDisposable {
  readonly name: string
  /** Content hash of the version. */
  readonly version: string
  readonly tier: string
  /** Name of the ordered feature list that it reads. */
  readonly featureService: string
  /** Values in a row of that feature service. */
  readonly rowLength: number
  readonly threshold: number
  /** Equal versions score bit-equally where this is equal. */
  readonly runtimeFingerprint: string
  /** @param row of the model's feature service: `rowLength` finite values. */
  score(row: ReviewFeatures): Promise<Prediction>
}

/** What one feature adds to the log-odds of one review, measured from the average review of the fit. */
export interface Contribution {
  readonly feature: string
  /** As it stands in the row. */
  readonly value: number
  readonly logOdds: number
}

/** What a head says before calibration. */
export interface HeadOutput {
  /** Log-odds of a spoiler; finite. */
  readonly logit: number
  /** May be empty for heads that cannot explain themselves; otherwise they sum to `logit - base`. */
  readonly contributions: readonly Contribution[]
  /** Log-odds that no feature accounts for. */
  readonly base: number
}

/** The part of a version that its kind decides: coefficients in this process, or a network in child processes. */
export interface Head extends AsyncDisposable {
  readonly kind: string
  /** What it computes with, as part of the runtime fingerprint. */
  readonly runtime: string
  evaluate(row: ReviewFeatures): Promise<HeadOutput>
}
