import type { FeatureService } from '../../schemas/feature-services.ts'
import type { MovieActivity, ReviewFeatures, UserActivity } from '../../schemas/generated.ts'
import type { Forward, StreamRecord } from '../../schemas/processor.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { topics } from '../../schemas/topics.ts'
import type { TopicId, ValueOf } from '../../schemas/topics.ts'
import { intake } from '../../stream-processors/intake.ts'
import { movieContext } from '../../stream-processors/movie-context.ts'
import { userHistory } from '../../stream-processors/user-history.ts'
import { record } from './review-world.ts'
import type { Log } from './review-world.ts'
import { Fold } from './topology-test-driver.ts'
import type { Driven } from './topology-test-driver.ts'

/** What the three folds make of a public log, each topic with one partition. */
export interface Chained {
  readonly userActivity: readonly StreamRecord<UserActivity>[]
  readonly movieActivity: readonly StreamRecord<MovieActivity>[]
  readonly rows: readonly ReviewFeatures[]
  readonly intake: Driven
  readonly userHistory: Driven
  readonly movieContext: Driven
}

/** Runs intake, user-history and movie-context one behind the other; a record passes all three before the next. */
export function chain(log: Log, service: FeatureService = spoilerV1): Chained {
  const folds = {
    intake: new Fold(intake),
    userHistory: new Fold(userHistory),
    movieContext: new Fold(movieContext(() => service)),
  }
  const userActivity: StreamRecord<UserActivity>[] = []
  const movieActivity: StreamRecord<MovieActivity>[] = []
  const sendToMovies = (forwards: readonly Forward[], appendedAtMs: number): void => {
    for (const value of valuesTo('movieActivity', forwards)) {
      const sent = record(topics.movieActivity.name, { value, offset: movieActivity.length, appendedAtMs })
      movieActivity.push(sent)
      folds.movieContext.next(sent)
    }
  }
  for (const input of log) {
    const { forwards } = folds.intake.next(input)
    for (const value of valuesTo('userActivity', forwards)) {
      const sent = record(topics.userActivity.name, {
        value,
        offset: userActivity.length,
        appendedAtMs: input.appendedAtMs,
      })
      userActivity.push(sent)
      sendToMovies(folds.userHistory.next(sent).forwards, input.appendedAtMs)
    }
    sendToMovies(forwards, input.appendedAtMs)
  }
  const movies = folds.movieContext.result()
  return {
    userActivity,
    movieActivity,
    rows: valuesTo('reviewFeatures', movies.output),
    intake: folds.intake.result(),
    userHistory: folds.userHistory.result(),
    movieContext: movies,
  }
}

/** Values forwarded to one topic, in order. */
export function valuesTo<T extends TopicId>(topic: T, forwards: readonly Forward[]): ValueOf<T>[] {
  return forwards.filter((forward) => forward.to === topic).map((forward) => forward.value as ValueOf<T>)
}
