import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashedTerms } from '../../../features/hashed-terms.ts'
import { loadModelVersion, openModelVersion } from '../../../inference/model-version.ts'
import { expectedLogit, linearVersion, reviewOf } from '../../support/linear-versions.ts'
import { featureRow, sentence, SPANS } from '../../support/model-versions.ts'

const refusal = (message: string) => ({
  code: 'SPL_MODEL_INVALID',
  onError: 'stop',
  message: expect.stringContaining(message) as string,
})
const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit))
const logitOf = (probability: number): number => Math.log(probability / (1 - probability))

test('any text and any values are scored as the formula of the graph says', async () => {
  await using version = await linearVersion()
  await using model = await loadModelVersion(version.folder)
  const words = fc.array(fc.constantFrom('he', 'dies', 'ending', 'the', 'Killer', 'loved', 'it.', '…', '誰'))
  const text = fc.oneof(
    words.map((list) => list.join(' ')),
    fc.string({ unit: 'binary' }),
  )
  const values = fc.record({
    text_units: fc.nat({ max: 100_000 }),
    rating: fc.integer({ min: 1, max: 10 }),
    digit_share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const property = fc.asyncProperty(text, values, async (written, named) => {
    const row = featureRow(named, { text: written })
    const { probability } = await model.score(row)
    expect(probability).toBeCloseTo(sigmoid(expectedLogit(row)), 6)
  })
  await fc.assert(property, { seed: 41 })
})

test('its reasons are features and the words that weigh most; named or not, they sum to the log-odds', async () => {
  await using version = await linearVersion({ draft: { calibration: { kind: 'platt', slope: 2, intercept: 1 } } })
  await using model = await loadModelVersion(version.folder)
  const row = reviewOf('Killer twist: the butler.')
  const { probability, reasons } = await model.score(row)
  expect(logitOf(probability)).toBeCloseTo(2 * expectedLogit(row) + 1, 5)
  const words = reasons.filter(({ feature }) => feature === 'terms')
  expect(words.map(({ text }) => text)).toEqual([expect.stringMatching(/^the words? "/), expect.stringMatching(/"$/)])
  expect(words.map(({ contribution }) => Math.sign(contribution)).toSorted()).toEqual([-1, 1])
  const named = words.flatMap(({ text }) => [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]))
  const own = hashedTerms(row.text, 64).map(({ term }) => term)
  expect(named.every((term) => term !== undefined && own.includes(term))).toBe(true)
  // so few terms that all with a weight are named: with base and bias nothing is left over
  const sum = reasons.reduce((total, { contribution }) => total + contribution, 0)
  expect(sum + 2 * -0.5 + 1).toBeCloseTo(2 * expectedLogit(row) + 1, 4)
})

test('a sentence scores by its own words: together the sentences have what their words give to the review', async () => {
  const text = 'Loved the music. The killer is the butler. Loved it.'
  const cuts = [0, 17, 43, text.length]
  const sentences = cuts.slice(1).map((end, i) => sentence({ start: cuts[i] as number, end }))
  const nothing = { ...SPANS, intercept: 0, terms: 1 }
  await using version = await linearVersion({
    spans: nothing,
    draft: { spans: { coefficients: 'spans.json', threshold: 0 } },
  })
  await using model = await loadModelVersion(version.folder)
  const { spans } = await model.score(reviewOf(text, { sentences }))
  expect(spans.map(({ start, end }) => [start, end])).toEqual(sentences.map(({ start, end }) => [start, end]))
  const logOdds = spans.map(({ score }) => logitOf(score))
  expect(new Set(logOdds).size).toBe(3)
  // pairs of words across two sentences belong to neither
  const across = ['music the', 'butler loved']
  const weights = new Map(hashedTerms(text, 64).map(({ bucket, count }) => [bucket, { bucket, count }]))
  const length = Math.hypot(...[...weights.values()].map(valueOf))
  const whole = [...weights.values()].reduce((sum, term) => sum + (weightOf(term.bucket) * valueOf(term)) / length, 0)
  const lost = across.reduce((sum, pair) => {
    const bucket = hashedTerms(pair, 64).find(({ term }) => term === pair)?.bucket as number
    const term = weights.get(bucket) as { bucket: number; count: number }
    return sum + (weightOf(bucket) * valueOf(term)) / length / term.count
  }, 0)
  expect(logOdds.reduce((sum, value) => sum + value, 0)).toBeCloseTo(whole - lost, 5)
})

const weightOf = (bucket: number): number => ((bucket % 9) - 4) / 4
const valueOf = ({ bucket, count }: { readonly bucket: number; readonly count: number }): number =>
  (1 + Math.log(count)) * (1 + (bucket % 5) / 4)

test.each([
  { name: 'weights for another number of buckets', parts: { idf: new Float32Array(63) }, problem: 'idf.f32' },
  { name: 'a weight that is no number', parts: { idf: new Float32Array(64).fill(NaN) }, problem: 'weight 0 is NaN' },
  {
    name: 'inputs that are not the context of the graph',
    parts: { draft: { inputs: ['text_units', 'rating'] } },
    problem: "context has 3 features, the manifest's inputs 2",
  },
  {
    name: 'a file that is no graph',
    parts: {
      draft: { head: { kind: 'onnx-linear', model: 'spans.json', terms: { buckets: 64, idf: 'idf.f32' } } } as const,
    },
    problem: 'spans.json: is no graph',
  },
  {
    name: 'a golden row that it misses',
    parts: { golden: [{ row: featureRow(), probability: 0.123, spans: [] }] },
    problem: 'golden.jsonl:1: probability',
  },
])('$name is refused', async ({ parts, problem }) => {
  await expect(linearVersion(parts)).rejects.toMatchObject(refusal(problem))
})

test('served from a process of its own it gives the same bits, and says what runs it', async () => {
  await using version = await linearVersion()
  await using here = await loadModelVersion(version.folder)
  await using there = await openModelVersion(version.folder, { processes: 1 })
  const { name, version: own, tier, featureService, rowLength, threshold, runtimeFingerprint } = here
  const description = { name, version: own, tier, featureService, rowLength, threshold, runtimeFingerprint }
  expect(there).toMatchObject(description)
  expect(there.runtimeFingerprint).toMatch(/onnx-linear\/onnxruntime \d/)
  const row = reviewOf('The killer is the butler. Loved it.', {
    sentences: [sentence({ end: 25, cues: 1 }), sentence({ start: 26, end: 35, banner: true })],
  })
  expect(await there.score(row)).toEqual(await here.score(row))
})
