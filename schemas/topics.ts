import type * as S from './generated.ts'
import type { SchemaName } from './generated.ts'

const DAY_MS = 86_400_000

/** Compatibility mode of a subject, as schema registries name it. */
export type Compatibility = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE'

export interface Topic<V> {
  readonly name: string
  /** Name of the Avro record of the value. */
  readonly schema: SchemaName
  /** Record key of a value. */
  readonly key: (value: V) => string
  readonly cleanup: 'delete' | 'compact'
  /** How long a record is kept, counted from its append time; -1 is without limit. */
  readonly retentionMs: number
  readonly compatibility: Compatibility
  /** Public inputs also take plain JSON of the same shape. */
  readonly publicInput: boolean
  /** `keyed` topics share the configured partition count. */
  readonly partitions: 'keyed' | 1
}

type Declaration<V> = Pick<Topic<V>, 'name' | 'schema' | 'key'> & Partial<Topic<V>>

function topic<V>(declaration: Declaration<V>): Topic<V> {
  return {
    cleanup: 'delete',
    retentionMs: -1,
    compatibility: declaration.publicInput === true ? 'BACKWARD_TRANSITIVE' : 'FULL_TRANSITIVE',
    publicInput: false,
    partitions: 'keyed',
    ...declaration,
  }
}

/** Names a dead letter: two components may fail on the same record. */
export function letterId({ component, source }: Pick<S.DeadLetter, 'component' | 'source'>): string {
  return `${component}:${positionText(source)}`
}

export function positionText({ topic: name, partition, offset }: S.LogPosition): string {
  return `${name}/${partition}/${offset}`
}

/** Every topic, once. All of them use LogAppendTime and the murmur2 partitioner. docs/TOPICS.md is checked against it. */
export const topics = {
  reviews: topic<S.Review>({
    name: 'reviews',
    schema: 'Review',
    key: (v) => v.userId,
    publicInput: true,
    retentionMs: 365 * DAY_MS,
  }),
  reviewLabels: topic<S.ReviewLabel>({
    name: 'review-labels',
    schema: 'ReviewLabel',
    key: (v) => v.userId,
    publicInput: true,
    retentionMs: 365 * DAY_MS,
  }),
  movies: topic<S.Movie>({
    name: 'movies',
    schema: 'Movie',
    key: (v) => v.movieId,
    publicInput: true,
    cleanup: 'compact',
  }),
  userActivity: topic<S.UserActivity>({ name: 'user-activity', schema: 'UserActivity', key: (v) => v.userId }),
  movieActivity: topic<S.MovieActivity>({ name: 'movie-activity', schema: 'MovieActivity', key: (v) => v.movieId }),
  reviewFeatures: topic<S.ReviewFeatures>({
    name: 'review-features',
    schema: 'ReviewFeatures',
    key: (v) => v.reviewId,
  }),
  userFeatures: topic<S.UserFeatures>({
    name: 'user-features',
    schema: 'UserFeatures',
    key: (v) => v.userId,
    cleanup: 'compact',
  }),
  movieFeatures: topic<S.MovieFeatures>({
    name: 'movie-features',
    schema: 'MovieFeatures',
    key: (v) => v.movieId,
    cleanup: 'compact',
  }),
  moviePlots: topic<S.MoviePlot>({
    name: 'movie-plots',
    schema: 'MoviePlot',
    key: (v) => v.movieId,
    cleanup: 'compact',
  }),
  spoilerScores: topic<S.SpoilerScore>({
    name: 'spoiler-scores',
    schema: 'SpoilerScore',
    key: (v) => v.reviewId,
    retentionMs: 365 * DAY_MS,
  }),
  shadowScores: topic<S.SpoilerScore>({
    name: 'shadow-scores',
    schema: 'SpoilerScore',
    key: (v) => v.reviewId,
    retentionMs: 30 * DAY_MS,
  }),
  scoreActivity: topic<S.ScoreActivity>({ name: 'score-activity', schema: 'ScoreActivity', key: (v) => v.reviewId }),
  scoreOutcomes: topic<S.ScoreOutcome>({
    name: 'score-outcomes',
    schema: 'ScoreOutcome',
    key: (v) => v.reviewId,
    retentionMs: 365 * DAY_MS,
  }),
  qualityCounters: topic<S.QualityCounters>({
    name: 'quality-counters',
    schema: 'QualityCounters',
    key: (v) => `${v.mode}/${v.modelName}@${v.modelVersion}/${v.slice}/${v.labelSource}/${v.partition}`,
    cleanup: 'compact',
  }),
  labelRequests: topic<S.LabelRequest>({
    name: 'label-requests',
    schema: 'LabelRequest',
    key: (v) => v.reviewId,
    retentionMs: 30 * DAY_MS,
  }),
  controlLog: topic<S.ControlEntry>({
    name: 'control-log',
    schema: 'ControlEntry',
    key: (v) => v.entryId,
    partitions: 1,
  }),
  trainingJobs: topic<S.TrainingJob>({
    name: 'training-jobs',
    schema: 'TrainingJob',
    key: (v) => v.jobId,
    partitions: 1,
  }),
  modelDeployments: topic<S.ModelDeployment>({
    name: 'model-deployments',
    schema: 'ModelDeployment',
    key: (v) => v.slot,
    cleanup: 'compact',
  }),
  modelActivations: topic<S.ModelActivation>({
    name: 'model-activations',
    schema: 'ModelActivation',
    key: (v) => String(v.partition),
  }),
  driftPartials: topic<S.DriftPartial>({
    name: 'drift-partials',
    schema: 'DriftPartial',
    key: (v) => `${v.source}/${v.partition}`,
    partitions: 1,
  }),
  driftWindows: topic<S.DriftWindow>({
    name: 'drift-windows',
    schema: 'DriftWindow',
    key: (v) => v.windowId,
    cleanup: 'compact',
    partitions: 1,
  }),
  driftEvents: topic<S.DriftEvent>({
    name: 'drift-events',
    schema: 'DriftEvent',
    key: (v) => v.eventId,
    partitions: 1,
  }),
  deadLetters: topic<S.DeadLetter>({
    name: 'dead-letters',
    schema: 'DeadLetter',
    key: (v) => positionText(v.source),
  }),
  deadLetterResolutions: topic<S.DeadLetterResolution>({
    name: 'dead-letter-resolutions',
    schema: 'DeadLetterResolution',
    key: letterId,
  }),
  lateRecords: topic<S.LateRecord>({
    name: 'late-records',
    schema: 'LateRecord',
    key: (v) => v.label?.userId ?? positionText(v.source),
  }),
  topicLineages: topic<S.TopicLineage>({
    name: 'topic-lineages',
    schema: 'TopicLineage',
    key: (v) => v.topic,
    cleanup: 'compact',
    partitions: 1,
  }),
} as const

export type TopicId = keyof typeof topics
export type ValueOf<T extends TopicId> = (typeof topics)[T] extends Topic<infer V> ? V : never
