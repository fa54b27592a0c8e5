import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Supervisor } from '../../../platform/supervisor.ts'
import type { ErrorCode } from '../../../schemas/errors.ts'
import type { DeadLetter, LogPosition } from '../../../schemas/generated.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { encoderOf, ForeignClient, type ForeignRecord, registeredSchema } from '../../support/foreign-client.ts'
import { featureRow } from '../../support/model-versions.ts'
import { COMPONENTS, metricOf, type Pipeline, startPipeline, statusOf, until } from '../../support/pipeline.ts'
import { publicPoison } from '../../support/public-poison.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const KEY = Buffer.from([0, 159, 146, 150])
const HEADERS = { 'trace-id': Buffer.from([0, 255, 128]), empty: Buffer.alloc(0) }
const COUNTERS = { buckets: [], reviews: [], labelled: [], spoilers: [], units: [], ratings: [], ratingSum: [] }

interface Expected extends Pick<DeadLetter, 'component'> {
  readonly code: ErrorCode
  readonly cause: string
}

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let supervisor: Supervisor
let client: ForeignClient

beforeAll(async () => {
  pipeline = resources.use(await startPipeline())
  client = resources.use(await ForeignClient.connect(pipeline.config.KAFKA_BROKERS))
  supervisor = pipeline.supervise(COMPONENTS)
})
afterAll(() => resources.disposeAsync())

test('each kind of poison on the public inputs is in dead-letters once, as it was, and good records flow on', async () => {
  const sent: Sent[] = []
  const good: string[] = []
  for (const [name, [topic, value, code, cause]] of Object.entries(await publicPoison(pipeline.config))) {
    sent.push(await send({ topic, value }, { code, cause, component: 'intake' }))
    good.push(`beside ${name}`)
    await client.publish({ topic: 'reviews', value: JSON.stringify({ ...EXAMPLE.review, reviewId: good.at(-1) }) })
  }
  await expectLetters(sent)
  await until('the good reviews are scored', async () => (await scoredIds()).length >= good.length)
  expect((await scoredIds()).toSorted()).toEqual(good.toSorted())
})

test('letters that nothing was done about are counted, with their age', async () => {
  const wanted = (await pipeline.records('deadLetters')).filter(
    ({ value }) => value.code === 'SPL_RATING_INVALID',
  ).length
  expect(wanted).toBeGreaterThan(0)
  const counted = { component: 'intake', code: 'SPL_RATING_INVALID' }
  await until('all are counted', async () => {
    return (await metricOf(supervisor, 'sinks', 'spoiler_dead_letters_open', counted)) === wanted
  })
  expect(await metricOf(supervisor, 'sinks', 'spoiler_dead_letters_oldest_seconds')).toBeGreaterThan(0)
})

test('a record that was compressed to fit becomes a letter without its value, which says where it stands', async () => {
  const value = JSON.stringify({ ...EXAMPLE.review, text: 'a'.repeat(12_000_000) })
  const wanted = { code: 'SPL_RECORD_TOO_LARGE', cause: 'left out', component: 'intake' } as const
  const letter = await letterOf(await send({ topic: 'reviews', value, gzip: true }, wanted))
  expect(letter).toMatchObject({ code: wanted.code, key: KEY, headers: HEADERS, value: null })
  expect(letter.cause).toContain(wanted.cause)
})

test('a label that names another movie than its review did is refused by the fold that knows the review', async () => {
  const ids = { userId: 'u-mismatch', reviewId: 'r-mismatch' }
  await client.publish({ topic: 'reviews', key: ids.userId, value: JSON.stringify({ ...EXAMPLE.review, ...ids }) })
  await until('the review is scored', async () => (await scoredIds()).includes(ids.reviewId))
  const label = { ...EXAMPLE.label, ...ids, movieId: 'another' }
  await client.publish({ topic: 'review-labels', key: ids.userId, value: JSON.stringify(label) })
  const activity = async () =>
    (await pipeline.records('userActivity')).find(({ value }) => value.label?.reviewId === ids.reviewId)
  await until('intake has taken the label', async () => (await activity()) !== undefined)
  const letter = await letterOf({ component: 'user-history', position: (await activity())?.position as LogPosition })
  expect(letter).toMatchObject({ code: 'SPL_MOVIE_MISMATCH', component: 'user-history' })
})

test('poison on internal topics goes to dead-letters from whoever reads it', async () => {
  const rows = await avro('review-features')
  const users = await avro('user-features')
  const row = featureRow({}, { reviewId: 'poison' })
  const user = { userId: 'u', updatedAtMs: 1, values: spoilerV1.views.user_features.map(() => 0), counters: COUNTERS }
  const service = { ...row, featureService: 'other_v9' }
  const shorter = { ...row, values: row.values.slice(1) }
  const infinite = { ...row, values: row.values.with(3, Infinity) }
  const cases: [topic: string, value: Buffer | string | null, ...Expectation][] = [
    ['user-activity', '{}', 'SPL_RECORD_FORMAT_UNKNOWN', '0x7b', 'user-history'],
    ['movie-activity', null, 'SPL_RECORD_EMPTY', 'empty', 'movie-context'],
    ['review-features', 'x', 'SPL_RECORD_FORMAT_UNKNOWN', '0x78', 'scorer'],
    ['review-features', rows(service), 'SPL_FEATURE_SERVICE_UNKNOWN', 'other_v9', 'scorer'],
    ['review-features', rows(shorter), 'SPL_FEATURE_ROW_INVALID', 'values', 'scorer'],
    ['review-features', rows(infinite), 'SPL_FEATURE_ROW_INVALID', 'value 3', 'scorer'],
    ['user-features', users(user).subarray(0, -3), 'SPL_AVRO_INVALID', 'truncated', 'redis-online-store'],
    ['user-features', users({ ...user, values: [1] }), 'SPL_FEATURE_ROW_INVALID', 'declared', 'redis-online-store'],
    [
      'user-features',
      users({ ...user, updatedAtMs: 1e15 }),
      'SPL_FEATURE_ROW_INVALID',
      '1000000',
      'redis-online-store',
    ],
  ]
  const sent: Sent[] = []
  for (const [topic, value, code, cause, component] of cases)
    sent.push(await send({ topic, value }, { code, cause, component }))
  await expectLetters(sent)
  expect(await scoredIds()).not.toContain('poison')
})

test('no component was started anew by any of it', () => {
  for (const { name } of COMPONENTS) expect(statusOf(supervisor, name)).toMatchObject({ state: 'running', restarts: 0 })
})

type Expectation = [code: ErrorCode, cause: string, component: string]

interface Source extends Pick<Expected, 'component'> {
  readonly position: LogPosition
}

interface Sent extends Expected, Source {
  readonly value: Buffer | null
}

async function send(record: ForeignRecord, expected: Expected): Promise<Sent> {
  const position = await client.publish({ ...record, key: KEY, headers: HEADERS })
  return { ...expected, position, value: record.value === null ? null : Buffer.from(record.value) }
}

async function expectLetters(sent: readonly Sent[]): Promise<void> {
  const letters = await lettersOf(sent)
  for (const [index, { position, value, code, cause, component }] of sent.entries()) {
    const original = { key: KEY, value, headers: HEADERS }
    expect(letters[index]).toEqual({
      ...original,
      code,
      component,
      source: position,
      attempts: 1,
      cause: expect.stringContaining(cause) as string,
      appendedAtMs: expect.closeTo(Date.now(), -6) as number,
    })
  }
}

async function letterOf(source: Source): Promise<DeadLetter> {
  const [letter] = await lettersOf([source])
  return letter as DeadLetter
}

/** The one dead letter of each record from the component that is expected to refuse it; others may read it too. */
async function lettersOf(sources: readonly Source[]): Promise<DeadLetter[]> {
  const keys = sources.map(({ component, position: { topic, partition, offset } }) => {
    return `${topic}/${partition}/${offset} ${component}`
  })
  const found = async () => {
    return Map.groupBy(await pipeline.records('deadLetters'), ({ key, value }) => `${key} ${value.component}`)
  }
  await until(`dead-letters holds ${keys.join(', ')}`, async () => {
    const letters = await found()
    return keys.every((key) => letters.has(key))
  })
  const letters = await found()
  return keys.map((key) => {
    const [letter, ...more] = letters.get(key) ?? []
    expect(more).toEqual([])
    return letter?.value as DeadLetter
  })
}

async function avro(topic: string): Promise<(value: unknown) => Buffer> {
  const { id, schema } = await registeredSchema(pipeline.config.SCHEMA_REGISTRY_URL, topic)
  return encoderOf(id, schema)
}

async function scoredIds(): Promise<string[]> {
  return (await pipeline.records('spoilerScores')).map(({ value }) => value.reviewId)
}
