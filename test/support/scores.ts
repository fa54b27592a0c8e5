import type { ReviewFeatures, SpoilerScore } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'

/** A score as a scorer writes it. */
export function spoilerScore(fields: Partial<SpoilerScore> = {}): SpoilerScore {
  return {
    reviewId: 'r1',
    userId: 'u1',
    movieId: 'm1',
    revision: 0,
    writtenAtMs: 0,
    reviewAppendedAtMs: 0,
    textUnits: 840,
    probability: 0.25,
    isSpoiler: false,
    threshold: 0.5,
    modelName: 'prior',
    modelVersion: 'abc',
    deploymentEpoch: 0,
    slot: 'champion',
    tier: 'prior',
    featureService: 'spoiler_v1',
    slices: [],
    position: { topic: topics.reviewFeatures.name, partition: 0, offset: 0 },
    spans: [],
    reasons: [],
    ...fields,
  }
}

interface PublishedScore {
  readonly topic: string
  readonly score: SpoilerScore
}

/** The score of a row, by the length of its text; of every other length that of a shadow, the other way round. */
export function scoresOf({ reviewId, userId, movieId, revision, writtenAtMs, text }: ReviewFeatures): PublishedScore[] {
  const probability = (text.length % 100) / 100
  const scored = { reviewId, userId, movieId, revision, writtenAtMs, textUnits: text.length }
  const slices = [`length: ${text.length < 10 ? 'short' : 'usual'}`]
  const score = spoilerScore({ ...scored, probability, isSpoiler: probability >= 0.5, slices })
  const shadow = spoilerScore({
    ...score,
    probability: 1 - probability,
    isSpoiler: 1 - probability >= 0.5,
    modelName: 'baseline',
    slot: 'challenger',
  })
  const published = { topic: topics.spoilerScores.name, score }
  return text.length % 2 === 0 ? [published] : [published, { topic: topics.shadowScores.name, score: shadow }]
}
