import type { Gain } from './figures.ts'

export interface Verdict {
  readonly isBetter: boolean
  /** For people. */
  readonly reason: string
}

/**
 * Whether a version may take over: its PR-AUC must be shown to be higher than that of each of the others, which it is
 * when the interval of the difference lies above 0.
 */
export function verdictOf(gains: readonly Gain[]): Verdict {
  const texts = gains.map(({ over, prAuc }) => {
    if (prAuc === null) return `not comparable with ${over}`
    return `${signed(prAuc.value)} (${signed(prAuc.low)} to ${signed(prAuc.high)}) over ${over}`
  })
  const isBetter = gains.length > 0 && gains.every(({ prAuc }) => prAuc !== null && prAuc.low > 0)
  const shown = isBetter ? 'better on held-out reviews' : 'not shown to be better on held-out reviews'
  return { isBetter, reason: `${shown}: PR-AUC ${texts.join(', ')}` }
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`
}
