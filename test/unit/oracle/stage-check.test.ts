import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkStage, type Item, type Stage } from '../../support/oracle/stage-check.ts'

/** Records of two input partitions with few keys, so that keys meet. */
const inputs = fc
  .array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 20 }), { minLength: 2, maxLength: 2 })
  .map((partitions) => new Map(partitions.map((keys, origin) => [origin, keys.map((key, i) => item(origin, key, i))])))

function item(origin: number, key: number, index: number): Item {
  return { key: `k${key}`, identity: `${origin}/${index}` }
}

/** Any interleaving of the partitions that keeps the order of each. */
function interleaved(expected: Stage['expected'], choices: readonly boolean[]): Item[] {
  const queues = [...expected.values()].map((items) => [...items])
  const merged: Item[] = []
  for (let i = 0; queues.some((queue) => queue.length > 0); i++) {
    const preferred = queues[choices[i % choices.length] === true ? 1 : 0] as Item[]
    const next = preferred.shift() ?? queues.find((queue) => queue.length > 0)?.shift()
    if (next !== undefined) merged.push(next)
  }
  return merged
}

const symptoms = (stage: Omit<Stage, 'stage'>): string[] =>
  checkStage({ stage: 's', ...stage }).map(({ symptom }) => symptom)
const choices = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })
const seeded = { seed: 5, numRuns: 300 }

test('outputs that follow from the inputs pass, however input partitions interleave', () => {
  fc.assert(
    fc.property(inputs, choices, (expected, order) => {
      expect(symptoms({ expected, actual: interleaved(expected, order) })).toEqual([])
    }),
    seeded,
  )
})

test('one record that is missing, there twice, or foreign is named so', () => {
  fc.assert(
    fc.property(inputs, choices, fc.nat(), (expected, order, at) => {
      const actual = interleaved(expected, order)
      const i = at % actual.length
      const chosen = actual[i] as Item
      expect(symptoms({ expected, actual: actual.toSpliced(i, 1) })).toEqual(['lost'])
      expect(symptoms({ expected, actual: [...actual, chosen] })).toContain('duplicated')
      expect(symptoms({ expected, actual: [...actual, { ...chosen, identity: 'x' }] })).toEqual(['unexpected'])
      const changed = actual.with(i, { ...chosen, identity: 'changed' })
      expect(symptoms({ expected, actual: changed })).toEqual(['lost', 'unexpected'])
    }),
    seeded,
  )
})

test('two records of one key and one input partition that change places are named so, those of two keys are not', () => {
  const [a, b, c] = [item(0, 1, 0), item(0, 1, 1), item(0, 2, 2)] as const
  const expected = new Map([[0, [a, b, c]]])
  expect(symptoms({ expected, actual: [b, a, c] })).toEqual(['reordered'])
  expect(symptoms({ expected, actual: [c, a, b] })).toEqual([])
  const [violation] = checkStage({ stage: 'scorer', expected, actual: [b, a, c] })
  expect(violation).toEqual({ stage: 'scorer', symptom: 'reordered', count: 1, example: a.identity })
})

test('equal records are counted, and each takes its own place', () => {
  const twice = item(0, 1, 0)
  const expected = new Map([[0, [twice, item(0, 1, 1), twice]]])
  expect(symptoms({ expected, actual: [twice, item(0, 1, 1), twice] })).toEqual([])
  expect(symptoms({ expected, actual: [twice, item(0, 1, 1)] })).toEqual(['lost'])
})
