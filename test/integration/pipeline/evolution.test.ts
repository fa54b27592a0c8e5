import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type avro from 'avsc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModelVersion, PRIOR_FOLDER } from '../../../inference/model-version.ts'
import type { ComponentSpec, Supervisor } from '../../../platform/supervisor.ts'
import { readRecords } from '../../../platform/topic-reader.ts'
import { World } from '../../../producers/world/world.ts'
import type { Review } from '../../../schemas/generated.ts'
import { scoreRows } from '../../../inference/score-row.ts'
import { ForeignClient, foreignDecoder, foreignEncoder } from '../../support/foreign-client.ts'
import { NextVersion } from '../../support/next-version.ts'
import { checkPipeline } from '../../support/oracle/pipeline-oracle.ts'
import { recordPipeline } from '../../support/oracle/record-pipeline.ts'
import {
  COMPONENTS,
  metricOf,
  type Pipeline,
  publishEvent,
  startPipeline,
  statusOf,
  unready,
  until,
} from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const FIELD = 'language'
const LANGUAGE = 'en'
const PROCESSES = COMPONENTS.filter(({ name }) => name !== 'sinks')
const TASKS = [
  ['folds', 'intake'],
  ['folds', 'user-history'],
  ['folds', 'movie-context'],
  ['scorer', 'scorer'],
] as const
const START_MS = Date.UTC(2026, 0, 1)
const EVERY_MS = 8

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let client: ForeignClient
let next: NextVersion

beforeAll(async () => {
  next = resources.use(new NextVersion())
  await next.setField('schemas/review.avsc', { name: FIELD, type: ['null', 'string'], default: null })
  next.edit('stream-processors/intake.ts', (code) => {
    return code.replace("revision: fields.revision('revision'),\n  }\n  if (review", (found) => {
      return found.replace('\n', `\n    ${FIELD}: fields.nullableText('${FIELD}', 100),\n`)
    })
  })
  pipeline = resources.use(await startPipeline(['kafka', 'registry']))
  client = resources.use(await ForeignClient.connect(pipeline.config.KAFKA_BROKERS))
})
afterAll(() => resources.disposeAsync())

test('the check takes a field that has a default, once it is recorded', async () => {
  const unrecorded = await next.run(['scripts/check-schemas.ts'])
  expect(unrecorded).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('Review differs from version 1, compatibly') as string,
  })
  expect(await next.run(['scripts/check-schemas.ts', '--record'])).toMatchObject({ exitCode: 0 })
  expect(await next.run(['scripts/check-schemas.ts'])).toMatchObject({ exitCode: 0 })
})

test('a rolling upgrade and back under load, publishers of three schemas: each review scored once and in order; the field is kept', async () => {
  const zero = running('0', PROCESSES)
  const one = running('1', PROCESSES)
  await untilBoth(zero, one, 0)
  await using load = new Load(await publishers())
  await untilBoth(zero, one)

  const newer = next.components(PROCESSES)
  await one[Symbol.asyncDispose]()
  const newOne = running('1', newer, 'next-1')
  await untilBoth(zero, newOne) // old and new side by side
  await zero[Symbol.asyncDispose]()
  const first = load.published.length
  const newZero = running('0', newer, 'next-0')
  await untilBoth(newZero, newOne)
  const byNewOnly = load.published.slice(first)
  await untilScored(byNewOnly)
  await newOne[Symbol.asyncDispose]()
  const oldOne = running('1', PROCESSES, 'cold') // back, on a machine that has no schema ids yet
  await untilBoth(newZero, oldOne)
  const published = await load.stop()

  await untilScored(published)
  const scored = (await pipeline.records('spoilerScores')).map(({ value }) => value.reviewId)
  expect(scored.toSorted()).toEqual(published.map(({ reviewId }) => reviewId).toSorted())
  for (const supervisor of [newZero, oldOne]) expectNoRestart(supervisor)
  expect(await pipeline.records('deadLetters')).toEqual([])
  await expectAsFolded()
  await expectFieldKept(published, byNewOnly)
})

test('old records, and new ones, are replayed by the new code: every row and score bit for bit, the field aside', async () => {
  const { exitCode, output } = await next.run(['test/support/refold.ts', JSON.stringify(envOf('replay')), FIELD])
  expect(exitCode, output).toBe(0)
  const rows = (await pipeline.records('reviewFeatures')).length
  expect(JSON.parse(output)).toEqual({ reviews: rows, violations: [] })
})

test('an incompatible change is refused by the check, and by the registry: its components stop, the others go on', async () => {
  using broken = new NextVersion()
  await broken.setField('schemas/review.avsc', { name: 'rating', type: 'string' })
  const check = await broken.run(['scripts/check-schemas.ts'])
  expect(check.exitCode).toBe(1)
  expect(check.output).toMatch(/^Review BACKWARD_TRANSITIVE: cannot read what version 1 wrote/m)

  const refused = pipeline.supervise(broken.components(PROCESSES), envOf('broken'))
  for (const { name } of PROCESSES) {
    await until(`${name} stops`, () => statusOf(refused, name).state === 'stopped')
    expect(statusOf(refused, name)).toMatchObject({ restarts: 0 })
    expect(statusOf(refused, name).lastFailure).toContain('SPL_SCHEMA_REFUSED')
  }
  const before = (await pipeline.records('spoilerScores')).length
  await pipeline.publisher.publish('reviews', { ...EXAMPLE.review, reviewId: 'after-the-refusal' })
  await pipeline.publisher.flush()
  await until('the others go on', async () => (await pipeline.records('spoilerScores')).length === before + 1)
})

/** Folds and scorer of one machine, in a slot of the group. */
function running(INSTANCE: string, specs: readonly ComponentSpec[], machine?: string): Supervisor {
  return pipeline.supervise(specs, { INSTANCE, ...(machine === undefined ? {} : envOf(machine)) })
}

/** The addresses, with a folder for state of its own. */
function envOf(machine: string): Record<string, string> {
  return { ...pipeline.env, STATE_DIR: join(pipeline.config.STATE_DIR, machine) }
}

/** Both instances share each group's partitions, and have read records since. */
async function untilBoth(a: Supervisor, b: Supervisor, more = 1): Promise<void> {
  for (const [name, component] of TASKS) {
    const read = (each: Supervisor, metric: string) => metricOf(each, name, metric, { component })
    await until(`both instances of ${component} have partitions`, async () => {
      const [ofA, ofB] = [await read(a, 'spoiler_assigned_partitions'), await read(b, 'spoiler_assigned_partitions')]
      const all = pipeline.config.TOPIC_PARTITIONS * (component === 'intake' ? 3 : 1)
      return ofA > 0 && ofB > 0 && ofA + ofB === all
    })
    for (const each of [a, b]) {
      const before = await read(each, 'spoiler_records_in_total')
      await until(`${component} reads`, async () => (await read(each, 'spoiler_records_in_total')) >= before + more)
    }
  }
  for (const each of [a, b])
    for (const { name } of PROCESSES)
      await until(
        `${name} is ready`,
        async () => Object.keys((await unready(each, name)) ?? { starting: '' }).length === 0,
      )
}

const KINDS = ['old', 'new', 'partner'] as const
type Kind = (typeof KINDS)[number]
type Publishers = Readonly<Record<Kind, (review: Review) => Promise<unknown>>>

/** Three publishers of reviews: ours, one that has the new field already, and one with a schema of its own. */
async function publishers(): Promise<Publishers> {
  const { SCHEMA_REGISTRY_URL: registry } = pipeline.config
  const newer = await foreignEncoder(registry, 'reviews-value', await next.schemaOf('Review'))
  const partner = await foreignEncoder(registry, 'partner-reviews', PARTNER)
  const send = (encode: (value: unknown) => Buffer) => (review: Review) =>
    client.publish({ topic: 'reviews', key: review.userId, value: encode({ ...review, [FIELD]: LANGUAGE }) })
  return {
    old: (review) => pipeline.publisher.publish('reviews', review),
    new: send(newer),
    partner: send(partner),
  }
}

/** Fields in another order, one that nobody knows, and nothing that may be left out. */
const PARTNER: avro.schema.RecordType = {
  type: 'record',
  name: 'Review',
  namespace: 'spoiler_shield',
  fields: [
    { name: 'writtenAtMs', type: 'long' },
    { name: 'shop', type: 'string', default: 'partner' },
    { name: 'text', type: 'string' },
    { name: 'movieId', type: 'string' },
    { name: 'userId', type: 'string' },
    { name: 'reviewId', type: 'string' },
  ],
}

interface Published {
  readonly reviewId: string
  readonly kind: Kind
}

/** A world of movies, reviews and labels that goes on until it is stopped; its reviews come from all publishers in turn. */
class Load implements AsyncDisposable {
  readonly published: Published[] = []
  readonly #publishers: Publishers
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(publishers: Publishers) {
    this.#publishers = publishers
    this.#done = this.#run()
  }

  async stop(): Promise<readonly Published[]> {
    this.#stop.abort()
    await this.#done
    await pipeline.publisher.flush()
    return this.published
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #run(): Promise<void> {
    const world = new World({ seed: 11, rate: 200, speed: 21_600, startMs: START_MS, reviews: 100_000 })
    for (const event of world.events()) {
      if (this.#stop.signal.aborted) return
      await (event.topic === 'reviews' ? this.#review(event.value) : publishEvent(pipeline.publisher, event))
      await sleep(EVERY_MS)
    }
  }

  async #review(review: Review): Promise<void> {
    const kind = KINDS[this.published.length % KINDS.length] as Kind
    await this.#publishers[kind](review)
    this.published.push({ reviewId: review.reviewId, kind })
  }
}

async function untilScored(published: readonly Published[]): Promise<void> {
  await until(`${published.length} reviews are scored`, async () => {
    const scored = new Set((await pipeline.records('spoilerScores')).map(({ value }) => value.reviewId))
    return published.every(({ reviewId }) => scored.has(reviewId))
  })
}

/** Stage by stage: nothing lost, nothing doubled, nothing out of order per key, every field as it follows from the logs. */
async function expectAsFolded(): Promise<void> {
  await using prior = await loadModelVersion(PRIOR_FOLDER)
  const serving = { model: prior, deploymentEpoch: 0 }
  const violations = await checkPipeline(await recordPipeline(pipeline), async (rows) => {
    const results = await scoreRows(rows, [serving])
    return results.flatMap((result) => (result.kind === 'score' ? [result.score] : []))
  })
  expect(violations).toEqual([])
}

/** As their writers wrote them. */
interface WrittenReview {
  readonly reviewId: string
  readonly [FIELD]?: string | null
}

/** The new field is where new components wrote; what old ones wrote is without it. */
async function expectFieldKept(published: readonly Published[], byNewOnly: readonly Published[]): Promise<void> {
  const kindOf = new Map(published.map(({ reviewId, kind }) => [reviewId, kind]))
  const sent = (reviewId: string) => (kindOf.get(reviewId) === 'new' ? LANGUAGE : null)
  const taken = await written('user-activity', ({ review }) => review as WrittenReview | null)
  const byNew = [...taken.values()].filter((review) => FIELD in review)
  expect(byNew.length).toBeGreaterThan(0)
  expect(byNew.length).toBeLessThan(taken.size)
  for (const review of byNew) expect(review[FIELD]).toBe(sent(review.reviewId))

  const told = await written(
    'movie-activity',
    ({ review }) => (review as { review: WrittenReview } | null)?.review ?? null,
  )
  expect(byNewOnly.some(({ kind }) => kind === 'new')).toBe(true)
  for (const { reviewId } of byNewOnly) {
    expect(taken.get(reviewId)?.[FIELD]).toBe(sent(reviewId))
    expect(told.get(reviewId)?.[FIELD]).toBe(sent(reviewId))
  }
}

type Fields = Readonly<Record<string, unknown>>

async function written(
  topic: string,
  reviewOf: (value: Fields) => WrittenReview | null,
): Promise<Map<string, WrittenReview>> {
  const decode = foreignDecoder(pipeline.config.SCHEMA_REGISTRY_URL)
  const reviews = new Map<string, WrittenReview>()
  for await (const { value } of readRecords(pipeline.config, topic, { from: 'beginning', follow: false })) {
    const review = reviewOf((await decode(value as Buffer)) as Fields)
    if (review !== null) reviews.set(review.reviewId, review)
  }
  return reviews
}

function expectNoRestart(supervisor: Supervisor): void {
  for (const { name } of PROCESSES) expect(statusOf(supervisor, name)).toMatchObject({ state: 'running', restarts: 0 })
}
