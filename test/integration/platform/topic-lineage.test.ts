import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../platform/config.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { findTopics, wantedTopics } from '../../../platform/topic-admin.ts'
import type { Review } from '../../../schemas/generated.ts'
import {
  encoderOf,
  ForeignClient,
  foreignEncoder,
  registeredSchema,
  withOptionalField,
} from '../../support/foreign-client.ts'
import { COMPONENTS, createTopics, type Pipeline, startPipeline, statusOf, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const PROCESSES = COMPONENTS.filter(({ name }) => name !== 'sinks')
const DRIFT_CHANGELOGS = ['drift-features-changelog', 'drift-scores-changelog']
const CHANGELOGS = ['user-history-changelog', 'movie-context-changelog', ...DRIFT_CHANGELOGS, 'drift-changelog']
/** What follows from movie-activity, and from the public inputs: docs/TOPICS.md lists it for people. */
const AFTER_MOVIES = [
  'movie-context-changelog',
  'review-features',
  'spoiler-scores',
  'model-activations',
  ...DRIFT_CHANGELOGS,
]
const AFTER_INPUTS = ['user-activity', 'user-history-changelog', 'movie-activity', 'late-records', ...AFTER_MOVIES]

const resources = new AsyncDisposableStack()
/** Ids of the reviews that must have one score each. */
const published: string[] = []
let lineage = 1
let pipeline: Pipeline
let client: ForeignClient
/** Each test ends with components that work, on which the next one begins. */
let running: Supervisor

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry']))
  client = resources.use(await ForeignClient.connect(pipeline.config.KAFKA_BROKERS))
  running = await flowing()
})
afterAll(() => resources.disposeAsync())

test('a log between two folds is deleted while they run: nothing makes it anew; half a mend is refused, a whole one scores all again', async () => {
  await client.admin.deleteTopics({ topics: ['user-activity'] })
  const message = await untilStopped(running)
  expect(message).toContain('SPL_TOPIC_MISSING')
  expect(message).toContain('- user-activity was deleted')
  expect(message).toContain('start with LINEAGE=2')
  expect(await existing()).not.toContain('user-activity')

  await createMissing()
  lineage += 1
  await using half = start()
  const refusal = await untilStopped(half, 'folds')
  expect(refusal).toContain('SPL_TOPIC_RECREATED')
  expect(refusal).toContain('user-history-changelog holds state that was folded from the user-activity that is gone')

  await mend(AFTER_INPUTS, 'intake')
  running = await flowing()
})

test('a changelog is deleted while its fold runs; mended, its rows are folded again from the log that is left', async () => {
  await client.admin.deleteTopics({ topics: ['movie-context-changelog'] })
  const message = await untilStopped(running, 'folds')
  expect(message).toContain('SPL_TOPIC_MISSING')
  expect(message).toContain('- movie-context-changelog was deleted')
  await running[Symbol.asyncDispose]()

  await mend(AFTER_MOVIES, 'movie-context')
  running = await flowing()
})

test('a topic is deleted and made anew with offsets as before while it is written and read: it is not taken for the old one', async () => {
  const [row] = await pipeline.records('reviewFeatures')
  await client.admin.deleteTopics({ topics: ['review-features'] })
  await createMissing()
  for (let n = 0; n < 3 * published.length; n += 1) {
    const reviewId = `strange-${n}`
    await pipeline.publisher.publish('reviewFeatures', {
      ...(row?.value as NonNullable<typeof row>['value']),
      reviewId,
    })
  }
  await pipeline.publisher.flush()
  const message = await untilStopped(running)
  // whichever is noticed first: that it is another topic, or that a task has worked on it further than its group says
  expect(message).toMatch(
    /SPL_TOPIC_RECREATED.*- review-features was deleted and made anew|SPL_OFFSET_MISMATCH.*review-features.*recreated/s,
  )

  await mend(AFTER_MOVIES, 'movie-context')
  running = await flowing()
})

test('a public input that was made anew while nobody ran stops the next start; under a new LINEAGE it is read from its beginning', async () => {
  await running[Symbol.asyncDispose]()
  await client.admin.deleteTopics({ topics: ['reviews'] })
  await createMissing()
  await using refused = start()
  expect(await untilStopped(refused)).toContain('- reviews was deleted and made anew')
  for (const { name } of PROCESSES) expect(statusOf(refused, name).restarts).toBe(0)

  lineage += 1
  running = await flowing()
})

test('a log is given more partitions while it is read: the folds stop, also under a new LINEAGE, until it is made anew', async () => {
  await client.admin.createPartitions({ topicPartitions: [{ topic: 'user-activity', count: 6 }] })
  const message = await untilStopped(running)
  expect(message).toContain('SPL_TOPIC_REPARTITIONED')
  expect(message).toMatch(/user-activity has .* partition.* now, it had 4/)
  lineage += 1
  await using again = start()
  expect(await untilStopped(again)).toContain('user-activity has 6 partitions now, it had 4')

  // reviews of the topic that was deleted above are not there to be folded again
  await mend(AFTER_INPUTS, 'intake')
  const left = (await pipeline.records('reviews')).map(({ value }) => value.reviewId)
  published.splice(0, published.length, ...left)
  running = await flowing()
})

test('a log between components names a schema id that the registry does not know: its reader stops, until the registry knows it', async () => {
  const { SCHEMA_REGISTRY_URL: registry } = pipeline.config
  const { schema } = await registeredSchema(registry, 'user-activity')
  const register = (field: string) => foreignEncoder(registry, 'user-activity-value', withOptionalField(schema, field))
  const review = nextReview()
  const known = (await register('one'))(activity(review)).readInt32BE(1)
  const value = encoderOf(known + 1, withOptionalField(schema, 'two'))(activity(review))
  const { partition, offset } = await client.publish({ topic: 'user-activity', key: review.userId, value })
  const message = await untilStopped(running, 'folds')
  expect(message).toContain('SPL_SCHEMA_ID_UNKNOWN')
  expect(message).toContain(`reading user-activity/${partition} at offset ${offset}`)
  expect(message).toContain('SCHEMA_REGISTRY_URL')
  expect(statusOf(running, 'folds').restarts).toBe(0)
  await running[Symbol.asyncDispose]()

  expect((await register('two'))(activity(review)).readInt32BE(1)).toBe(known + 1)
  running = await flowing()
  expect(await pipeline.records('deadLetters')).toEqual([])
})

function start(): Supervisor {
  return pipeline.supervise(PROCESSES, { LINEAGE: String(lineage) })
}

/** Starts the components, publishes, and waits until every review has one score. */
async function flowing(): Promise<Supervisor> {
  const supervisor = start()
  for (let i = 0; i < 50; i += 1) await pipeline.publisher.publish('reviews', nextReview())
  await pipeline.publisher.flush()
  const scored = async () => (await pipeline.records('spoilerScores')).map(({ value }) => value.reviewId)
  await until('every review is scored', async () => (await scored()).length >= published.length)
  expect((await scored()).toSorted()).toEqual(published.toSorted())
  return supervisor
}

/** Waits until a person is needed. Nothing was started over and over again meanwhile. @returns why. */
async function untilStopped(supervisor: Supervisor, name?: string): Promise<string> {
  const names = name === undefined ? PROCESSES.map((spec) => spec.name) : [name]
  await until(`${names.join(', ')} stop`, () => names.every((each) => statusOf(supervisor, each).state === 'stopped'))
  for (const each of names) expect(statusOf(supervisor, each).restarts).toBeLessThanOrEqual(1)
  return statusOf(supervisor, names[0] ?? '').lastFailure ?? ''
}

const everyTopic = () => wantedTopics(loadConfig(pipeline.env), CHANGELOGS)

async function existing(): Promise<string[]> {
  return [...(await findTopics(pipeline.config, everyTopic())).keys()]
}

/** As `shield topics --create`; a topic that is being deleted is there for a moment longer. */
async function createMissing(): Promise<void> {
  await until('all topics exist', async () => {
    await createTopics(pipeline.config, everyTopic())
    return (await existing()).length === everyTopic().length
  })
}

/** What docs/TOPICS.md tells a person to do, components stopped. */
async function mend(topics: readonly string[], group: string): Promise<void> {
  const there = new Set(await existing())
  await client.admin.deleteTopics({ topics: topics.filter((topic) => there.has(topic)) })
  await until('nobody is in the group', () =>
    client.admin.deleteGroups([group]).then(
      () => true,
      () => false,
    ),
  )
  await createMissing()
  lineage += 1
}

function nextReview(): Review {
  const reviewId = `r${lineage}-${published.length}`
  published.push(reviewId)
  return { ...EXAMPLE.review, userId: `u${published.length % 10}`, movieId: `m${published.length % 7}`, reviewId }
}

function activity(review: Review): object {
  const source = { topic: 'reviews', partition: 0, offset: 0 }
  return { userId: review.userId, review, label: null, source, sourceAppendedAtMs: review.writtenAtMs }
}
