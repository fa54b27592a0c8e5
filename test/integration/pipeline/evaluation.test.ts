import { afterAll, beforeAll, expect, test } from 'vitest'
import type { VersionQuality } from '../../../cli/quality-report.ts'
import type { ReviewLabel } from '../../../schemas/generated.ts'
import { isAudited } from '../../../stream-processors/audit-sample.ts'
import { COMPONENTS, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { shield } from '../../support/shield.ts'

const REVIEWS = 400
const resources = new AsyncDisposableStack()
let pipeline: Pipeline

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry'], { TOPIC_PARTITIONS: '4' }))
})
afterAll(() => resources.disposeAsync())

const idsOf = (n: number) => ({ reviewId: `r${n}`, userId: `u${n % 40}`, movieId: `m${(n % 40) % 9}` })
const labelOf = (n: number, revision: number): ReviewLabel => ({
  ...EXAMPLE.label,
  ...idsOf(n),
  isSpoiler: (n + revision) % 3 === 0,
  source: n % 2 === 0 ? 'self-declared' : 'report',
  revision,
})

/** A third of the labels come before their reviews, a third behind them, a third twice. */
async function publish(from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 1) {
    if (n % 3 === 0) await pipeline.publisher.publish('reviewLabels', labelOf(n, 0))
    await pipeline.publisher.publish('reviews', { ...EXAMPLE.review, ...idsOf(n) })
    if (n % 3 !== 0) await pipeline.publisher.publish('reviewLabels', labelOf(n, 0))
    if (n % 3 === 2) await pipeline.publisher.publish('reviewLabels', labelOf(n, 1))
  }
  await pipeline.publisher.flush()
}

const newestLabel = (n: number): ReviewLabel => labelOf(n, n % 3 === 2 ? 1 : 0)

/** By review, what the last outcome says; records of a review stand in one partition, in order. */
async function lastOutcomes() {
  const outcomes = (await pipeline.records('scoreOutcomes')).map(({ value }) => value)
  return new Map(outcomes.map(({ reviewId, outcome }) => [reviewId, outcome]))
}

test('two instances, rebalanced during the run, give every score the outcome that its newest label says', async () => {
  const [folds, scorer] = ['folds', 'scorer'].map((name) => COMPONENTS.filter((component) => component.name === name))
  pipeline.supervise([...(folds ?? []), ...(scorer ?? [])], { INSTANCE: '0' })
  await publish(0, REVIEWS / 2)
  const second = pipeline.supervise(folds ?? [], { INSTANCE: '1' })
  await publish(REVIEWS / 2, (REVIEWS * 3) / 4)
  await until('half is evaluated', async () => (await lastOutcomes()).size >= REVIEWS / 2, 120_000)
  await second[Symbol.asyncDispose]()
  await publish((REVIEWS * 3) / 4, REVIEWS)

  const expected = Array.from({ length: REVIEWS }, (_, n) => {
    const { reviewId, revision, isSpoiler, source } = newestLabel(n)
    return [reviewId, { revision, isSpoiler, source }] as const
  })
  const said = async () =>
    [...(await lastOutcomes())].map(([id, { label }]) => {
      return [id, { revision: label.revision, isSpoiler: label.isSpoiler, source: label.source }] as const
    })
  const byId = (a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1)
  const equals = async () => JSON.stringify((await said()).sort(byId)) === JSON.stringify(expected.toSorted(byId))
  await until('every review has its outcome', equals, 120_000)

  const scores = new Map((await pipeline.records('spoilerScores')).map(({ value }) => [value.reviewId, value]))
  expect(scores.size).toBe(REVIEWS)
  for (const [id, { score }] of await lastOutcomes()) {
    const { probability, modelVersion, slices } = scores.get(id) ?? {}
    expect(score).toMatchObject({ mode: 'serve', probability, modelVersion, slices })
  }
  const [version] = await quality()
  const positives = expected.filter(([, { isSpoiler }]) => isSpoiler).length
  const own = expected.filter(([, { source }]) => source === 'self-declared').length
  const hits = expected.filter(([id, { isSpoiler }]) => isSpoiler && scores.get(id)?.isSpoiler === true).length
  const [all] = version?.slices ?? []
  expect(all).toMatchObject({ scored: REVIEWS, labelled: REVIEWS, deciding: { labelled: own }, all: { positives } })
  expect(all?.all.recall).toBeCloseTo(hits / positives, 12)
})

test('people are asked about the sample without being told the score, and their answer counts', async () => {
  const sample = Array.from({ length: REVIEWS }, (_, n) => `r${n}`).filter(isAudited)
  expect(sample.length).toBeGreaterThan(0)
  const asked = JSON.parse((await shield(pipeline, ['label', 'next', '--json'])).stdout) as {
    readonly open: number
    readonly review: { readonly reviewId: string; readonly text: string }
  }
  expect(asked).toMatchObject({ open: sample.length, review: { text: EXAMPLE.review.text } })
  expect(JSON.stringify(asked)).not.toContain('probability')
  const { reviewId } = asked.review
  expect(sample).toContain(reviewId)

  const put = await shield(pipeline, ['label', 'put', reviewId, 'clean'])
  expect(put.exitCode, put.stderr).toBe(0)
  const answered = async () => (await lastOutcomes()).get(reviewId)?.label
  await until('the answer counts', async () => (await answered())?.source === 'audit', 60_000)
  expect(await answered()).toMatchObject({ source: 'audit', isSpoiler: false })
  const next = JSON.parse((await shield(pipeline, ['label', 'next', '--json'])).stdout) as typeof asked
  expect(next.open).toBe(sample.length - 1)

  const refused = await shield(pipeline, ['label', 'put', 'not-asked', 'clean'])
  expect(refused).toMatchObject({ exitCode: 2, stdout: '' })
  expect(refused.stderr).toContain('nobody is asked about the review "not-asked"')
})

async function quality(): Promise<readonly VersionQuality[]> {
  const { exitCode, stdout, stderr } = await shield(pipeline, ['quality', '--json'])
  expect(exitCode, stderr).toBe(0)
  return (JSON.parse(stdout) as { readonly versions: readonly VersionQuality[] }).versions
}
