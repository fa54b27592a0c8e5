import { z } from 'zod'
import type { HeadOutput } from './model.ts'

/** Platt scaling: log-odds * slope + intercept, fitted on a span that the head has not seen; or none. */
export const Calibration = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('identity') }),
  // A slope of 0 or less would forget or reverse the order of the reviews.
  z.strictObject({ kind: z.literal('platt'), slope: z.number().positive(), intercept: z.number() }),
])
export type Calibration = z.infer<typeof Calibration>

/** Calibrated log-odds, with contributions and base on the same scale, so that they still sum to it. */
export function calibrate(calibration: Calibration, output: HeadOutput): HeadOutput {
  if (calibration.kind === 'identity') return output
  const { slope, intercept } = calibration
  const { logit, contributions, terms, base } = output
  return {
    ...output,
    logit: logit * slope + intercept,
    contributions: contributions.map((c) => ({ ...c, logOdds: c.logOdds * slope })),
    terms: terms.map((t) => ({ ...t, logOdds: t.logOdds * slope })),
    base: base * slope + intercept,
  }
}

/** Probability of log-odds: in [0, 1] for every number, without overflow. */
export function sigmoid(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit))
}
