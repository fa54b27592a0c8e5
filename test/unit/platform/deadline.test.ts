import { expect, test } from 'vitest'
import { DeadlineError, withDeadline } from '../../../platform/deadline.ts'
import { ManualTimers } from '../../support/manual-timers.ts'

test('work that finishes in time settles as it does, and leaves no timer behind', async () => {
  const timers = new ManualTimers()
  await expect(withDeadline('send', 100, () => Promise.resolve(7), timers)).resolves.toBe(7)
  const failure = new Error('no')
  await expect(withDeadline('send', 100, () => Promise.reject(failure), timers)).rejects.toBe(failure)
  expect(timers.pending).toBe(0)
})

test('work that hangs is given up at the deadline, not before, and is told so', async () => {
  const timers = new ManualTimers()
  let told = false
  const hanging = withDeadline(
    'send',
    100,
    (signal) => {
      signal.addEventListener('abort', () => (told = true))
      return new Promise(() => undefined)
    },
    timers,
  )
  timers.elapse(99)
  expect(told).toBe(false)
  timers.elapse(1)
  expect(told).toBe(true)
  await expect(hanging).rejects.toThrow(new DeadlineError('send did not finish within 100 ms'))
})
