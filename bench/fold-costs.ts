/**
 * CPU time of each fold for each of its records, without Kafka and Avro, on a generated world whose reviews are all of
 * one movie: the hottest key there can be. Flat rows show that cost does not grow with the history.
 *
 *   node bench/fold-costs.ts [REVIEWS]
 */
import type { FoldState } from '../platform/memory-fold.ts'
import type { ProducedEvent } from '../producers/event-source.ts'
import { World } from '../producers/world/world.ts'
import type { Forward, Processor, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import type { TopicId, ValueOf } from '../schemas/topics.ts'
import { driftFeatures } from '../stream-processors/drift/drift-features.ts'
import { intake } from '../stream-processors/intake.ts'
import { spoilerV1 } from '../schemas/spoiler-v1.ts'
import { movieContext } from '../stream-processors/movie-context.ts'
import { userHistory } from '../stream-processors/user-history.ts'
import { drive } from '../test/support/topology-test-driver.ts'
import type { Driven } from '../test/support/topology-test-driver.ts'

const CHUNK_REVIEWS = 10_000
const reviews = Number(process.argv[2] ?? 100_000)
const HOT_MOVIE = 'hot'
/** Two years of events, however many reviews. */
const world = new World({
  seed: 7,
  rate: 10,
  speed: (15_768 * 40_000) / reviews,
  startMs: Date.UTC(2026, 0, 1),
  reviews,
})

/** Folds chunk after chunk and remembers its state and what it cost. */
class Measured<In, Stores> {
  readonly #processor: Processor<In, Stores>
  #state: FoldState = { stores: {}, streamTimeMs: -1 }
  #offset = 0
  microseconds = 0

  constructor(processor: Processor<In, Stores>) {
    this.#processor = processor
  }

  fold(values: readonly (readonly [TopicId, In])[], appendedAtMs: number): Driven {
    const records = values.map(([topic, value]): StreamRecord<In> => {
      const position = { topic: topics[topic].name, partition: 0, offset: this.#offset++ }
      return { key: null, value, position, appendedAtMs }
    })
    const before = process.cpuUsage()
    const driven = drive(this.#processor, records, this.#state)
    const { user, system } = process.cpuUsage(before)
    this.microseconds = (user + system) / records.length
    this.#state = driven.state
    return driven
  }
}

const folds = {
  intake: new Measured(intake),
  users: new Measured(userHistory),
  movies: new Measured(movieContext(() => spoilerV1)),
  drift: new Measured(driftFeatures),
}

function foldChunk(events: readonly ProducedEvent[]): void {
  const appendedAtMs = Math.max(...events.map(({ eventTimeMs }) => eventTimeMs))
  const inputs = events.map(({ topic, value }) => [topic, { ...value, movieId: HOT_MOVIE }] as const)
  const taken = folds.intake.fold(inputs, appendedAtMs).output
  const known = folds.users.fold(taken.flatMap(to('userActivity')), appendedAtMs).output
  const rows = folds.movies.fold([...taken, ...known].flatMap(to('movieActivity')), appendedAtMs).output
  folds.drift.fold(rows.flatMap(to('reviewFeatures')), appendedAtMs)
}

function to<T extends TopicId>(topic: T): (forward: Forward) => (readonly [T, ValueOf<T>])[] {
  return (forward) => (forward.to === topic ? [[topic, forward.value as ValueOf<T>]] : [])
}

/** The world in chunks of so many reviews; a movie comes up once, before its first review. */
function* chunksOf(events: Iterable<ProducedEvent>): Generator<readonly ProducedEvent[]> {
  let chunk: ProducedEvent[] = []
  let count = 0
  for (const event of events) {
    chunk.push(event)
    if (event.topic !== 'reviews') continue
    count += 1
    if (count % CHUNK_REVIEWS !== 0) continue
    yield chunk
    chunk = []
  }
}

process.stdout.write(
  'reviews  of units  intake  user-history  movie-context  drift-features  (µs of CPU for a review or label)\n',
)
for (const [i, chunk] of [...chunksOf(world.events())].entries()) {
  foldChunk(chunk)
  const lengths = chunk.flatMap((event) => (event.topic === 'reviews' ? [event.value.text.length] : []))
  const meanUnits = Math.round(lengths.reduce((sum, length) => sum + length, 0) / lengths.length)
  const costs = [folds.intake, folds.users, folds.movies, folds.drift].map(({ microseconds }) =>
    microseconds.toFixed(1),
  )
  const cells = [String((i + 1) * CHUNK_REVIEWS), String(meanUnits), ...costs]
  process.stdout.write(`${cells.map((cell, column) => cell.padStart([7, 10, 8, 14, 15, 16][column] ?? 0)).join('')}\n`)
}
