import { expect, test } from 'vitest'
import { topics } from '../../../schemas/topics.ts'
import { scoreIntake } from '../../../stream-processors/score-intake.ts'
import { valuesTo } from '../../support/fold-chain.ts'
import { record } from '../../support/review-world.ts'
import { spoilerScore } from '../../support/scores.ts'
import { drive } from '../../support/topology-test-driver.ts'

test.each([
  { topic: topics.spoilerScores.name, slot: 'champion', mode: 'serve' },
  { topic: topics.spoilerScores.name, slot: 'challenger', mode: 'canary' },
  { topic: topics.shadowScores.name, slot: 'challenger', mode: 'shadow' },
])('a score of the $slot in $topic counts as $mode, with what counts of it', ({ topic, slot, mode }) => {
  const value = spoilerScore({ slot, slices: ['film: new'], revision: 2 })
  const { output } = drive(scoreIntake, [record(topic, { value, offset: 0, appendedAtMs: 1 })])
  const { position, probability, threshold, textUnits, deploymentEpoch, writtenAtMs } = value
  expect(valuesTo('scoreActivity', output)).toEqual([
    {
      reviewId: 'r1',
      userId: 'u1',
      movieId: 'm1',
      score: {
        mode,
        revision: 2,
        writtenAtMs,
        modelName: 'prior',
        modelVersion: 'abc',
        deploymentEpoch,
        probability,
        isSpoiler: false,
        threshold,
        textUnits,
        slices: ['film: new'],
      },
      row: position,
      label: null,
    },
  ])
})
