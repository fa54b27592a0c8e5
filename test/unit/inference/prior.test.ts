import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadModelVersion } from '../../../inference/model-version.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { featureRow } from '../../support/model-versions.ts'

const FOLDER = join(import.meta.dirname, '../../../inference/versions/prior')
const manifest = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as {
  version: string
  inputs: string[]
}

/** Anything within the declared ranges. */
const anyRow = fc
  .tuple(...spoilerV1.features.map(({ min, max }) => fc.double({ min, max, noNaN: true })))
  .map((values) => featureRow({}, { values }))

test('the committed prior is whole and reproduces what scikit-learn made of its golden rows', async () => {
  await using model = await loadModelVersion(FOLDER)
  expect(model).toMatchObject({ name: 'prior', tier: 'prior', version: manifest.version })
})

test('its golden rows exercise what they prove: both decisions, reviews with and without spans', async () => {
  await using model = await loadModelVersion(FOLDER)
  const lines = readFileSync(join(FOLDER, 'golden.jsonl'), 'utf8').trimEnd().split('\n')
  const rows = lines.map((line) => JSON.parse(line) as { probability: number; spans: unknown[] })
  expect(new Set(rows.map(({ probability }) => probability >= model.threshold)).size).toBe(2)
  expect(new Set(rows.map(({ spans }) => spans.length > 0)).size).toBe(2)
})

test('it reads length and context and nothing of the words', () => {
  const ofTheWords = /cue|overlap|banner|sentiment|share|genre/
  expect(manifest.inputs.filter((name) => ofTheWords.test(name))).toEqual([])
})

test('every row within the declared ranges has a probability and reasons', async () => {
  await using model = await loadModelVersion(FOLDER)
  const property = fc.asyncProperty(anyRow, async (row) => {
    const { probability, reasons } = await model.score(row)
    // Inputs are clipped to the range of the fit, so that no review is certain for a prior.
    expect(probability).toBeGreaterThan(0.01)
    expect(probability).toBeLessThan(0.99)
    expect(reasons.length).toBeGreaterThan(0)
  })
  await fc.assert(property, { seed: 81 })
})

test('of two reviews that are otherwise equal the longer one is no less likely to spoil', async () => {
  await using model = await loadModelVersion(FOLDER)
  const units = fc.double({ min: 0, max: 100_000, noNaN: true })
  const at = spoilerV1.features.findIndex(({ name }) => name === 'text_units')
  const property = fc.asyncProperty(anyRow, units, units, async (row, a, b) => {
    const probabilityAt = async (length: number) =>
      (await model.score({ ...row, values: row.values.with(at, length) })).probability
    expect(await probabilityAt(Math.min(a, b))).toBeLessThanOrEqual(await probabilityAt(Math.max(a, b)))
  })
  await fc.assert(property, { seed: 82 })
})
