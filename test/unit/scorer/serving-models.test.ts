import { expect, test } from 'vitest'
import type { Model } from '../../../inference/model.ts'
import type { Serving } from '../../../inference/score-row.ts'
import { ServingModels } from '../../../scorer/serving-models.ts'

const epochsOf = (servings: readonly Serving[]): number[] => servings.map(({ deploymentEpoch }) => deploymentEpoch)

/** Models that write down their end, and the epochs that took over. */
function scene() {
  const ended: number[] = []
  const switched: number[][] = []
  const servingOf = (deploymentEpoch: number, featureService = 'spoiler_v1'): Serving => ({
    deploymentEpoch,
    model: {
      version: String(deploymentEpoch),
      featureService,
      [Symbol.asyncDispose]: () => {
        ended.push(deploymentEpoch)
        return Promise.resolve()
      },
    } as unknown as Model,
  })
  const serving = new ServingModels([servingOf(0)], (servings) => switched.push(epochsOf(servings)))
  return { serving, servingOf, ended, switched }
}

test('within a batch the model stays; afterwards the new one takes over and the old one is ended', () => {
  const { serving, servingOf, ended, switched } = scene()
  expect(epochsOf(serving.begin())).toEqual([0])
  serving.replace(servingOf(1))
  expect({ ended, switched, newest: serving.newestEpoch('spoiler_v1') }).toEqual({
    ended: [],
    switched: [[0]],
    newest: 1,
  })
  serving.end()
  expect({ ended, switched }).toEqual({ ended: [0], switched: [[0], [1]] })
  expect(epochsOf(serving.begin())).toEqual([1])
})

test('between batches it takes over at once', () => {
  const { serving, servingOf, ended } = scene()
  serving.begin()
  serving.end()
  serving.replace(servingOf(1))
  expect(ended).toEqual([0])
  expect(epochsOf(serving.begin())).toEqual([1])
})

test('one that was overtaken before it served is ended unseen', () => {
  const { serving, servingOf, ended, switched } = scene()
  serving.begin()
  serving.replace(servingOf(1))
  serving.replace(servingOf(2))
  serving.end()
  expect({ ended, switched }).toEqual({ ended: [0, 1], switched: [[0], [2]] })
})

test('each feature service has its newest; what is the newest for none is ended', () => {
  const { serving, servingOf, ended, switched } = scene()
  serving.replace(servingOf(1, 'spoiler_v2'))
  expect({ ended, v1: serving.newestEpoch('spoiler_v1'), v2: serving.newestEpoch('spoiler_v2') }).toEqual({
    ended: [],
    v1: 0,
    v2: 1,
  })
  serving.replace(servingOf(2, 'spoiler_v2'))
  expect(ended).toEqual([1])
  serving.replace(servingOf(3))
  expect(ended).toEqual([1, 0, 2])
  expect(switched).toEqual([[0], [0, 1], [0, 2], [3]])
})

test('closing it ends what serves and what waits', async () => {
  const { serving, servingOf, ended } = scene()
  serving.begin()
  serving.replace(servingOf(1))
  await serving[Symbol.asyncDispose]()
  expect(ended.toSorted()).toEqual([0, 1])
})
