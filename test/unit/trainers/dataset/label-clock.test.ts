import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { LabelClock } from '../../../../trainers/dataset/label-clock.ts'

test('the clock says how far the labels of any partition had come, also when a broker sets its own back', () => {
  using clock = new LabelClock(tmpdir())
  expect(clock.before(Infinity)).toBe(-Infinity)
  for (const [partition, appendedAtMs, labelledAtMs] of [
    [0, 10, 100],
    [0, 20, 90],
    [0, 15, 130],
    [1, 12, 120],
    [0, 40, 140],
  ] as const)
    clock.add(partition, appendedAtMs, labelledAtMs)
  expect([10, 11, 13, 16, 41, Infinity].map((untilMs) => clock.before(untilMs))).toEqual([
    -Infinity,
    100,
    120,
    130,
    140,
    140,
  ])
})
