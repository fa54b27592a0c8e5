import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadModelVersion } from '../../../inference/model-version.ts'
import { sealModelVersion } from '../../../inference/seal-model-version.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import {
  COEFFICIENTS,
  DRAFT,
  featureRow,
  GOLDEN,
  sealedVersion,
  unsealedVersion,
} from '../../support/model-versions.ts'

const refusal = (message: string) => ({
  code: 'SPL_MODEL_INVALID',
  onError: 'stop',
  message: expect.stringContaining(message) as string,
})

async function edit(folder: string, file: string, change: (text: string) => string): Promise<void> {
  const path = join(folder, file)
  await writeFile(path, change(await readFile(path, 'utf8')))
}

test('a sealed version serves, and says what it is', async () => {
  await using version = await sealedVersion()
  await using model = await loadModelVersion(version.folder)
  const { name, tier, featureService, rowLength, threshold } = model
  expect({ name, tier, featureService, rowLength, threshold }).toEqual({
    name: 'test',
    tier: 'prior',
    featureService: 'spoiler_v1',
    rowLength: spoilerV1.features.length,
    threshold: 0.5,
  })
  expect(model.version).toMatch(/^[0-9a-f]{16}$/)
  expect(model.runtimeFingerprint).toContain(process.versions.node)
  expect(await model.score(featureRow({ text_units: 700 }))).toEqual({
    probability: GOLDEN.probability,
    isSpoiler: true,
    spans: [],
    reasons: [{ feature: 'text_units', contribution: 2, text: 'of usual length: 700 UTF-16 units' }],
  })
})

test('the version is the content: equal folders have equal versions, any change has another', async () => {
  const versionOf = async (parts: Parameters<typeof sealedVersion>[0]): Promise<string> => {
    await using version = await sealedVersion(parts)
    await using model = await loadModelVersion(version.folder)
    return model.version
  }
  const versions = [
    {},
    { draft: { threshold: 0.6 } },
    { draft: { metrics: { note: 'x' } } },
    { coefficients: { terms: COEFFICIENTS.terms.map((term) => ({ ...term, clip: [0, 999] })), intercept: -1 } },
  ].map(versionOf)
  expect(new Set(await Promise.all(versions)).size).toBe(4)
  expect(await versionOf({})).toBe(await versions[0])
})

test('the order of keys in the manifest is not content', async () => {
  await using version = await sealedVersion()
  await edit(version.folder, 'manifest.json', (text) => {
    const entries = Object.entries(JSON.parse(text) as object)
    return JSON.stringify(Object.fromEntries(entries.toReversed()))
  })
  await using model = await loadModelVersion(version.folder)
  expect(model.name).toBe('test')
})

test.each(['manifest.json', 'coefficients.json', 'spans.json', 'golden.jsonl'])(
  'without %s it is refused',
  async (file) => {
    await using version = await sealedVersion()
    await rm(join(version.folder, file))
    await expect(loadModelVersion(version.folder)).rejects.toMatchObject(refusal(`${file}: missing`))
  },
)

test.each(['coefficients.json', 'spans.json', 'golden.jsonl'])('one more byte in %s is refused', async (file) => {
  await using version = await sealedVersion()
  await edit(version.folder, file, (text) => `${text} `)
  await expect(loadModelVersion(version.folder)).rejects.toMatchObject(refusal(`${file}: differs from the hash`))
})

test('a file that the manifest does not list is refused', async () => {
  await using version = await sealedVersion()
  await writeFile(join(version.folder, 'extra.bin'), '')
  await expect(loadModelVersion(version.folder)).rejects.toMatchObject(refusal('extra.bin: is not listed'))
})

test('a folder that does not exist is refused', async () => {
  await expect(loadModelVersion('/nowhere/at/all')).rejects.toMatchObject(refusal('/nowhere/at/all'))
})

test.each([
  { change: ['"threshold": 0.5', '"threshold": 0.4'], problem: 'manifest.json: version is' },
  { change: ['"threshold": 0.5', '"threshold": 1.5'], problem: 'at threshold' },
  { change: ['"kind": "logistic"', '"kind": "magic"'], problem: 'at head.kind' },
  { change: ['"slope": 2', '"slope": -2'], problem: 'at calibration.slope' },
  { change: ['"tier": "prior"', '"tear": "prior"'], problem: 'at tier' },
  { change: ['{', '['], problem: 'manifest.json: is no JSON' },
])(
  'a manifest with $change.1 for $change.0 is refused: $problem',
  async ({ change: [from = '', to = ''], problem }) => {
    await using version = await sealedVersion()
    await edit(version.folder, 'manifest.json', (text) => text.replace(from, to))
    await expect(loadModelVersion(version.folder)).rejects.toMatchObject(refusal(problem))
  },
)

const term = COEFFICIENTS.terms[0]
test.each([
  { name: 'an unknown service', parts: { draft: { featureService: 'spoiler_v0' } }, problem: 'featureService' },
  { name: 'an unknown input', parts: { draft: { inputs: ['text_units', 'aura'] } }, problem: 'has no aura' },
  { name: 'inputs that are not the terms', parts: { draft: { inputs: ['rating'] } }, problem: 'rating' },
  { name: 'a term twice', parts: { coefficients: { intercept: 0, terms: [term, term] } }, problem: 'twice' },
  { name: 'no scale', parts: { coefficients: { intercept: 0, terms: [{ ...term, scale: 0 }] } }, problem: 'scale' },
  {
    name: 'a range upside down',
    parts: { coefficients: { intercept: 0, terms: [{ ...term, clip: [2, 1] }] } },
    problem: 'clip',
  },
  {
    name: 'roots of negative numbers',
    parts: { coefficients: { intercept: 0, terms: [{ ...term, transform: 'sqrt', clip: [-1, 1] }] } },
    problem: 'clip',
  },
  { name: 'half of the span coefficients', parts: { spans: { intercept: 1 } }, problem: 'spans.json' },
  { name: 'no golden row', parts: { golden: [] }, problem: 'golden.jsonl: has no row' },
  {
    name: 'a golden row of another service',
    parts: { golden: [{ ...GOLDEN, row: { ...GOLDEN.row, featureService: 'x' } }] },
    problem: 'golden.jsonl:1',
  },
  {
    name: 'a golden row that is too short',
    parts: { golden: [GOLDEN, { ...GOLDEN, row: { ...GOLDEN.row, values: [1] } }] },
    problem: 'golden.jsonl:2',
  },
])('$name is refused, naming the place', async ({ parts, problem }) => {
  await expect(sealedVersion(parts)).rejects.toMatchObject(refusal(problem))
})

test('a version that misses a golden row by more than the tolerance is refused, whatever row it is', async () => {
  const shift = fc.double({ min: 1e-8, max: 0.3, noNaN: true })
  const property = fc.asyncProperty(shift, fc.boolean(), fc.nat({ max: 2 }), async (by, ofSpan, at) => {
    const span = GOLDEN.spans[0]
    const mutated = ofSpan
      ? { ...GOLDEN, spans: [{ ...span, score: (span?.score ?? 0) - by }] }
      : { ...GOLDEN, probability: GOLDEN.probability - by }
    const golden = [GOLDEN, GOLDEN, GOLDEN].map((row, i) => (i === at ? mutated : row))
    await expect(sealedVersion({ golden })).rejects.toMatchObject(refusal(`golden.jsonl:${at + 1}`))
  })
  await fc.assert(property, { seed: 31, numRuns: 30 })
})

test.each([
  { name: 'no span', spans: [] },
  { name: 'a span elsewhere', spans: [{ ...GOLDEN.spans[0], start: 1 }] },
])('golden rows that expect $name are refused', async ({ spans }) => {
  await expect(sealedVersion({ golden: [{ ...GOLDEN, spans }] })).rejects.toMatchObject(
    refusal('golden.jsonl:1: spans'),
  )
})

test('a draft that is not valid is not sealed', async () => {
  await using version = await unsealedVersion()
  const draft = { ...DRAFT, golden: { rows: '../golden.jsonl', tolerance: 1e-9 } }
  await expect(sealModelVersion(version.folder, draft)).rejects.toMatchObject(refusal('at golden.rows'))
})

test('the probability is in [0, 1] for every row of finite values', async () => {
  await using version = await sealedVersion()
  await using model = await loadModelVersion(version.folder)
  const value = fc.double({ noNaN: true, noDefaultInfinity: true })
  const property = fc.asyncProperty(value, async (units) => {
    const { probability, isSpoiler } = await model.score(featureRow({ text_units: units }))
    expect(probability).toBeGreaterThanOrEqual(0)
    expect(probability).toBeLessThanOrEqual(1)
    expect(isSpoiler).toBe(probability >= 0.5)
  })
  await fc.assert(property, { seed: 32 })
})
