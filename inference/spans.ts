import { z } from 'zod'
import type { SentenceEvidence, SpoilerSpan } from '../schemas/generated.ts'
import { sigmoid } from './calibration.ts'

/** Most sentences published for one review. */
export const MAX_SPANS = 20

/**
 * A small logistic over the evidence of one sentence: its score is
 * sigmoid(intercept + cues * min(cue count, cuesCap) + plotOverlap * share + endingOverlap * share + banner * 0|1
 *   + terms * log-odds of its terms),
 * with shares from 0 to 1. The log-odds of its terms are what the head, before calibration, gives to the terms of the
 * review, each in proportion to how many of its occurrences stand in this sentence.
 */
export const SpanCoefficients = z.strictObject({
  intercept: z.number(),
  cues: z.number(),
  cuesCap: z.number().int().positive(),
  plotOverlap: z.number(),
  endingOverlap: z.number(),
  banner: z.number(),
  terms: z.number().default(0),
})
export type SpanCoefficients = z.infer<typeof SpanCoefficients>

/** What the head gives to the terms of a sentence, in log-odds. */
type SentenceLogOdds = (sentence: SentenceEvidence) => number
const NO_TERMS: SentenceLogOdds = () => 0

/** Score of one sentence, in [0, 1]. */
export function sentenceScore(
  coefficients: SpanCoefficients,
  sentence: SentenceEvidence,
  termLogOdds: SentenceLogOdds = NO_TERMS,
): number {
  const logit =
    coefficients.intercept +
    coefficients.cues * Math.min(sentence.cues, coefficients.cuesCap) +
    coefficients.plotOverlap * (sentence.plotOverlapPermille / 1000) +
    coefficients.endingOverlap * (sentence.endingOverlapPermille / 1000) +
    (sentence.banner ? coefficients.banner : 0) +
    (coefficients.terms === 0 ? 0 : coefficients.terms * termLogOdds(sentence))
  return sigmoid(logit)
}

/** The sentences at or above the threshold, at most {@link MAX_SPANS} (the highest), in text order. */
export function spoilingSpans(
  coefficients: SpanCoefficients,
  threshold: number,
  sentences: readonly SentenceEvidence[],
  termLogOdds: SentenceLogOdds = NO_TERMS,
): SpoilerSpan[] {
  return sentences
    .map((sentence) => {
      const { start, end } = sentence
      return { start, end, score: sentenceScore(coefficients, sentence, termLogOdds) }
    })
    .filter(({ score }) => score >= threshold)
    .toSorted((a, b) => b.score - a.score || a.start - b.start)
    .slice(0, MAX_SPANS)
    .toSorted((a, b) => a.start - b.start)
}
