import { expect, test } from 'vitest'
import { BROKER_COUNTS, planFaults } from './plan.ts'

test.each(BROKER_COUNTS)('with %d brokers the order of the faults follows from the seed', (brokers) => {
  expect(planFaults(1, brokers)).toEqual(planFaults(1, brokers))
  expect(planFaults(2, brokers)).not.toEqual(planFaults(1, brokers))
})

test('one broker is killed, restarted and frozen', () => {
  expect(brokerFaults(1)).toEqual(['broker freeze', 'broker kill', 'broker restart'])
})

test('of three brokers two are killed and one is frozen, all are restarted in turn, and all leaders move', () => {
  expect(brokerFaults(3)).toEqual([
    'broker freeze',
    'broker kill',
    'broker kill',
    'leader move',
    'rolling broker restart',
  ])
  const killed = planFaults(1, 3).flatMap(({ kind, target }) => (kind === 'broker kill' ? [target] : []))
  expect(new Set(killed).size).toBe(2)
})

function brokerFaults(brokers: 1 | 3): string[] {
  return planFaults(1, brokers)
    .map(({ kind }) => kind)
    .filter((kind) => /broker|leader/.test(kind))
    .toSorted()
}
