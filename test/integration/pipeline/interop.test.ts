import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Supervisor } from '../../../platform/supervisor.ts'
import type { JobSummary } from '../../../producers/job.ts'
import type { BucketCounters, Movie, Review, ReviewLabel, SpoilerScore } from '../../../schemas/generated.ts'
import { encoderOf, ForeignClient, foreignDecoder, registeredSchema } from '../../support/foreign-client.ts'
import { COMPONENTS, metricOf, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE, WEEK_MS } from '../../support/review-world.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** Beside the repository, never in it: see the README there. */
const DATA = join(ROOT, '../shared/data')
const REVIEWS_FILE = join(DATA, 'imdb_spoiler_one_movie.jsonl.xz')
const MOVIES_FILE = join(DATA, 'imdb_movie_details_one_movie.jsonl')
const REAL = { movieId: 'tt0111161', reviews: 432, spoilers: 86 }

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

test('an independent client publishes Avro and JSON and reads committed scores: equal reviews get equal features', async () => {
  const avroEncoders = {
    movies: await foreignAvro('movies'),
    reviews: await foreignAvro('reviews'),
    'review-labels': await foreignAvro('review-labels'),
  }
  const publish = async (topic: keyof typeof avroEncoders, valueOf: (name: string) => object): Promise<void> => {
    await client.publish({ topic, key: 'avro', value: avroEncoders[topic](valueOf('avro')) })
    // a compacted topic takes no record without a key
    const key = topic === 'movies' ? 'json' : null
    await client.publish({ topic, key, value: JSON.stringify(valueOf('json')) })
  }
  await publish('movies', (name): Movie => ({ ...EXAMPLE.movie, movieId: `m-${name}` }))
  await until('both movies are known', async () => (await pipeline.records('moviePlots')).length === 2)
  await publish('reviews', (name) => reviewOf(name, 1))
  await until('both reviews are scored', async () => (await pipeline.records('spoilerScores')).length === 2)
  await publish('review-labels', (name): ReviewLabel => ({ ...EXAMPLE.label, ...idsOf(name, 1) }))
  await until('both labels are counted', async () => (await labelledMovies()) === 2)
  await publish('reviews', (name) => reviewOf(name, 2))

  const scores = await foreignScores(4)
  expect([...scores.keys()].toSorted()).toEqual(['avro-1', 'avro-2', 'json-1', 'json-2'])
  const rows = new Map((await pipeline.records('reviewFeatures')).map(({ value }) => [value.reviewId, value]))
  for (const ordinal of [1, 2]) {
    const [a, b] = [`avro-${ordinal}`, `json-${ordinal}`]
    expect(rows.get(a)?.values).toEqual(rows.get(b)?.values)
    expect(rows.get(a)?.sentences).toEqual(rows.get(b)?.sentences)
    for (const field of ['probability', 'spans', 'reasons', 'modelVersion'] as const)
      expect(scores.get(a)?.[field]).toEqual(scores.get(b)?.[field])
  }
  expect(rows.get('avro-2')?.values).not.toEqual(rows.get('avro-1')?.values)
  expect(await pipeline.records('deadLetters')).toEqual([])
})

test.skipIf(!existsSync(REVIEWS_FILE) || !existsSync(MOVIES_FILE))(
  'the 432 real reviews with their labels, sent twice, are scored once and every label is counted once',
  async () => {
    const before = (await pipeline.records('spoilerScores')).length
    const first = await produceImdb()
    expect(first).toMatchObject({
      outcome: 'finished',
      published: { movies: 1, reviews: REAL.reviews, reviewLabels: REAL.reviews },
      rejected: {},
    })
    const second = await produceImdb('--again')
    expect(second.published).toEqual(first.published)
    expect((await produceImdb()).outcome).toBe('already-finished')

    await until('every review has a score', async () => {
      return (await pipeline.records('spoilerScores')).length >= before + REAL.reviews
    })
    await untilFolded()
    const scores = (await pipeline.records('spoilerScores')).filter(({ value }) => value.movieId === REAL.movieId)
    expect(new Set(scores.map(({ key }) => key)).size).toBe(REAL.reviews)
    expect(scores).toHaveLength(REAL.reviews)
    expect(await pipeline.records('deadLetters')).toEqual([])
    await expectCounters()
  },
)

/** Features are folded from these alone: users and movies differ, so that one encoding is no history of the other. */
const idsOf = (name: string, ordinal: number) => ({
  userId: `u-${name}`,
  movieId: `m-${name}`,
  reviewId: `${name}-${ordinal}`,
})

function reviewOf(name: string, ordinal: number): Review {
  const text = `Review ${ordinal}. Spoilers: Andy escapes in the end. “Naïve”, said Red – 電影 😀.`
  // the second one is written after the label, so that the label counts for it
  return {
    ...EXAMPLE.review,
    ...idsOf(name, ordinal),
    text,
    writtenAtMs: EXAMPLE.label.labelledAtMs + ordinal * WEEK_MS,
  }
}

async function foreignAvro(topic: string): Promise<(value: object) => Buffer> {
  const { id, schema } = await registeredSchema(pipeline.config.SCHEMA_REGISTRY_URL, topic)
  return encoderOf(id, schema)
}

async function labelledMovies(): Promise<number> {
  const movies = (await pipeline.records('movieFeatures')).filter(({ value }) => sum(value.counters.labelled) > 0)
  return new Set(movies.map(({ key }) => key)).size
}

async function foreignScores(count: number): Promise<Map<string, SpoilerScore>> {
  const decode = foreignDecoder(pipeline.config.SCHEMA_REGISTRY_URL)
  const messages = await client.consume('spoiler-scores', count)
  const scores = new Map<string, SpoilerScore>()
  for (const { key, value } of messages) {
    const score = (await decode(value as Buffer)) as SpoilerScore
    expect(key?.toString()).toBe(score.reviewId)
    expect(scores.has(score.reviewId)).toBe(false)
    scores.set(score.reviewId, score)
  }
  return scores
}

/** `shield produce imdb` as a person runs it. */
async function produceImdb(...more: string[]): Promise<JobSummary> {
  const job = ['produce', 'imdb', '--reviews', REVIEWS_FILE, '--movies', MOVIES_FILE, '--json', ...more]
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'cli/main.ts'), ...job], {
    env: { ...pipeline.env },
  })
  return JSON.parse(stdout) as JobSummary
}

/** Waits until the folds have read all that was written for them. */
async function untilFolded(): Promise<void> {
  const read = (component: string) => metricOf(supervisor, 'folds', 'spoiler_records_in_total', { component })
  const published = async () => {
    const inputs = ['reviews', 'reviewLabels', 'movies'] as const
    const counts = await Promise.all(inputs.map(async (topic) => (await pipeline.records(topic)).length))
    return sum(counts)
  }
  await until('intake has read everything', async () => (await read('intake')) === (await published()))
  await until('user-history has read everything', async () => {
    return (await read('user-history')) === (await pipeline.records('userActivity')).length
  })
  await until('movie-context has read everything', async () => {
    return (await read('movie-context')) === (await pipeline.records('movieActivity')).length
  })
}

async function expectCounters(): Promise<void> {
  const movies = new Map((await pipeline.records('movieFeatures')).map(({ value }) => [value.movieId, value.counters]))
  expect(totals([movies.get(REAL.movieId)])).toEqual(WANTED)
  const ids = new Set(
    (await pipeline.records('reviews')).flatMap(({ value }) => (value.movieId === REAL.movieId ? [value.userId] : [])),
  )
  const users = new Map((await pipeline.records('userFeatures')).map(({ value }) => [value.userId, value.counters]))
  expect(totals([...ids].map((id) => users.get(id)))).toEqual(WANTED)
}

const WANTED = { reviews: REAL.reviews, labelled: REAL.reviews, spoilers: REAL.spoilers }

function totals(counters: readonly (BucketCounters | undefined)[]): typeof WANTED {
  const of = (column: 'reviews' | 'labelled' | 'spoilers'): number =>
    sum(counters.flatMap((counter) => counter?.[column] ?? []))
  return { reviews: of('reviews'), labelled: of('labelled'), spoilers: of('spoilers') }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
