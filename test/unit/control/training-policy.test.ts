import { expect, test } from 'vitest'
import { afterStart, DAY_MS, decideTraining, NO_HISTORY } from '../../../control/training-policy.ts'
import type { ControlState } from '../../../schemas/generated.ts'
import { POLICY } from '../../support/control-log.ts'

const NOW_MS = 10 * DAY_MS
const alarm = { alarmId: 'a1', reason: 'reviews became shorter' }
const ready: ControlState = { ...NO_HISTORY, policy: POLICY, labels: 1000 }
/** Trained a day and more ago, alarmed since. */
const alarmed: ControlState = {
  ...ready,
  labels: 1100,
  labelsAtTraining: 1000,
  startedAtMs: [NOW_MS - 2 * DAY_MS],
  alarm,
}

test.each<{ name: string; state: ControlState; deployed: boolean; expected: string }>([
  { name: 'enough labels for a first model', state: ready, deployed: false, expected: 'first-model' },
  { name: 'one label too few', state: { ...ready, labels: 999 }, deployed: false, expected: 'needs 1000 labels' },
  { name: 'a model and no alarm', state: ready, deployed: true, expected: 'nothing asks' },
  { name: 'an alarm', state: alarmed, deployed: true, expected: 'drift' },
  {
    name: 'an alarm, switched off',
    state: { ...alarmed, policy: { ...POLICY, automatic: false } },
    deployed: true,
    expected: 'is off',
  },
  { name: 'an alarm without a policy', state: { ...alarmed, policy: null }, deployed: true, expected: 'is off' },
  {
    name: 'an alarm, too few new labels',
    state: { ...alarmed, labels: 1099 },
    deployed: true,
    expected: 'needs 100 labels',
  },
  {
    name: 'an alarm, and labels of before it',
    state: { ...alarmed, labelsAtAlarm: 1001 },
    deployed: true,
    expected: 'needs 100 labels',
  },
  {
    name: 'an alarm of a model that was not trained here, and labels of before it',
    state: { ...alarmed, labelsAtAlarm: 1001, startedAtMs: [] },
    deployed: true,
    expected: 'needs 100 labels',
  },
  {
    name: 'an alarm within the cooldown',
    state: { ...alarmed, startedAtMs: [NOW_MS - 59_999] },
    deployed: true,
    expected: 'less than 60000 ms',
  },
  {
    name: 'an alarm at its end',
    state: { ...alarmed, startedAtMs: [NOW_MS - 60_000] },
    deployed: true,
    expected: 'drift',
  },
  {
    name: 'a spent budget',
    state: { ...alarmed, startedAtMs: [NOW_MS - DAY_MS + 1, NOW_MS - 60_000] },
    deployed: true,
    expected: '2 trainings in 24',
  },
  {
    name: 'a budget of yesterday',
    state: { ...alarmed, startedAtMs: [NOW_MS - DAY_MS, NOW_MS - 60_000] },
    deployed: true,
    expected: 'drift',
  },
  {
    name: 'a first model that failed is not tried again at once',
    state: { ...ready, labelsAtTraining: 1000, startedAtMs: [0] },
    deployed: false,
    expected: 'needs 100 labels',
  },
])('$name: $expected', ({ state, deployed, expected }) => {
  const decision = decideTraining(state, { deployed, atMs: NOW_MS })
  expect(decision.kind === 'train' ? decision.cause.kind : decision.reason).toContain(expected)
})

test('a training answers the alarm, counts labels anew, and forgets beginnings of more than a day ago', () => {
  const state = { ...alarmed, startedAtMs: [0, NOW_MS - 1] }
  expect(afterStart(state, NOW_MS)).toMatchObject({
    alarm: null,
    labelsAtTraining: 1100,
    startedAtMs: [NOW_MS - 1, NOW_MS],
  })
})

test('the cause of a training by drift names the alarm', () => {
  const decision = decideTraining(alarmed, { deployed: true, atMs: NOW_MS })
  expect(decision).toEqual({ kind: 'train', cause: { kind: 'drift', ...alarm } })
})
