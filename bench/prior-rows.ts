/**
 * Writes the feature rows that the model version `prior` is fitted and judged on, by the folds themselves, in memory:
 * `world.jsonl` from a generated world, `imdb.jsonl` from the two files of the IMDB Spoiler Dataset if they are given.
 * A line is {row, labels}: the row of the review's last revision, its labels in the order they were given. One row in
 * two thousand keeps its text: golden rows are made of these.
 *
 *   node bench/prior-rows.ts OUT_FOLDER [REVIEWS_FILE MOVIES_FILE]
 */
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ProducedEvent } from '../producers/event-source.ts'
import { openImdbSource } from '../producers/imdb-source.ts'
import { openRejectLog } from '../producers/reject-log.ts'
import { World } from '../producers/world/world.ts'
import type { MovieActivity, ReviewFeatures, UserActivity } from '../schemas/generated.ts'
import type { Forward, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import type { TopicId } from '../schemas/topics.ts'
import { intake } from '../stream-processors/intake.ts'
import { spoilerV1 } from '../schemas/spoiler-v1.ts'
import { movieContext } from '../stream-processors/movie-context.ts'
import { userHistory } from '../stream-processors/user-history.ts'
import { Fold } from '../test/support/topology-test-driver.ts'

const DAY_MS = 86_400_000
const REVIEWS = 40_000
/** Two years of events, as a world has them, at 40,000 reviews. */
const WORLD = { seed: 7, rate: 10, speed: 15_768, startMs: Date.UTC(2026, 0, 1), reviews: REVIEWS }
/** So that the golden rows stay small: one row in so many keeps its text. */
const TEXT_EVERY = 2_000

interface Label {
  readonly isSpoiler: boolean
  readonly labelledAtMs: number
}
interface LabelledRow {
  readonly row: ReviewFeatures
  readonly labels: readonly Label[]
}

/** Folds events in their order, as one partition of each log, appended at the time of the event. */
async function foldEvents(events: AsyncIterable<ProducedEvent> | Iterable<ProducedEvent>): Promise<LabelledRow[]> {
  const folds = {
    intake: new Fold(intake),
    users: new Fold(userHistory),
    movies: new Fold(movieContext(() => spoilerV1)),
  }
  const offsets = new Map<TopicId, number>()
  const rows = new Map<string, LabelledRow & { labels: Label[] }>()
  const recordOf = <V>(topic: TopicId, value: V, appendedAtMs: number): StreamRecord<V> => {
    const offset = offsets.get(topic) ?? 0
    offsets.set(topic, offset + 1)
    return { key: null, value, position: { topic: topics[topic].name, partition: 0, offset }, appendedAtMs }
  }
  const next = ({ to, value }: Forward, at: number): readonly Forward[] => {
    if (to === 'userActivity') return folds.users.next(recordOf<UserActivity>(to, value, at)).forwards
    if (to === 'movieActivity') return folds.movies.next(recordOf<MovieActivity>(to, value, at)).forwards
    if (to === 'reviewFeatures') rows.set(value.reviewId, { row: value, labels: [] })
    return []
  }
  for await (const { topic, value, eventTimeMs } of events) {
    if (topic === 'reviewLabels') rows.get(value.reviewId)?.labels.push(value)
    const step = folds.intake.next(recordOf<unknown>(topic, value, eventTimeMs))
    if (step.rejects.length > 0) throw new Error(`intake refused a ${topic}: ${JSON.stringify(step.rejects)}`)
    let waiting: readonly Forward[] = step.forwards
    while (waiting.length > 0) waiting = waiting.flatMap((forward) => next(forward, eventTimeMs))
  }
  return [...rows.values()]
}

async function writeRows(file: string, rows: readonly LabelledRow[]): Promise<void> {
  const lines = rows.map(({ row, labels }, i) => {
    const slim = i % TEXT_EVERY === 0 ? row : { ...row, text: '' }
    const given = labels.map(({ isSpoiler, labelledAtMs }) => ({ isSpoiler, labelledAtMs }))
    return `${JSON.stringify({ row: slim, labels: given })}\n`
  })
  await pipeline(lines, createWriteStream(file))
  process.stdout.write(`${rows.length} rows in ${file}\n`)
}

const [folder, reviewsFile, moviesFile] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node bench/prior-rows.ts OUT_FOLDER [REVIEWS_FILE MOVIES_FILE]')
mkdirSync(folder, { recursive: true })
await writeRows(join(folder, 'world.jsonl'), await foldEvents(new World(WORLD).events()))
if (reviewsFile !== undefined && moviesFile !== undefined) {
  using rejects = openRejectLog(join(folder, 'rejects.jsonl'))
  const labelDelay = { meanMs: 3 * DAY_MS, spreadMs: DAY_MS }
  using source = await openImdbSource({ reviewsFile, moviesFile, workFolder: folder, labelDelay, rejects })
  await writeRows(join(folder, 'imdb.jsonl'), await foldEvents(source.events))
}
