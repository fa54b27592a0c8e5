import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishVersion } from '../../../connectors/model-registry.ts'
import { openS3ObjectStore } from '../../../connectors/s3-object-store.ts'
import type { ManifestDraft } from '../../../inference/manifest.ts'
import type { ModelDeployment, SpoilerScore } from '../../../schemas/generated.ts'
import { CHAMPION } from '../../../schemas/deployment-slots.ts'
import { expectedLogit, linearVersion } from '../../support/linear-versions.ts'
import { featureRow } from '../../support/model-versions.ts'
import { COMPONENTS, CONTROL, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { shield } from '../../support/shield.ts'

const BATCH = 20
/** Enough to decide a stage of versions that do not err, and too few for the next one. */
const OF_A_STAGE = 300
const STAGES_WITHIN_MS = 240_000
const CANARY_SHARE = 0.5
const RATING = 7
/** Texts of one word many times: the more, the likelier a spoiler by the linear graph. */
const textOf = (words: number): string => 'again '.repeat(words).trim()
/** That these versions give the text. */
function probabilityOf(words: number): number {
  const text = textOf(words)
  return 1 / (1 + Math.exp(-expectedLogit(featureRow({ text_units: text.length, rating: RATING }, { text }))))
}
const wordsFor = (probability: number): number => {
  let words = 1
  while (probabilityOf(words) < probability) words += 1
  return words
}
const HARMLESS = wordsFor(0.1)
const SPOILING = wordsFor(0.9)
/** A careless threshold takes them for harmless. */
const DOUBTFUL = wordsFor(0.6)

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let published = 0

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 's3']))
  await pipeline.stack.ready('s3')
  using store = openS3ObjectStore(pipeline.config)
  await store.ensureBucket()
  pipeline.supervise(COMPONENTS.filter(({ name }) => name !== 'sinks'))
  pipeline.supervise([CONTROL], { TRAIN_AUTOMATICALLY: 'false', CANARY_SHARE: String(CANARY_SHARE) })
})
afterAll(() => resources.disposeAsync())

/** @returns `name@version` of a version that lies in the object store. */
async function versionOf(draft: Partial<ManifestDraft>): Promise<string> {
  await using version = await linearVersion({ draft })
  using store = openS3ObjectStore(pipeline.config)
  await publishVersion(store, pipeline.config.S3_PREFIX, version.folder)
  return `linear@${version.version}`
}

/** A review of so many words, and what its author says of it. */
async function publish(words: number, isSpoiler: boolean): Promise<void> {
  published += 1
  const ids = { reviewId: `r${published}`, userId: `u${published % 50}`, movieId: `m${published % 9}` }
  const review = { ...EXAMPLE.review, ...ids, text: textOf(words), rating: RATING, summary: null }
  await pipeline.publisher.publish('reviews', review)
  const label = { ...EXAMPLE.label, ...ids, isSpoiler, source: 'self-declared', revision: 0 }
  await pipeline.publisher.publish('reviewLabels', label)
}

/** Half of them spoil. */
async function publishMany(count: number, spoilers: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await (i % 2 === 0 ? publish(spoilers, true) : publish(HARMLESS, false))
  await pipeline.publisher.flush()
}

/** Reviews and labels flow until something is so. */
async function flowUntil(
  what: string,
  spoilers: number,
  condition: () => Promise<boolean>,
  batch = BATCH,
): Promise<void> {
  const published = async (): Promise<boolean> => {
    await publishMany(batch, spoilers)
    return condition()
  }
  await until(what, published, STAGES_WITHIN_MS)
}

const decisions = async (): Promise<ModelDeployment[]> =>
  (await pipeline.records('modelDeployments')).map(({ value }) => value)
const newest = async (slot: string) => (await decisions()).findLast((decision) => decision.slot === slot)
const has = (slot: string, mode: string) => async (): Promise<boolean> => (await newest(slot))?.mode === mode
const serves = (version: string) => async (): Promise<boolean> =>
  (await newest(CHAMPION))?.modelVersion === version.split('@')[1]
const scores = async (): Promise<SpoilerScore[]> => (await pipeline.records('spoilerScores')).map(({ value }) => value)
const scoredBy = (slot: string, version: string) => async (): Promise<boolean> =>
  (await scores()).some((score) => score.slot === slot && `linear@${score.modelVersion}` === version)

const scoresInShadow = async (): Promise<boolean> => (await pipeline.records('shadowScores')).length > 0

async function decide(...line: string[]): Promise<void> {
  const { exitCode, stderr } = await shield(pipeline, ['models', ...line])
  expect(exitCode, stderr).toBe(0)
}

test('a canary that turns bad is taken back by its labels; one that does well takes over; one command takes it back', async () => {
  const before = await versionOf({ threshold: 0.5 })
  const careless = await versionOf({ threshold: 0.8 })
  const careful = await versionOf({ threshold: 0.55 })
  const alone = await shield(pipeline, ['models', 'challenge', careless, '--trial'])
  expect(alone).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nothing was deployed') as string })
  await decide('promote', before)
  await flowUntil('the first one scores', SPOILING, scoredBy('champion', before))

  await decide('challenge', careless, '--trial')
  await flowUntil('it scores in the shadow', SPOILING, scoresInShadow, 2)
  await publishMany(OF_A_STAGE, SPOILING)
  await until('it is a canary', has('challenger', 'canary'), STAGES_WITHIN_MS)
  expect(await newest('challenger')).toMatchObject({ mode: 'canary', share: CANARY_SHARE, decidedBy: 'control' })
  await flowUntil('the bad canary is taken back', DOUBTFUL, has('challenger', 'off'))
  expect((await newest('challenger'))?.reason).toMatch(/times as many reviews spoilers|^worse: F1 /)
  expect(await serves(before)()).toBe(true)

  await decide('challenge', careful, '--trial')
  await flowUntil('the careful one serves', DOUBTFUL, scoredBy('champion', careful))
  expect(await newest(CHAMPION)).toMatchObject({
    decidedBy: 'control',
    reason: expect.stringMatching(/^no worse: /) as string,
  })
  await decide('rollback', '--reason', 'to see that it works')
  await flowUntil('the first one scores again', DOUBTFUL, async () => {
    const newestScore = (await scores()).findLast(({ slot }) => slot === 'champion')
    return newestScore?.deploymentEpoch === 3
  })
  expect(await newest('challenger')).toMatchObject({ mode: 'off' })
  expect(await serves(before)()).toBe(true)
  await expectOneScoreEach()
}, 600_000)

async function expectOneScoreEach(): Promise<void> {
  await until('all is scored', async () => (await scores()).length >= published)
  const ids = (await scores()).map(({ reviewId }) => reviewId)
  expect(new Set(ids).size).toBe(published)
  expect(ids).toHaveLength(published)
}
