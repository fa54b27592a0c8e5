import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { SpoilerScore } from '../schemas/generated.ts'
import { NOTHING } from '../schemas/processor.ts'
import type { Processor } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import type { NoStores } from './intake.ts'

/** Brings published scores and those of shadows into the log that the evaluator folds, without sentences and reasons. */
export const scoreIntake: Processor<SpoilerScore, NoStores> = {
  name: 'score-intake',
  stores: {},
  onRecord({ value, position }) {
    const { reviewId, userId, movieId, slot, position: row, ...score } = value
    const published = slot === CHAMPION ? 'serve' : 'canary'
    const mode = position.topic === topics.shadowScores.name ? 'shadow' : published
    const { revision, writtenAtMs, modelName, modelVersion, deploymentEpoch } = score
    const { probability, isSpoiler, threshold, textUnits, slices } = score
    const trace = {
      mode,
      revision,
      writtenAtMs,
      modelName,
      modelVersion,
      deploymentEpoch,
      probability,
      isSpoiler,
      threshold,
      textUnits,
      slices,
    }
    return {
      ...NOTHING,
      forwards: [{ to: 'scoreActivity', value: { reviewId, userId, movieId, score: trace, row, label: null } }],
    }
  },
}
