import { expect, test } from 'vitest'
import type { Figure, Gain } from '../../../../trainers/evaluation/figures.ts'
import { verdictOf } from '../../../../trainers/evaluation/verdict.ts'

const gain = (over: string, prAuc: Figure | null): Gain => {
  return { over, prAuc, rocAuc: null, f1: null, precision: null, recall: null, brier: null }
}
const clear = { value: 0.2, low: 0.1, high: 0.3 }

test.each<{ name: string; gains: Gain[]; isBetter: boolean }>([
  { name: 'better than each', gains: [gain('prior', clear), gain('length', clear)], isBetter: true },
  {
    name: 'better, but the interval holds 0',
    gains: [gain('prior', clear), gain('length', { value: 0.2, low: -0.01, high: 0.4 })],
    isBetter: false,
  },
  { name: 'the interval begins at 0', gains: [gain('prior', { value: 0.1, low: 0, high: 0.2 })], isBetter: false },
  {
    name: 'worse than one',
    gains: [gain('prior', { value: -0.2, low: -0.3, high: -0.1 }), gain('length', clear)],
    isBetter: false,
  },
  { name: 'not comparable with one', gains: [gain('prior', null), gain('length', clear)], isBetter: false },
  { name: 'compared with nobody', gains: [], isBetter: false },
])('$name: $isBetter', ({ gains, isBetter }) => {
  expect(verdictOf(gains).isBetter).toBe(isBetter)
})

test('the reason names whom it was compared with, and by how much', () => {
  const { reason } = verdictOf([gain('prior', { value: 0.2, low: -0.01, high: 0.4 }), gain('length', null)])
  expect(reason).toBe(
    'not shown to be better on held-out reviews: PR-AUC +0.200 (-0.010 to +0.400) over prior, not comparable with length',
  )
})
