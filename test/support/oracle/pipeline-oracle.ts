import { createHash } from 'node:crypto'
import type {
  DeadLetter,
  LogPosition,
  MovieActivity,
  ReviewFeatures,
  UserActivity,
  UserFeatures,
  MovieFeatures,
  SpoilerScore,
} from '../../../schemas/generated.ts'
import type { Forward, Processor, StreamRecord } from '../../../schemas/processor.ts'
import { featureServiceOf } from '../../../schemas/feature-services.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { positionText, type TopicId, topics } from '../../../schemas/topics.ts'
import { intake } from '../../../stream-processors/intake.ts'
import { movieContext, type ServiceAt } from '../../../stream-processors/movie-context.ts'
import { userHistory } from '../../../stream-processors/user-history.ts'
import { Fold } from '../topology-test-driver.ts'
import { checkStage, type Item, type Violation } from './stage-check.ts'

type Log<V> = readonly StreamRecord<V>[]

/** A record that a stage must not take, and the code that its dead letter must have. */
export interface Poisoned {
  readonly position: LogPosition
  readonly code: string
}

/** What an independent read_committed reader found, each partition in the order of its log. */
export interface Recorded {
  /** Records of `reviews`, `review-labels` and `movies` that could be decoded. */
  readonly publicInputs: Log<unknown>
  /** The others of them. */
  readonly poison: readonly Poisoned[]
  readonly deadLetters: Log<DeadLetter>
  readonly userActivity: Log<UserActivity>
  readonly movieActivity: Log<MovieActivity>
  readonly reviewFeatures: Log<ReviewFeatures>
  readonly spoilerScores: Log<SpoilerScore>
  /** Newest rows, by key. */
  readonly userFeatures: ReadonlyMap<string, UserFeatures>
  readonly movieFeatures: ReadonlyMap<string, MovieFeatures>
}

/** Which feature service was live is a setting, and stands in the rows alone. */
function servicesOf(rows: Log<ReviewFeatures>): ServiceAt {
  const services = new Map(
    rows.map(({ value }) => [positionText(value.movieActivityPosition), featureServiceOf(value.featureService)]),
  )
  return (position) => services.get(positionText(position)) ?? spoilerV1
}

/** The scores that rows of one partition must get, in order. */
export type ScoreRows = (rows: Log<ReviewFeatures>) => Promise<readonly SpoilerScore[]>

/**
 * Proves a run against what follows from its recorded logs, stage by stage: intake from the public topics, the folds
 * from theirs, scores from the feature rows. Bit for bit: every field counts.
 */
export async function checkPipeline(recorded: Recorded, scoreRows: ScoreRows): Promise<Violation[]> {
  const { userActivity, movieActivity, reviewFeatures, spoilerScores } = recorded
  const taken = foldPartitions(intake, recorded.publicInputs)
  const histories = foldPartitions(userHistory, userActivity)
  const contexts = foldPartitions(movieContext(servicesOf(reviewFeatures)), movieActivity)
  const ofMovies = movieActivity.filter(({ value }) => value.movie !== null)
  const ofReviews = movieActivity.filter(({ value }) => value.movie === null)
  return [
    ...checkFold('intake', taken, 'userActivity', userActivity),
    ...checkFold('intake', taken, 'movieActivity', ofMovies),
    ...checkFold('user-history', histories, 'movieActivity', ofReviews),
    ...checkFold('movie-context', contexts, 'reviewFeatures', reviewFeatures),
    ...checkDeadLetters(
      {
        intake: [...recorded.poison, ...taken.rejects],
        'user-history': histories.rejects,
        'movie-context': contexts.rejects,
      },
      recorded.deadLetters,
    ),
    ...(await checkScores(reviewFeatures, spoilerScores, scoreRows)),
    ...checkNewest('user-history', newestOf(histories, 'userFeatures'), recorded.userFeatures),
    ...checkNewest('movie-context', newestOf(contexts, 'movieFeatures'), recorded.movieFeatures),
  ]
}

/** What a fold makes of its recorded input, by partition, and what it refuses. */
interface Refolded {
  readonly outputs: ReadonlyMap<string, readonly Forward[]>
  readonly rejects: readonly Poisoned[]
}

/** By partition of the input. */
function byPartition<V>(log: Log<V>): Map<string, StreamRecord<V>[]> {
  return Map.groupBy(log, ({ position }) => `${position.topic}/${position.partition}`)
}

function foldPartitions<In, Stores>(processor: Processor<In, Stores>, log: Log<In>): Refolded {
  const rejects: Poisoned[] = []
  const refold = (records: Log<In>): readonly Forward[] => {
    const fold = new Fold(processor)
    for (const record of records)
      rejects.push(...fold.next(record).rejects.map(({ code }) => ({ position: record.position, code })))
    return fold.result().output
  }
  return { outputs: new Map([...byPartition(log)].map(([id, records]) => [id, refold(records)])), rejects }
}

function checkFold(stage: string, { outputs }: Refolded, to: TopicId, log: Log<unknown>): Violation[] {
  const forwardsTo = (forwards: readonly Forward[]): Item[] =>
    forwards.flatMap((forward) => (forward.to === to ? [itemOf(to, forward.value)] : []))
  const expected = new Map([...outputs.values()].map((forwards, origin) => [origin, forwardsTo(forwards)]))
  return checkStage({ stage, expected, actual: log.map(({ value }) => itemOf(to, value)) })
}

/** Conservation: each refused record is one letter, and nothing else is. */
function checkDeadLetters(
  refused: Readonly<Record<string, readonly Poisoned[]>>,
  letters: Log<DeadLetter>,
): Violation[] {
  const item = (component: string, { topic, partition, offset }: LogPosition, code: string): Item => {
    const key = `${topic}/${partition}/${offset}`
    return { key, identity: `letter of ${component} about ${key}: ${code}` }
  }
  const expected = Object.entries(refused).map(
    ([component, records], origin) =>
      [origin, records.map(({ position, code }) => item(component, position, code))] as const,
  )
  const actual = letters.map(({ value: { component, source, code } }) => item(component, source, code))
  return checkStage({ stage: 'dead-letters', expected: new Map(expected), actual })
}

async function checkScores(
  rows: Log<ReviewFeatures>,
  scores: Log<SpoilerScore>,
  scoreRows: ScoreRows,
): Promise<Violation[]> {
  const expected = new Map<number, Item[]>()
  for (const partition of byPartition(rows).values())
    expected.set(
      expected.size,
      (await scoreRows(partition)).map((score) => itemOf('spoilerScores', score)),
    )
  return checkStage({ stage: 'scorer', expected, actual: scores.map(({ value }) => itemOf('spoilerScores', value)) })
}

function newestOf({ outputs }: Refolded, to: 'userFeatures' | 'movieFeatures'): Map<string, unknown> {
  const rows = [...outputs.values()].flat().filter((forward) => forward.to === to)
  return new Map(rows.map(({ value }) => [keyOf(to, value), value]))
}

/** Of a compacted topic only the newest row of a key has to be there. */
function checkNewest(stage: string, wanted: Map<string, unknown>, found: ReadonlyMap<string, unknown>): Violation[] {
  const items = (rows: ReadonlyMap<string, unknown>): Item[] =>
    [...rows].map(([key, row]) => ({ key, identity: `newest row of ${key} ${digest(row)}` }))
  return checkStage({ stage, expected: new Map([[0, items(wanted)]]), actual: items(found) })
}

function keyOf(to: TopicId, value: unknown): string {
  return (topics[to].key as (value: unknown) => string)(value)
}

function itemOf(to: TopicId, value: unknown): Item {
  const key = keyOf(to, value)
  return { key, identity: `${topics[to].name} ${key} ${digest(value)}` }
}

/** Equal for equal content, whatever the order of the fields. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortedFields)).digest('hex').slice(0, 16)
}

function sortedFields(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
