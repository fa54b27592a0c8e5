import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Model, ScoringInput } from '../../../inference/model.ts'
import { type OnError, SpoilerError } from '../../../platform/spoiler-error.ts'
import { scoreRow, scoreRows } from '../../../inference/score-row.ts'
import type { ErrorCode } from '../../../schemas/errors.ts'
import type { ReviewFeatures } from '../../../schemas/generated.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import { featureRow } from '../../support/model-versions.ts'

/** Answers with the row's first value; says when two rows are inside at once. */
function probe(): { model: Model; mostAtOnce: () => number } {
  let inside = 0
  let most = 0
  const model: Model = {
    name: 'probe',
    version: '0123456789abcdef',
    tier: 'prior',
    featureService: 'spoiler_v1',
    rowLength: featureRow().values.length,
    threshold: 0.4,
    runtimeFingerprint: 'test',
    score: async ({ values }) => {
      most = Math.max(most, ++inside)
      await Promise.resolve()
      inside--
      const reasons = [{ feature: 'text_units', contribution: 1, text: 'long' }]
      return { probability: values[0] ?? 0, isSpoiler: true, spans: [{ start: 0, end: 8, score: 0.9 }], reasons }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { model, mostAtOnce: () => most }
}

const recordOf = (value: ReviewFeatures, offset = 5): StreamRecord<ReviewFeatures> => {
  const position = { topic: 'review-features', partition: 3, offset }
  return { key: value.reviewId, value, position, appendedAtMs: 9 }
}

test('a score carries everything: whose, what, by which model, since which deployment, of which row', async () => {
  const { model } = probe()
  const result = await scoreRow(recordOf(featureRow({ text_units: 0.75 }, { revision: 2 })), {
    model,
    deploymentEpoch: 6,
  })
  expect(result).toEqual({
    kind: 'score',
    score: {
      reviewId: 'r1',
      userId: 'u1',
      movieId: 'm1',
      revision: 2,
      reviewAppendedAtMs: 1_700_000_000_000,
      textUnits: featureRow().text.length,
      writtenAtMs: 1_000,
      probability: 0.75,
      isSpoiler: true,
      threshold: 0.4,
      modelName: 'probe',
      modelVersion: '0123456789abcdef',
      deploymentEpoch: 6,
      slot: 'champion',
      tier: 'prior',
      featureService: 'spoiler_v1',
      slices: ['author: known', 'film: known', 'length: short', 'released: unknown'],
      position: { topic: 'review-features', partition: 3, offset: 5 },
      spans: [{ start: 0, end: 8, score: 0.9 }],
      reasons: [{ feature: 'text_units', contribution: 1, text: 'long' }],
    },
  })
})

test('a row of a service that has taken over what the model reads is scored by that alone, and says what it is of', async () => {
  const { model } = probe()
  const seen: number[][] = []
  const reading = { ...model, score: (row: ScoringInput) => (seen.push([...row.values]), model.score(row)) }
  const row = featureRow({ text_units: 0.5 }, { featureService: 'spoiler_v2' })
  const wide = { ...row, values: [...row.values, 1, 2, 3, 4] }
  const result = await scoreRow(recordOf(wide), { model: reading, deploymentEpoch: 0 })
  expect(result).toMatchObject({ kind: 'score', score: { probability: 0.5, featureService: 'spoiler_v2' } })
  expect(seen).toEqual([row.values])
})

test('each row is scored by the newest deployment that reads it', async () => {
  const servings = [
    { model: probe().model, deploymentEpoch: 3 },
    { model: { ...probe().model, featureService: 'spoiler_v2' }, deploymentEpoch: 5 },
    { model: probe().model, deploymentEpoch: 1 },
  ]
  const old = featureRow()
  const rows = [old, { ...old, featureService: 'spoiler_v2', values: [...old.values, 0, 0, 0, 0] }, old]
  const results = await scoreRows(
    rows.map((row, i) => recordOf(row, i)),
    servings,
  )
  expect(results.map((result) => result.kind === 'score' && result.score.deploymentEpoch)).toEqual([3, 5, 3])
})

const values = featureRow().values
test.each([
  { name: 'another feature service', row: { featureService: 'spoiler_v9' }, code: 'SPL_FEATURE_SERVICE_UNKNOWN' },
  { name: 'a value too few', row: { values: values.slice(1) }, code: 'SPL_FEATURE_ROW_INVALID' },
  { name: 'a value too many', row: { values: [...values, 0] }, code: 'SPL_FEATURE_ROW_INVALID' },
  { name: 'no values', row: { values: [] }, code: 'SPL_FEATURE_ROW_INVALID' },
  { name: 'a NaN', row: { values: values.with(4, Number.NaN) }, code: 'SPL_FEATURE_ROW_INVALID' },
  { name: 'an infinity', row: { values: values.with(-1, -Infinity) }, code: 'SPL_FEATURE_ROW_INVALID' },
])('a row with $name is rejected as $code and does not reach the model', async ({ row, code }) => {
  const { model, mostAtOnce } = probe()
  expect(await scoreRow(recordOf(featureRow({}, row)), { model, deploymentEpoch: 0 })).toMatchObject({
    kind: 'reject',
    code,
  })
  expect(mostAtOnce()).toBe(0)
})

test('rows are with the model at once, and results keep their order, rejects among them', async () => {
  const rows = fc.array(
    fc.oneof({ weight: 4, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) }, fc.constant(null)),
  )
  const property = fc.asyncProperty(rows, async (list) => {
    const { model, mostAtOnce } = probe()
    const records = list.map((first, i) => recordOf(featureRow({ text_units: first ?? Number.NaN }), i))
    const results = await scoreRows(records, [{ model, deploymentEpoch: 0 }])
    const shown = results.map((r, i) => r.kind === 'score' && [r.score.probability, r.score.position.offset === i])
    expect(shown).toEqual(list.map((first) => first !== null && [first, true]))
    expect(mostAtOnce()).toBe(list.filter((first) => first !== null).length)
  })
  await fc.assert(property, { seed: 61 })
})

const failing = (error: Error): Model => ({ ...probe().model, score: () => Promise.reject(error) })
const spoilerError = (code: ErrorCode, onError: OnError, context = {}) =>
  new SpoilerError(code, 'scoring', { onError, context })

test('a row that the model gives up is a reject that says how often it was tried', async () => {
  const model = failing(spoilerError('SPL_ROW_ENDS_MODEL', 'dead-letter', { attempts: 2 }))
  expect(await scoreRow(recordOf(featureRow()), { model, deploymentEpoch: 0 })).toMatchObject({
    kind: 'reject',
    code: 'SPL_ROW_ENDS_MODEL',
    attempts: 2,
  })
})

test('a model that cannot score now is no fault of the rows: none is rejected', async () => {
  const model = failing(spoilerError('SPL_MODEL_UNAVAILABLE', 'retry'))
  const rows = [recordOf(featureRow()), recordOf(featureRow())]
  await expect(scoreRows(rows, [{ model, deploymentEpoch: 0 }])).rejects.toMatchObject({ onError: 'retry' })
})
