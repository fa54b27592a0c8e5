import type { ReviewFeatures, ScoreReason, SentenceEvidence, SpoilerSpan } from '../schemas/generated.ts'

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

/** What a model reads of a feature row: `values` are finite, as many as the feature service has. */
export type ScoringInput = Pick<ReviewFeatures, 'text' | 'values' | 'sentences'>

/** What a model version says of itself. */
export interface ModelDescription {
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
}

/**
 * A model version that was verified and serves: the one way to score, for stream, HTTP, evaluation and replay. Whoever
 * calls it does not know what kind of head stands behind it, nor in which process.
 */
export interface Model extends ModelDescription, AsyncDisposable {
  /**
   * Several calls may be under way; each review is scored by itself, whatever its neighbours are.
   *
   * @param row of the model's feature service.
   * @throws SpoilerError `dead-letter` when the row cannot be scored; SPL_MODEL_UNAVAILABLE (retry) when the model's
   *   process cannot be started now.
   */
  score(row: ScoringInput): Promise<Prediction>
}

/** What one feature adds to the log-odds of one review, measured from the average review of the fit. */
export interface Contribution {
  readonly feature: string
  /** As it stands in the row. */
  readonly value: number
  readonly logOdds: number
}

/** What a term of the text adds to the log-odds of one review. */
export interface TermContribution {
  /** As it stands in the review, in lower case. */
  readonly term: string
  readonly logOdds: number
}

/** What a head says before calibration. */
export interface HeadOutput {
  /** Log-odds of a spoiler; finite. */
  readonly logit: number
  /** May be empty for heads that cannot explain themselves; otherwise they and `terms` sum to `logit - base`. */
  readonly contributions: readonly Contribution[]
  /** Empty for heads that do not look at the words. */
  readonly terms: readonly TermContribution[]
  /** What the terms of one sentence of the review add, before calibration; 0 for heads that do not look at the words. */
  readonly sentenceLogOdds: (sentence: SentenceEvidence) => number
  /** Log-odds that no feature accounts for. */
  readonly base: number
}

/** The part of a version that its kind decides. */
export interface Head extends AsyncDisposable {
  readonly kind: string
  /** What it computes with, as part of the runtime fingerprint. */
  readonly runtime: string
  evaluate(row: ScoringInput): Promise<HeadOutput>
}
