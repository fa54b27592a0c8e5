import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Model } from '../../../inference/model.ts'
import { activationKey, decideActivation, restoreActivations } from '../../../scorer/activations.ts'
import type { Serving } from '../../../inference/score-row.ts'
import type { ModelActivation } from '../../../schemas/generated.ts'

const servingOf = (deploymentEpoch: number, version = 'v1', runtimeFingerprint = 'node 24'): Serving => {
  const model: Model = {
    name: 'prior',
    version,
    tier: 'prior',
    featureService: 'spoiler_v1',
    rowLength: 1,
    threshold: 0.5,
    runtimeFingerprint,
    score: () => Promise.reject(new Error('not asked for')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { model, deploymentEpoch }
}
const activationOf = (partition: number, { model, deploymentEpoch }: Serving, fromOffset = 0): ModelActivation => ({
  partition,
  fromOffset,
  deploymentEpoch,
  modelName: model.name,
  modelVersion: model.version,
  tier: model.tier,
  runtimeFingerprint: model.runtimeFingerprint,
  featureService: 'spoiler_v1',
  slot: 'champion',
  mode: 'serve',
  share: 1,
})
const AT = { partition: 2, fromOffset: 70, featureService: 'spoiler_v1' }

test('a partition that was never scored is activated from its first row, the prior at epoch 0', () => {
  const recorded = restoreActivations([activationOf(1, servingOf(0))])
  expect(decideActivation(recorded, AT, servingOf(0))).toEqual({
    kind: 'activate',
    activation: activationOf(2, servingOf(0), 70),
  })
})

test.each([
  { name: 'the same', serving: servingOf(3), kind: 'unchanged' },
  { name: 'a new epoch', serving: servingOf(4), kind: 'activate' },
  { name: 'another version', serving: servingOf(3, 'v2'), kind: 'activate' },
  { name: 'another runtime', serving: servingOf(3, 'v1', 'node 25'), kind: 'activate' },
  { name: 'a rollback: an old version at a new epoch', serving: servingOf(4, 'v0'), kind: 'activate' },
  { name: 'an older epoch', serving: servingOf(2, 'v9'), kind: 'behind' },
])('after epoch 3 of v1, $name is $kind', ({ serving, kind }) => {
  const recorded = restoreActivations([activationOf(2, servingOf(5)), activationOf(2, servingOf(3))])
  expect(decideActivation(recorded, AT, serving)).toMatchObject({ kind })
})

test('being behind says behind what', () => {
  const recorded = restoreActivations([activationOf(2, servingOf(9))])
  expect(decideActivation(recorded, AT, servingOf(1))).toEqual({ kind: 'behind', recordedEpoch: 9 })
})

test('whoever serves in turn, the epochs recorded for a partition and feature service never fall, and no record repeats the one before', () => {
  const turn = fc.record({
    epoch: fc.nat({ max: 4 }),
    version: fc.constantFrom('v1', 'v2'),
    partition: fc.nat({ max: 2 }),
    featureService: fc.constantFrom('spoiler_v1', 'spoiler_v2'),
  })
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
      const log: ModelActivation[] = []
      for (const [fromOffset, { epoch, version, partition, featureService }] of turns.entries()) {
        const at = { partition, fromOffset, featureService }
        const decision = decideActivation(restoreActivations(log), at, servingOf(epoch, version))
        if (decision.kind === 'activate') log.push(decision.activation)
      }
      for (const own of Map.groupBy(log, (one) => activationKey(one, one.slot)).values()) {
        for (const [i, record] of own.entries()) {
          const before = own[i - 1]
          if (before === undefined) continue
          expect(record.deploymentEpoch).toBeGreaterThanOrEqual(before.deploymentEpoch)
          expect({ ...record, fromOffset: 0 }).not.toEqual({ ...before, fromOffset: 0 })
        }
      }
    }),
    { seed: 71 },
  )
})
