import type { FeatureService } from '../../schemas/feature-services.ts'
import type {
  MovieActivity,
  ReviewFeatures,
  ScoreActivity,
  SpoilerScore,
  UserActivity,
} from '../../schemas/generated.ts'
import type { Forward, StreamRecord } from '../../schemas/processor.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { topics } from '../../schemas/topics.ts'
import type { TopicId, ValueOf } from '../../schemas/topics.ts'
import { evaluator } from '../../stream-processors/evaluator.ts'
import { intake } from '../../stream-processors/intake.ts'
import { movieContext } from '../../stream-processors/movie-context.ts'
import { scoreIntake } from '../../stream-processors/score-intake.ts'
import { userHistory } from '../../stream-processors/user-history.ts'
import { record } from './review-world.ts'
import { scoresOf } from './scores.ts'
import type { Log } from './review-world.ts'
import { Fold } from './topology-test-driver.ts'
import type { Driven } from './topology-test-driver.ts'

/** What the folds make of a public log, each topic with one partition. */
export interface Chained {
  readonly userActivity: readonly StreamRecord<UserActivity>[]
  readonly movieActivity: readonly StreamRecord<MovieActivity>[]
  readonly rows: readonly ReviewFeatures[]
  /** Of every row a score, and of some that of a shadow: by the length of the text. */
  readonly scores: readonly StreamRecord<SpoilerScore>[]
  readonly scoreActivity: readonly StreamRecord<ScoreActivity>[]
  readonly intake: Driven
  readonly userHistory: Driven
  readonly movieContext: Driven
  readonly evaluator: Driven
}

/** Runs the folds one behind the other; a record passes all of them before the next. */
export function chain(log: Log, service: FeatureService = spoilerV1): Chained {
  const folds = {
    intake: new Fold(intake),
    userHistory: new Fold(userHistory),
    movieContext: new Fold(movieContext(() => service)),
    scoreIntake: new Fold(scoreIntake),
    evaluator: new Fold(evaluator),
  }
  const userActivity: StreamRecord<UserActivity>[] = []
  const movieActivity: StreamRecord<MovieActivity>[] = []
  const scores: StreamRecord<SpoilerScore>[] = []
  const scoreActivity: StreamRecord<ScoreActivity>[] = []
  const append = <V>(log: StreamRecord<V>[], topic: string, value: V, appendedAtMs: number): StreamRecord<V> => {
    const sent = record(topic, { value, offset: log.length, appendedAtMs })
    log.push(sent)
    return sent
  }
  const sendOn = (forwards: readonly Forward[], atMs: number): void => {
    for (const value of valuesTo('movieActivity', forwards))
      sendOn(folds.movieContext.next(append(movieActivity, topics.movieActivity.name, value, atMs)).forwards, atMs)
    for (const row of valuesTo('reviewFeatures', forwards))
      for (const { topic, score } of scoresOf(row))
        sendOn(folds.scoreIntake.next(append(scores, topic, score, atMs)).forwards, atMs)
    for (const value of valuesTo('scoreActivity', forwards))
      folds.evaluator.next(append(scoreActivity, topics.scoreActivity.name, value, atMs))
  }
  for (const input of log) {
    const { forwards } = folds.intake.next(input)
    for (const value of valuesTo('userActivity', forwards)) {
      const sent = append(userActivity, topics.userActivity.name, value, input.appendedAtMs)
      sendOn(folds.userHistory.next(sent).forwards, input.appendedAtMs)
    }
    sendOn(forwards, input.appendedAtMs)
  }
  const movies = folds.movieContext.result()
  return {
    userActivity,
    movieActivity,
    rows: valuesTo('reviewFeatures', movies.output),
    scores,
    scoreActivity,
    intake: folds.intake.result(),
    userHistory: folds.userHistory.result(),
    movieContext: movies,
    evaluator: folds.evaluator.result(),
  }
}

/** Values forwarded to one topic, in order. */
export function valuesTo<T extends TopicId>(topic: T, forwards: readonly Forward[]): ValueOf<T>[] {
  return forwards.filter((forward) => forward.to === topic).map((forward) => forward.value as ValueOf<T>)
}
