import type { LogPosition, MovieActivity, ReviewFeatures, ScoreOutcome } from '../schemas/generated.ts'
import type { Processor } from '../schemas/processor.ts'
import type { TopicId } from '../schemas/topics.ts'
import { evaluator } from '../stream-processors/evaluator.ts'
import { movieContext, type ServiceAt } from '../stream-processors/movie-context.ts'
import { userHistory } from '../stream-processors/user-history.ts'

/** A fold over a log that is kept whole, so that it can be folded again. */
export interface RecordedFold {
  /** Its name is also the group that runs it live. @param serviceAt Feature service of each row. */
  readonly processor: (serviceAt: ServiceAt) => Processor<never, never>
  readonly input: TopicId
  /** The log that it writes; its compacted topics hold only newest rows. */
  readonly output: TopicId
  /** Every topic that it may write to. */
  readonly outputs: readonly TopicId[]
  /** Tells the records of an entity apart; undefined for a record that another component wrote. */
  readonly nameOf: (value: never) => string | undefined
  /** Of the input record that it was made from; undefined where the record does not tell. */
  readonly sourceOf: (value: never) => LogPosition | undefined
  /** Names the code of the fold: see codeFingerprint. */
  readonly module: URL
  /** Feature service of a row; of the fold that makes rows alone. */
  readonly serviceOf?: (value: never) => string
}

/** By name, in the order in which records pass them. */
export const RECORDED_FOLDS = {
  'user-history': {
    processor: () => userHistory as unknown as Processor<never, never>,
    input: 'userActivity',
    output: 'movieActivity',
    outputs: ['movieActivity', 'userFeatures', 'scoreActivity', 'lateRecords', 'deadLetters'],
    nameOf: ({ review, label }: MovieActivity) => {
      if (review !== null) return `review ${review.review.reviewId} revision ${review.review.revision}`
      return label === null ? undefined : `label of ${label.label.reviewId} revision ${label.label.revision}`
    },
    sourceOf: ({ review }: MovieActivity) => review?.userActivityPosition,
    module: new URL('../stream-processors/user-history.ts', import.meta.url),
  },
  'movie-context': {
    processor: (serviceAt) => movieContext(serviceAt) as unknown as Processor<never, never>,
    input: 'movieActivity',
    output: 'reviewFeatures',
    outputs: ['reviewFeatures', 'movieFeatures', 'moviePlots', 'deadLetters'],
    nameOf: ({ reviewId, revision }: ReviewFeatures) => `features of ${reviewId} revision ${revision}`,
    sourceOf: ({ movieActivityPosition }: ReviewFeatures) => movieActivityPosition,
    module: new URL('../stream-processors/movie-context.ts', import.meta.url),
    serviceOf: ({ featureService }: ReviewFeatures) => featureService,
  },
  evaluator: {
    processor: () => evaluator as unknown as Processor<never, never>,
    input: 'scoreActivity',
    output: 'scoreOutcomes',
    outputs: ['scoreOutcomes', 'qualityCounters', 'labelRequests', 'lateRecords', 'deadLetters'],
    nameOf: ({ reviewId, outcome: { score, label } }: ScoreOutcome) =>
      `outcome of ${reviewId} (${score.mode}) revision ${score.revision}, label revision ${label.revision}`,
    sourceOf: () => undefined,
    module: new URL('../stream-processors/evaluator.ts', import.meta.url),
  },
} as const satisfies Record<string, RecordedFold>

export type RecordedFoldName = keyof typeof RECORDED_FOLDS
