import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishVersion, versionSource } from '../../../connectors/model-registry.ts'
import { readOnlineEntities } from '../../../connectors/online-entities.ts'
import { openRedisOnlineStore } from '../../../connectors/redis-online-store.ts'
import { openS3ObjectStore, type S3ObjectStore } from '../../../connectors/s3-object-store.ts'
import { declaredVersion } from '../../../inference/manifest.ts'
import { PRIOR_FOLDER } from '../../../inference/model-version.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { readTopic } from '../../../platform/topic-reader.ts'
import type { ModelActivation, ModelDeployment, SpoilerScore } from '../../../schemas/generated.ts'
import { deploy as decide } from '../../support/deploy.ts'
import { damage, reseal } from '../../support/forged-versions.ts'
import { DEADLY_UNITS, linearVersion, reviewOf } from '../../support/linear-versions.ts'
import {
  COMPONENTS,
  CONTROL,
  metricOf,
  type Pipeline,
  startPipeline,
  statusOf,
  unready,
  until,
} from '../../support/pipeline.ts'
import { childrenOf } from '../../support/processes.ts'
import { ReviewFlow } from '../../support/review-flow.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const SHIELD = join(import.meta.dirname, '../../../cli/main.ts')
const SCORER = COMPONENTS.filter(({ name }) => name === 'scorer')
const REST = COMPONENTS.filter(({ name }) => name !== 'scorer')
const SPOIL_PLATT = { kind: 'platt', slope: 1, intercept: 0.25 } as const

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let store: S3ObjectStore
let scorer: Supervisor
/** Committed scores as they come, in log order per partition. */
const scores: SpoilerScore[] = []

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 'redis', 's3']))
  await pipeline.stack.ready('s3')
  store = resources.use(openS3ObjectStore(pipeline.config))
  await store.ensureBucket()
  scorer = pipeline.supervise(SCORER)
  pipeline.supervise([...REST, CONTROL])
  const reading = new AbortController()
  const read = followScores(reading.signal)
  resources.defer(() => {
    reading.abort()
    return read
  })
})
afterAll(() => resources.disposeAsync())

async function followScores(signal: AbortSignal): Promise<void> {
  const { config, codec } = pipeline
  const range = { from: 'beginning', follow: true, signal } as const
  for await (const { decoded } of readTopic(config, codec, 'spoilerScores', range))
    if ('value' in decoded) scores.push(decoded.value)
}

/** Another terminal. */
async function shield(...line: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [SHIELD, ...line], { env: pipeline.env })
  return stdout
}

async function deploy(modelVersion: string, modelName = 'linear'): Promise<ModelDeployment> {
  const source = versionSource(pipeline.config.S3_PREFIX, { name: modelName, version: modelVersion })
  return decide(pipeline, { modelName, modelVersion, source })
}

const publish = async (folder: string): Promise<void> => {
  await publishVersion(store, pipeline.config.S3_PREFIX, folder)
}
const scoredBy = (epoch: number) => () => scores.some((score) => score.deploymentEpoch === epoch)
const refusals = async () =>
  (await pipeline.records('deadLetters')).filter(({ value }) => value.source.topic === 'model-deployments')

test('versions take over from one another while reviews flow: none is lost, doubled or out of order; bad ones are refused', async () => {
  await using a = await linearVersion()
  await using b = await linearVersion({ draft: { calibration: SPOIL_PLATT } })
  await publish(a.folder)
  await publish(b.folder)
  await using flow = new ReviewFlow(pipeline.publisher, 'swap')
  await until('the prior scores', scoredBy(0))

  const line = ['models', 'promote', `linear@${a.version}`, '--reason', 'a test', '--by', 'ada', '--json']
  expect(JSON.parse(await shield(...line))).toMatchObject({ slot: 'champion', deploymentEpoch: 1, decidedBy: 'ada' })
  await until('the first deployment scores', scoredBy(1))
  expect(await deploy(b.version)).toMatchObject({ deploymentEpoch: 2 })
  await until('the second deployment scores', scoredBy(2))
  await expectRefused(3, await damaged(), 'differs from the hash')
  await expectRefused(4, await missingItsGoldenRows(), 'probability: expected')
  await expectRefused(5, await ofAnotherService(), 'other_v9 is not known')
  expect(await deploy(a.version)).toMatchObject({ deploymentEpoch: 6 })
  await until('the rollback scores', scoredBy(6))
  const prior = await declaredVersion(PRIOR_FOLDER)
  expect(await deploy(prior.version, prior.name)).toMatchObject({ deploymentEpoch: 7 })
  await until('the prior scores again', scoredBy(7))

  const ids = await flow.stop()
  await until('every row is scored', () => scores.length >= ids.length)
  const versions = { 0: prior.version, 1: a.version, 2: b.version, 6: a.version, 7: prior.version }
  await expectOneScoreEach(ids, versions)
  expect(statusOf(scorer, 'scorer').restarts).toBe(0)
  expect(JSON.parse(await shield('models', 'ls', '--json'))).toMatchObject({ deployment: { deploymentEpoch: 7 } })
  expect(await metricOf(scorer, 'scorer', 'spoiler_deployments_refused_total')).toBe(3)
})

/** A version whose files are not those of its manifest. */
async function damaged(): Promise<string> {
  await using version = await linearVersion({ draft: { threshold: 0.6 } })
  await damage(version.folder, 'spans.json')
  await publish(version.folder)
  return version.version
}

async function missingItsGoldenRows(): Promise<string> {
  await using version = await linearVersion()
  const golden = (text: string): string => text.replace(/"probability":0\.\d+/, '"probability":0.123')
  const forged = await reseal(version.folder, { golden })
  await publish(version.folder)
  return forged
}

async function ofAnotherService(): Promise<string> {
  await using version = await linearVersion()
  const forged = await reseal(version.folder, { manifest: { featureService: 'other_v9' } })
  await publish(version.folder)
  return forged
}

/** A refusal is a record and a metric, and what serves goes on. */
async function expectRefused(epoch: number, version: string, cause: string): Promise<void> {
  const before = new Set((await refusals()).map(({ value }) => value.source.offset))
  expect(await deploy(version)).toMatchObject({ deploymentEpoch: epoch })
  const letters = async () => (await refusals()).filter(({ value }) => !before.has(value.source.offset))
  await until(`deployment ${epoch} is refused`, async () => (await letters()).length > 0)
  const letter = (await letters())[0]?.value
  expect(letter).toMatchObject({ code: 'SPL_MODEL_INVALID', component: 'scorer' })
  expect(letter?.cause).toContain(cause)
  const count = scores.length
  await until('scoring goes on', () => scores.length > count)
}

const idsOf = (all: readonly SpoilerScore[]): string[] => all.map(({ reviewId }) => reviewId).toSorted()

/** Each row once, in the order of its log, by the version that the ledger names from that offset on. */
async function expectOneScoreEach(ids: readonly string[], versions: Readonly<Record<number, string>>): Promise<void> {
  const all = scores.slice()
  expect(idsOf(all)).toEqual(ids.toSorted())
  const activations = (await pipeline.records('modelActivations')).map(({ value }) => value)
  for (const [partition, ofPartition] of Map.groupBy(all, ({ position }) => position.partition)) {
    const offsets = ofPartition.map(({ position }) => position.offset)
    expect(offsets).toEqual(offsets.toSorted((x, y) => x - y))
    const ledger = activations.filter((activation) => activation.partition === partition)
    for (const { position, deploymentEpoch, modelVersion } of ofPartition) {
      expect({ deploymentEpoch, modelVersion }).toEqual(servedAt(ledger, position.offset))
      expect(modelVersion).toBe(versions[deploymentEpoch])
    }
  }
}

function servedAt(ledger: readonly ModelActivation[], offset: number) {
  const activation = ledger.findLast(({ fromOffset }) => fromOffset <= offset)
  return { deploymentEpoch: activation?.deploymentEpoch, modelVersion: activation?.modelVersion }
}

test('a process of the model that is killed with -9 is replaced; no row is lost or given up', async () => {
  await using version = await linearVersion()
  const { deploymentEpoch } = await deploy(version.version)
  await using flow = new ReviewFlow(pipeline.publisher, 'kill')
  await until('it scores', scoredBy(deploymentEpoch))
  const scorerPid = statusOf(scorer, 'scorer').pid as number
  const processes = childrenOf(scorerPid)
  expect(processes.length).toBeGreaterThan(0)
  for (const pid of processes) process.kill(pid, 'SIGKILL')
  const meanwhile = scores.length
  await until('scoring goes on', () => scores.length > meanwhile + 50)
  const ids = await flow.stop()
  const scored = () => idsOf(scores).filter((id) => id.startsWith('kill'))
  await until('every row is scored', () => scored().length >= ids.length)
  expect(scored()).toEqual(ids.toSorted())
  expect(childrenOf(scorerPid).some((pid) => processes.includes(pid))).toBe(false)
  expect(statusOf(scorer, 'scorer').restarts).toBe(0)
})

// where an overflowing division does not end a process there is no such row
test.skipIf(process.arch !== 'x64')(
  'a row that ends the model is a dead letter, and its neighbours are scored',
  async () => {
    await using version = await linearVersion({ graph: 'deadly' })
    await publish(version.folder)
    const { deploymentEpoch } = await deploy(version.version)
    const served = { model: 'linear', version: version.version }
    const serves = () => metricOf(scorer, 'scorer', 'spoiler_deployment_epoch', served)
    await until('it serves', async () => (await serves()) === deploymentEpoch)
    const texts = ['one before', 'x'.repeat(DEADLY_UNITS), 'one behind', 'and another']
    for (const text of texts)
      await pipeline.publisher.publish('reviewFeatures', reviewOf(text, { reviewId: `near ${text}`, userId: 'near' }))
    await pipeline.publisher.flush()
    const near = () => idsOf(scores).filter((id) => id.startsWith('near'))
    await until('the neighbours are scored', () => near().length >= 3)
    expect(near()).toEqual(['near and another', 'near one before', 'near one behind'])
    const letters = (await pipeline.records('deadLetters')).filter(({ value }) => value.code === 'SPL_ROW_ENDS_MODEL')
    expect(letters.map(({ value }) => [value.source.topic, value.attempts])).toEqual([['review-features', 2]])
  },
)

test('shield score gives what the stream then gives, bit for bit', async () => {
  await using version = await linearVersion({ spans: TERM_SPANS, draft: { threshold: 0.3 } })
  await publish(version.folder)
  await deploy(version.version)
  const { review, label, movie } = EXAMPLE
  await pipeline.publisher.publish('movies', movie)
  for (const reviewId of ['r1', 'r2'])
    await pipeline.publisher.publish('reviews', { ...review, reviewId, text: 'Red waits. Andy digs.' })
  await pipeline.publisher.publish('reviewLabels', label)
  await using online = await openRedisOnlineStore(pipeline.config, pino({ level: 'silent' }))
  await until('the store knows all that', async () => {
    const { user, movie: counters, plot } = await readOnlineEntities(online, review)
    const whole = { reviews: [2], labelled: [1] }
    return plot !== null && [user, counters].every((known) => known !== null && matches(known, whole))
  })

  const next = {
    ...review,
    reviewId: 'next',
    rating: 3,
    summary: 'No',
    text: 'He dies. Andy escapes through a tunnel!',
  }
  const options = ['--movie', next.movieId, '--user', next.userId, '--rating', '3', '--title', next.summary]
  const written = ['--written', new Date(next.writtenAtMs).toISOString()]
  const asked = JSON.parse(await shield('score', next.text, ...options, ...written, '--json')) as SpoilerScore
  await pipeline.publisher.publish('reviews', next)
  await pipeline.publisher.flush()
  const streamed = () => scores.find(({ reviewId }) => reviewId === next.reviewId)
  await until('the stream has scored it', () => streamed() !== undefined)
  const { probability, isSpoiler, threshold, reasons, spans, modelVersion, deploymentEpoch } =
    streamed() as SpoilerScore
  expect(asked).toMatchObject({ probability, isSpoiler, threshold, reasons, modelVersion, deploymentEpoch })
  expect(asked.spans.map(({ start, end, score }) => ({ start, end, score }))).toEqual(spans)
  expect(modelVersion).toBe(version.version)
  expect(spans).not.toEqual([])
})

const TERM_SPANS = { intercept: 0.5, cues: 1, cuesCap: 3, plotOverlap: 2, endingOverlap: 4, banner: 3, terms: 1 }

function matches(counters: object, wanted: Readonly<Record<string, readonly number[]>>): boolean {
  const sums = Object.entries(counters) as [string, readonly number[]][]
  return Object.entries(wanted).every(([name, [sum]]) => {
    const column = sums.find(([other]) => other === name)?.[1] ?? []
    return column.reduce((total, value) => total + value, 0) === sum
  })
}

test('without the object store a scorer starts with the version that it has here; without that it waits and says so', async () => {
  await using version = await linearVersion({ draft: { threshold: 0.7 } })
  await publish(version.folder)
  const { deploymentEpoch } = await deploy(version.version)
  const served = { model: 'linear', version: version.version }
  const epoch = () => metricOf(scorer, 'scorer', 'spoiler_deployment_epoch', served)
  await until('it serves', async () => (await epoch()) === deploymentEpoch)
  await publishReview('makes the ledger know the version')
  await until('it has scored', scoredBy(deploymentEpoch))

  await scorer[Symbol.asyncDispose]()
  await pipeline.stack.kill('s3')
  scorer = pipeline.supervise(SCORER)
  await publishReview('scored by what is here')
  await expectScored('scored by what is here', deploymentEpoch)

  await scorer[Symbol.asyncDispose]()
  await rm(join(pipeline.config.STATE_DIR, 'models'), { recursive: true })
  scorer = pipeline.supervise(SCORER)
  await publishReview('waits for the store')
  const reason = async () => Object.values((await unready(scorer, 'scorer')) ?? {}).join()
  await until('it says what it waits for', async () => (await reason()).includes('SPL_S3_UNAVAILABLE'))
  await pipeline.stack.start('s3')
  await expectScored('waits for the store', deploymentEpoch)
})

async function publishReview(reviewId: string): Promise<void> {
  await pipeline.publisher.publish('reviewFeatures', reviewOf('He dies.', { reviewId }))
  await pipeline.publisher.flush()
}

async function expectScored(id: string, deploymentEpoch: number): Promise<void> {
  const found = () => scores.filter(({ reviewId }) => reviewId === id)
  await until(`${id}: a score`, () => found().length > 0)
  expect(found()).toMatchObject([{ deploymentEpoch }])
}
