import { expect, test } from 'vitest'
import { worldReport } from '../../../../producers/world/world-report.ts'

test.each([7, 8, 2026])('world %i is learnable but not trivial, and length alone is not enough', (seed) => {
  const report = worldReport(seed, 20_000)
  expect(report.reviews).toBe(20_000)
  expect(report.baseRate).toBeGreaterThan(0.23)
  expect(report.baseRate).toBeLessThan(0.29)
  expect(report.bayesAuc).toBeGreaterThan(0.85)
  expect(report.bayesAuc).toBeLessThan(0.9)
  expect(report.lengthAuc).toBeGreaterThan(0.6)
  expect(report.lengthAuc).toBeLessThan(0.7)
  expect(report.firstReviewShare).toBeGreaterThan(0.45)
  expect(report.firstReviewShare).toBeLessThan(0.6)
  expect(report.units.p50).toBeGreaterThan(750)
  expect(report.units.p50).toBeLessThan(1050)
  expect(report.units.p99).toBeGreaterThan(3500)
  expect(report.medianLabelDelayMs / 86_400_000).toBeGreaterThan(1)
  expect(report.medianLabelDelayMs / 86_400_000).toBeLessThan(3)
})
