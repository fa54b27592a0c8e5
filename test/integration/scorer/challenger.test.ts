import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishVersion, versionSource } from '../../../connectors/model-registry.ts'
import { openS3ObjectStore, type S3ObjectStore } from '../../../connectors/s3-object-store.ts'
import { answeringActivation, isInShare } from '../../../inference/canary.ts'
import type { Supervisor } from '../../../platform/supervisor.ts'
import { readTopic } from '../../../platform/topic-reader.ts'
import type { ModelActivation, ModelDeployment, SpoilerScore } from '../../../schemas/generated.ts'
import { deploy as decide } from '../../support/deploy.ts'
import { reseal } from '../../support/forged-versions.ts'
import { linearVersion } from '../../support/linear-versions.ts'
import { COMPONENTS, metricOf, type Pipeline, startPipeline, statusOf, until } from '../../support/pipeline.ts'
import { ReviewFlow } from '../../support/review-flow.ts'

const SCORER = COMPONENTS.filter(({ name }) => name === 'scorer')
/** Room for two processes of a small network, and for no larger one. */
const ROOM = { MODEL_PROCESSES: '2', MODEL_MEMORY_MB: '300' }
const LARGE_BYTES = 20_000_000

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let store: S3ObjectStore
let scorer: Supervisor
const scores: SpoilerScore[] = []
const shadow: SpoilerScore[] = []

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 's3']))
  await pipeline.stack.ready('s3')
  store = resources.use(openS3ObjectStore(pipeline.config))
  await store.ensureBucket()
  scorer = pipeline.supervise(SCORER, ROOM)
  const reading = new AbortController()
  const reads = [follow('spoilerScores', scores, reading.signal), follow('shadowScores', shadow, reading.signal)]
  resources.defer(async () => {
    reading.abort()
    await Promise.all(reads)
  })
})
afterAll(() => resources.disposeAsync())

async function follow(
  topic: 'spoilerScores' | 'shadowScores',
  into: SpoilerScore[],
  signal: AbortSignal,
): Promise<void> {
  const range = { from: 'beginning', follow: true, signal } as const
  for await (const { decoded } of readTopic(pipeline.config, pipeline.codec, topic, range))
    if ('value' in decoded) into.push(decoded.value)
}

async function deploy(modelVersion: string, how: Partial<ModelDeployment> = {}): Promise<ModelDeployment> {
  const source = versionSource(pipeline.config.S3_PREFIX, { name: 'linear', version: modelVersion })
  return decide(pipeline, { modelName: 'linear', modelVersion, source, ...how })
}

const ledger = async (): Promise<ModelActivation[]> =>
  (await pipeline.records('modelActivations')).map(({ value }) => value)
const by = (all: readonly SpoilerScore[], slot: string, epoch: number) => () =>
  all.some((score) => score.slot === slot && score.deploymentEpoch === epoch)

/** A version of so many bytes, which nobody has to load. */
async function largeVersion(): Promise<string> {
  await using version = await linearVersion()
  await writeFile(join(version.folder, 'ballast.bin'), Buffer.alloc(LARGE_BYTES))
  const forged = await reseal(version.folder, {})
  await publishVersion(store, pipeline.config.S3_PREFIX, version.folder)
  return forged
}

test('a challenger scores in the shadow, answers as a canary and goes, while reviews flow: none is lost, doubled or out of order, and the ledger names who answered', async () => {
  await using a = await linearVersion()
  await using b = await linearVersion({ draft: { threshold: 0.6 } })
  for (const { folder } of [a, b]) await publishVersion(store, pipeline.config.S3_PREFIX, folder)
  await using flow = new ReviewFlow(pipeline.publisher, 'trial')
  await deploy(a.version)
  await until('the champion scores', by(scores, 'champion', 1))

  await deploy(b.version, { slot: 'challenger', mode: 'shadow', share: 0.5 })
  await until('the shadow scores', by(shadow, 'challenger', 1))
  await deploy(b.version, { slot: 'challenger', mode: 'canary', share: 0.3 })
  await until('the canary answers', by(scores, 'challenger', 2))
  await until('the champion scores in its shadow', by(shadow, 'champion', 1))
  expect(await deploy(await largeVersion())).toMatchObject({ deploymentEpoch: 2 })
  const letters = async () => (await pipeline.records('deadLetters')).map(({ value }) => value.code)
  await until('the large one is refused', async () => (await letters()).length > 0)
  expect(await letters()).toEqual(['SPL_MODEL_NO_ROOM'])
  await deploy(b.version, { slot: 'challenger', mode: 'off' })
  const ended = async () => (await ledger()).some(({ slot, mode }) => slot === 'challenger' && mode === 'off')
  await until('nobody challenges', ended)
  await deploy(b.version)
  await until('the challenger is champion', by(scores, 'champion', 3))
  await deploy(a.version)
  await until('the rollback scores', by(scores, 'champion', 4))

  const ids = await flow.stop()
  await until('every row is scored', () => scores.length >= ids.length)
  expect(scores.map(({ reviewId }) => reviewId).toSorted()).toEqual(ids.toSorted())
  await expectLedger()
  for (const { reviewId, slot, deploymentEpoch } of shadow)
    if (slot === 'challenger' && deploymentEpoch === 1) expect(isInShare(reviewId, 0.5)).toBe(true)
  expect(new Set(shadow.map(({ reviewId, slot }) => `${reviewId} ${slot}`)).size).toBe(shadow.length)
  expect(statusOf(scorer, 'scorer').restarts).toBe(0)
  expect(await metricOf(scorer, 'scorer', 'spoiler_deployments_refused_total')).toBe(1)
})

async function expectLedger(): Promise<void> {
  const activations = Map.groupBy(await ledger(), ({ partition }) => partition)
  for (const [partition, ofPartition] of Map.groupBy(scores, ({ position }) => position.partition)) {
    const own = activations.get(partition) ?? []
    const offsets = ofPartition.map(({ position }) => position.offset)
    expect(offsets).toEqual(offsets.toSorted((x, y) => x - y))
    for (const { reviewId, position, slot, deploymentEpoch, modelVersion, featureService } of ofPartition) {
      const answered = answeringActivation(own, { ...position, reviewId, featureService })
      expect(answered).toMatchObject({ slot, deploymentEpoch, modelVersion })
    }
    for (const [, ofSlot] of Map.groupBy(own, ({ slot }) => slot)) {
      const epochs = ofSlot.map(({ deploymentEpoch }) => deploymentEpoch)
      expect(epochs).toEqual(epochs.toSorted((x, y) => x - y))
    }
  }
}
