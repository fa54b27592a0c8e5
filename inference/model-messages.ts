import type { OnError, SpoilerError } from '../platform/spoiler-error.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import type { ModelDescription, Prediction, ScoringInput } from './model.ts'

/** To a process of a model: rows to be scored one after the other. One such message is under way at a time. */
export interface ScoreRequest {
  readonly rows: readonly ScoringInput[]
}

/** What became of one row. */
export type RowResult = { readonly prediction: Prediction } | { readonly failure: string }

/** From a process of a model. */
export type ModelMessage =
  /** The version is proved. */
  | { readonly kind: 'ready'; readonly description: ModelDescription }
  /** It is not, and the process ends. */
  | ({ readonly kind: 'refused' } & Pick<SpoilerError, 'message'> & {
        readonly code: ErrorCode
        readonly onError: OnError
      })
  | { readonly kind: 'scored'; readonly results: readonly RowResult[] }
