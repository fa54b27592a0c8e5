import fc from 'fast-check'
import { expect, test } from 'vitest'
import { calibrate, sigmoid } from '../../../inference/calibration.ts'
import { contributionsOf, openLogisticHead } from '../../../inference/logistic-head.ts'
import type { Coefficients } from '../../../inference/logistic-head.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { featureRow } from '../../support/model-versions.ts'

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true })

function headOf(coefficients: Coefficients) {
  const bytes = new Map([['c.json', Buffer.from(JSON.stringify(coefficients))]])
  const inputs = coefficients.terms.map(({ feature }) => feature)
  return openLogisticHead({ folder: 'memory', bytes }, 'c.json', { inputs, features: spoilerV1.features })
}

const terms = fc.uniqueArray(
  fc.record({
    feature: fc.constantFrom(...spoilerV1.features.map(({ name }) => name)),
    clip: fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 10, max: 5_000 })),
    transform: fc.constantFrom('identity', 'log1p', 'sqrt'),
    mean: fc.double({ min: -100, max: 100, noNaN: true }),
    scale: fc.double({ min: 0.01, max: 100, noNaN: true }),
    coefficient: fc.double({ min: -5, max: 5, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12, selector: ({ feature }) => feature },
)
const calibration = fc.oneof(
  fc.constant({ kind: 'identity' as const }),
  fc.record({
    kind: fc.constant('platt' as const),
    slope: fc.double({ min: 0.01, max: 10, noNaN: true }),
    intercept: fc.double({ min: -5, max: 5, noNaN: true }),
  }),
)

test('contributions and base sum to the log-odds, before and after calibration', async () => {
  const values = fc.array(finite, { minLength: spoilerV1.features.length, maxLength: spoilerV1.features.length })
  const property = fc.asyncProperty(terms, finite, values, calibration, async (list, intercept, row, how) => {
    const raw = await headOf({ intercept, terms: list }).evaluate(featureRow({}, { values: row }))
    const calibrated = calibrate(how, raw)
    for (const { logit, contributions, base } of [raw, calibrated]) {
      const sum = contributions.reduce((total, { logOdds }) => total + logOdds, base)
      const size = contributions.reduce((total, { logOdds }) => total + Math.abs(logOdds), Math.abs(base))
      expect(Math.abs(sum - logit)).toBeLessThanOrEqual(1e-12 * (1 + size))
    }
    expect(calibrated.logit).toBe(how.kind === 'identity' ? raw.logit : raw.logit * how.slope + how.intercept)
  })
  await fc.assert(property, { seed: 41 })
})

const term = { feature: 'rating', clip: [1, 9] as [number, number], mean: 2, scale: 4, coefficient: 8 }
test.each([
  { name: 'as it is', transform: 'identity' as const, value: 5, logOdds: 6 },
  { name: 'below the range: its low bound', transform: 'identity' as const, value: -70, logOdds: -2 },
  { name: 'above the range: its high bound', transform: 'identity' as const, value: 70, logOdds: 14 },
  { name: 'a root', transform: 'sqrt' as const, value: 4, logOdds: 0 },
  { name: 'a logarithm of 1 + value', transform: 'log1p' as const, value: 3, logOdds: 2 * (Math.log(4) - 2) },
])('a value counts $name', ({ transform, value, logOdds }) => {
  const [contribution] = contributionsOf({ intercept: 0, terms: [{ ...term, transform }] }, () => value)
  expect(contribution).toEqual({ feature: 'rating', value, logOdds: expect.closeTo(logOdds, 12) as number })
})

test('a value that is not finite is our bug, not a score', () => {
  expect(() => contributionsOf({ intercept: 0, terms: [{ ...term, transform: 'sqrt' }] }, () => Number.NaN)).toThrow(
    'rating is NaN',
  )
})

test.each([
  [0, 0.5],
  [-800, 0],
  [800, 1],
  [Math.log(3), 0.75],
])('sigmoid(%d) is %d', (logit, probability) => {
  expect(sigmoid(logit)).toBeCloseTo(probability, 15)
})
