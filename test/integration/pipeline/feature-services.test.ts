import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishVersion } from '../../../connectors/model-registry.ts'
import { openS3ObjectStore, type S3ObjectStore } from '../../../connectors/s3-object-store.ts'
import { declaredVersion } from '../../../inference/manifest.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { readRecords } from '../../../platform/topic-reader.ts'
import { replayName } from '../../../replay/replay-into.ts'
import type { ReviewFeatures } from '../../../schemas/generated.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { spoilerV2 } from '../../../schemas/spoiler-v2.ts'
import { topics } from '../../../schemas/topics.ts'
import { COEFFICIENTS, featureRow, GOLDEN, sealedVersion } from '../../support/model-versions.ts'
import { COMPONENTS, CONTROL, metricOf, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { shield } from '../../support/shield.ts'

const only = (component: string) => COMPONENTS.filter(({ name }) => name === component)
const HOUR_MS = 3_600_000
const BEFORE = 400
const BACKFILL = replayName('v2', topics.reviewFeatures.name)

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let store: S3ObjectStore
let folder: string
let folds: Supervisor
let scorer: Supervisor
let flow: Flow

/** Publishes labelled reviews without a pause, an hour of event time apart, until it is stopped. */
class Flow implements AsyncDisposable {
  published = 0
  readonly #stop = new AbortController()
  readonly #done = this.#run()

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#done
    await pipeline.publisher.flush()
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const n = this.published
      const ids = { reviewId: `r${n}`, userId: `u${n % 11}`, movieId: `m${n % 5}` }
      const writtenAtMs = EXAMPLE.review.writtenAtMs + n * HOUR_MS
      const isSpoiler = n % 3 === 0
      const text = isSpoiler ? `He dies in part ${n}, and she knew.` : `A fine film, the ${n}th.`
      await pipeline.publisher.publish('reviews', { ...EXAMPLE.review, ...ids, text, writtenAtMs })
      await pipeline.publisher.publish('reviewLabels', {
        ...EXAMPLE.label,
        ...ids,
        isSpoiler,
        labelledAtMs: writtenAtMs,
      })
      this.published += 1
      await sleep(5)
    }
  }
}

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 's3']))
  folder = mkdtempSync(join(tmpdir(), 'feature-services-'))
  resources.defer(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  await pipeline.stack.ready('s3')
  store = resources.use(openS3ObjectStore(pipeline.config))
  await store.ensureBucket()
  folds = pipeline.supervise(only('folds'))
  scorer = pipeline.supervise(only('scorer'))
  pipeline.supervise([CONTROL], { TRAIN_AUTOMATICALLY: 'false' }) // deployments are its to write
  flow = resources.use(new Flow())
  await until('reviews are scored', async () => (await scores()).length >= BEFORE)
})
afterAll(() => resources.disposeAsync())

const scores = async () => (await pipeline.records('spoilerScores')).map(({ value }) => value)

async function run<T>(...line: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await shield(pipeline, [...line, '--json'])
  expect(exitCode, stderr).toBe(0)
  return JSON.parse(stdout) as T
}

/** Rows that a replay has written, by review. */
async function backfilled(): Promise<Map<string, ReviewFeatures>> {
  const rows = new Map<string, ReviewFeatures>()
  for await (const { value } of readRecords(pipeline.config, BACKFILL, { from: 'beginning', follow: false })) {
    const decoded = await pipeline.codec.decode<ReviewFeatures>('ReviewFeatures', value, false)
    if (!('value' in decoded)) throw new Error(decoded.cause)
    expect(rows.has(decoded.value.reviewId)).toBe(false)
    rows.set(decoded.value.reviewId, decoded.value)
  }
  return rows
}

/** A version that reads the last feature of spoiler_v2. */
async function versionOfV2(): Promise<string> {
  const [row] = [featureRow({}, { ...GOLDEN.row, featureService: spoilerV2.name })]
  const values = [...row.values, 0, 0, 0, 0]
  const labels = { feature: 'movie_no_spoilers', clip: [0, 100], transform: 'log1p', mean: 0, scale: 1, coefficient: 1 }
  await using version = await sealedVersion({
    draft: { name: 'labels', featureService: spoilerV2.name, inputs: ['text_units', 'movie_no_spoilers'] },
    coefficients: { ...COEFFICIENTS, terms: [...COEFFICIENTS.terms, labels] },
    golden: [{ ...GOLDEN, row: { ...row, values } }],
  })
  await publishVersion(store, pipeline.config.S3_PREFIX, version.folder)
  return (await declaredVersion(version.folder)).version
}

const ALL = ['replay', '--stage', 'movie-context', '--feature-service', 'spoiler_v2', '--into', 'v2'] as const

test('rows of the new service are backfilled beside the live ones, which go on; what both have in common is equal', async () => {
  await run(...ALL)
  const rows = await backfilled()
  expect(rows.size).toBeGreaterThanOrEqual(BEFORE)
  const live = new Map((await pipeline.records('reviewFeatures')).map(({ value }) => [value.reviewId, value]))
  const shared = spoilerV1.features.length
  for (const [id, { featureService, values, ...row }] of rows) {
    expect([featureService, values.length]).toEqual(['spoiler_v2', spoilerV2.features.length])
    expect({ ...row, values: values.slice(0, shared), featureService: 'spoiler_v1' }).toEqual(live.get(id))
  }
  expect([...rows.values()].some(({ values }) => values.slice(shared).every((value) => value > 0))).toBe(true)
  expect(new Set([...live.values()].map(({ featureService }) => featureService))).toEqual(new Set(['spoiler_v1']))
})

test('a data set is built of the backfill, and a version is fitted on it, before anything is switched', async () => {
  const options = ['--replayed', 'v2', '--feature-service', 'spoiler_v2', '--split', 'random', '--maturity', '0s']
  const built = await run<{ id: string; featureService: string; counts: { kept: number; leftOut: object } }>(
    ...['dataset', 'build', ...options, '--out', folder],
  )
  expect(built.featureService).toBe('spoiler_v2')
  expect(built.counts.kept).toBeGreaterThan(BEFORE / 2)
  expect(built.counts.leftOut).toMatchObject({ otherFeatureService: 0 })
  const again = await run<{ id: string }>('dataset', 'build', '--like', built.id, '--out', folder)
  expect(again.id).toBe(built.id)
  const out = join(folder, 'models')
  const { address } = await run<{ address: string }>('train', '--dataset', built.id, '--in', folder, '--out', out)
  expect(await declaredVersion(address)).toMatchObject({ featureService: 'spoiler_v2' })
})

test('the service is switched, and back, under load: each review is scored once, by the newest version that reads its row', async () => {
  const version = await versionOfV2()
  const deployed = await run<{ deploymentEpoch: number }>('models', 'promote', `labels@${version}`)
  expect(deployed).toMatchObject({ deploymentEpoch: 1, featureService: 'spoiler_v2' })
  const serves = () =>
    metricOf(scorer, 'scorer', 'spoiler_deployment_epoch', { version, feature_service: 'spoiler_v2' })
  await until('the version stands by', async () => (await serves()) === 1)
  const count = (await scores()).length
  await until('scoring goes on', async () => (await scores()).length > count + 50)
  expect((await scores()).every(({ deploymentEpoch }) => deploymentEpoch === 0)).toBe(true)

  await switchTo('spoiler_v2')
  await until('rows of the new service are scored', async () => (await scoredOf('spoiler_v2')) > 100)
  const first = await scoredOf('spoiler_v1')
  await switchTo('spoiler_v1')
  await until('rows of the old one again', async () => (await scoredOf('spoiler_v1')) > first + 50)
  await switchTo('spoiler_v2')
  const second = await scoredOf('spoiler_v2')
  await until('and of the new one', async () => (await scoredOf('spoiler_v2')) > second + 50)

  await flow[Symbol.asyncDispose]()
  await until('all is scored', async () => (await scores()).length >= flow.published)
  const all = await scores()
  const wanted = Array.from({ length: flow.published }, (_, n) => `r${n}`)
  expect(all.map(({ reviewId }) => reviewId).toSorted()).toEqual(wanted.toSorted())
  await expectAsTheLedgerSays(version)
  const letters = await pipeline.records('deadLetters')
  expect(letters.map(({ value }) => value.code)).toEqual([])
})

async function switchTo(service: string): Promise<void> {
  await folds[Symbol.asyncDispose]()
  folds = pipeline.supervise(only('folds'), { FEATURE_SERVICE: service })
}

const scoredOf = async (service: string): Promise<number> =>
  (await scores()).filter(({ featureService }) => featureService === service).length

async function expectAsTheLedgerSays(version: string): Promise<void> {
  const ledger = (await pipeline.records('modelActivations')).map(({ value }) => value)
  for (const { position, featureService, deploymentEpoch, modelVersion } of await scores()) {
    const activation = ledger.findLast(
      (entry) =>
        entry.partition === position.partition &&
        entry.featureService === featureService &&
        entry.fromOffset <= position.offset,
    )
    expect({ deploymentEpoch, modelVersion }).toEqual({
      deploymentEpoch: activation?.deploymentEpoch,
      modelVersion: activation?.modelVersion,
    })
    expect(modelVersion === version).toBe(featureService === 'spoiler_v2')
  }
}

test('afterwards everything is made again bit for bit, whichever service was live; the backfill goes on to the end', async () => {
  const { stages } = await run<{ stages: readonly object[] }>('replay', '--verify')
  expect(stages).toMatchObject([
    { stage: 'user-history', differing: 0 },
    { stage: 'movie-context', differing: 0, compared: flow.published },
    { stage: 'scorer', differing: 0, compared: flow.published },
    { stage: 'evaluator', differing: 0 },
  ])
  await run(...ALL)
  const rows = await backfilled()
  expect(rows.size).toBe(flow.published)
  const live = (await pipeline.records('reviewFeatures')).filter(({ value }) => value.featureService === 'spoiler_v2')
  expect(live.length).toBeGreaterThan(100)
  for (const { value } of live) expect(rows.get(value.reviewId)).toEqual(value)
  expect(await run('replay', '--stage', 'scorer', '--into', 'again')).toMatchObject({
    stages: [{ replayed: flow.published, outputs: flow.published }],
  })
})
