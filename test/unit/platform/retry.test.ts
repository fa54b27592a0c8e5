import { expect, test } from 'vitest'
import { pause, whileDependencyIsDown } from '../../../platform/retry.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'

const down = (): SpoilerError => new SpoilerError('SPL_REDIS_UNAVAILABLE', 'writing', { onError: 'retry' })

function retrying(work: () => Promise<string>, stopping = new AbortController()) {
  const events: string[] = []
  const pauses: number[] = []
  const result = whileDependencyIsDown(work, {
    signal: stopping.signal,
    onDown: ({ code }) => events.push(`down ${code}`),
    onUp: () => events.push('up'),
    pause: (ms) => {
      pauses.push(ms)
      return Promise.resolve()
    },
  })
  return { result, events, pauses }
}

function failing(times: number): () => Promise<string> {
  let left = times
  return () => (left-- > 0 ? Promise.reject(down()) : Promise.resolve('done'))
}

test('the pause doubles from 100 ms up to 5 s', async () => {
  const { result, pauses } = retrying(failing(8))
  await expect(result).resolves.toBe('done')
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
})

test('down is told each time, up once it works', async () => {
  const { result, events } = retrying(failing(2))
  await result
  expect(events).toEqual(['down SPL_REDIS_UNAVAILABLE', 'down SPL_REDIS_UNAVAILABLE', 'up'])
})

test.each([
  { name: 'of ours', error: new TypeError('a bug') },
  { name: 'that a person has to mend', error: new SpoilerError('SPL_SCHEMA_REFUSED', 'x', { onError: 'stop' }) },
  { name: 'that needs a new process', error: new SpoilerError('SPL_TRANSACTION_FATAL', 'x', { onError: 'exit' }) },
])('an error $name is not waited for', async ({ error }) => {
  const { result, pauses } = retrying(() => Promise.reject(error))
  await expect(result).rejects.toBe(error)
  expect(pauses).toEqual([])
})

test('a shutdown ends the waiting without a result', async () => {
  const stopping = new AbortController()
  const { result, events } = retrying(() => {
    stopping.abort()
    return Promise.reject(down())
  }, stopping)
  await expect(result).resolves.toBeUndefined()
  expect(events).toEqual(['down SPL_REDIS_UNAVAILABLE'])
})

test('a pause ends early when the signal aborts, also when it has aborted before', async () => {
  const stopping = new AbortController()
  const hours = 3_600_000
  const waiting = pause(hours, stopping.signal)
  stopping.abort()
  await waiting
  await pause(hours, stopping.signal)
})

test('a pause that ran its time leaves no listener on the signal', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const count = (by: number, call: typeof signal.addEventListener) => (name: string, listener: () => void) => {
    listeners += by
    call.call(signal, name, listener)
  }
  signal.addEventListener = count(1, signal.addEventListener.bind(signal))
  signal.removeEventListener = count(-1, signal.removeEventListener.bind(signal))
  await pause(0, signal)
  expect(listeners).toBe(0)
})
