import { expect, test } from 'vitest'
import { hasEnded, JOB_EVENTS, JOB_STATES, nextState } from '../../../control/job-states.ts'

test('an end is left by nothing but a retry, and a champion by nothing at all', () => {
  for (const state of JOB_STATES.filter(hasEnded)) {
    const ways = JOB_EVENTS.filter((event) => nextState(state, event) !== null)
    expect(ways).toEqual(state === 'champion' ? [] : ['retry'])
  }
})

test('whatever has not ended can be cancelled', () => {
  for (const state of JOB_STATES) expect(nextState(state, 'cancel')).toBe(hasEnded(state) ? null : 'cancelled')
})

test('no job comes before the gate without the steps before it', () => {
  expect(nextState('requested', 'pass')).toBeNull()
  expect(nextState('building', 'gate')).toBeNull()
  expect(nextState('fitting', 'pass')).toBeNull()
  expect(nextState('registered', 'deploy')).toBeNull()
})
