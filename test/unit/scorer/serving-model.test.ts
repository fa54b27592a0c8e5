import { expect, test } from 'vitest'
import type { Model } from '../../../inference/model.ts'
import type { Serving } from '../../../inference/score-row.ts'
import { ServingModel } from '../../../scorer/serving-model.ts'

/** Models that write down their end, and the epochs that took over. */
function scene() {
  const ended: number[] = []
  const switched: number[] = []
  const servingOf = (deploymentEpoch: number): Serving => ({
    deploymentEpoch,
    model: {
      version: String(deploymentEpoch),
      [Symbol.asyncDispose]: () => {
        ended.push(deploymentEpoch)
        return Promise.resolve()
      },
    } as unknown as Model,
  })
  const serving = new ServingModel(servingOf(0), ({ deploymentEpoch }) => switched.push(deploymentEpoch))
  return { serving, servingOf, ended, switched }
}

test('within a batch the model stays; afterwards the new one takes over and the old one is ended', () => {
  const { serving, servingOf, ended, switched } = scene()
  expect(serving.begin().deploymentEpoch).toBe(0)
  serving.replace(servingOf(1))
  expect({ ended, switched, newest: serving.newestEpoch }).toEqual({ ended: [], switched: [0], newest: 1 })
  serving.end()
  expect({ ended, switched }).toEqual({ ended: [0], switched: [0, 1] })
  expect(serving.begin().deploymentEpoch).toBe(1)
})

test('between batches it takes over at once', () => {
  const { serving, servingOf, ended } = scene()
  serving.begin()
  serving.end()
  serving.replace(servingOf(1))
  expect(ended).toEqual([0])
  expect(serving.begin().deploymentEpoch).toBe(1)
})

test('one that was overtaken before it served is ended unseen', () => {
  const { serving, servingOf, ended, switched } = scene()
  serving.begin()
  serving.replace(servingOf(1))
  serving.replace(servingOf(2))
  serving.end()
  expect({ ended, switched }).toEqual({ ended: [1, 0], switched: [0, 2] })
})

test('closing it ends what serves and what waits', async () => {
  const { serving, servingOf, ended } = scene()
  serving.begin()
  serving.replace(servingOf(1))
  await serving[Symbol.asyncDispose]()
  expect(ended.toSorted()).toEqual([0, 1])
})
