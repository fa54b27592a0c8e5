import { expect, test } from 'vitest'
import { watchTopics } from '../../../platform/settle-topics.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import type { Identities } from '../../../platform/topic-lineage.ts'

const KNOWN: Identities = new Map([['reviews', { id: 'r', partitions: 4 }]])
const GONE: Identities = new Map()
const down = new SpoilerError('SPL_BROKER_UNAVAILABLE', 'asking for the topics', { onError: 'retry' })

const NEVER = 'never'
const LONG_MS = 10_000

/** Looks as long as there is something to see. Returns how often it looked. */
async function watch(...seen: (Identities | Error | typeof NEVER)[]): Promise<number> {
  const ending = new AbortController()
  let looks = 0
  await watchTopics(KNOWN, ending.signal, {
    lineage: 1,
    // a turn of the event loop for what takes long, none for what does not
    pause: (ms) => (ms > LONG_MS ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve()),
    look: () => {
      const next = seen[looks]
      looks += 1
      if (looks >= seen.length) ending.abort()
      if (next === NEVER) return Promise.withResolvers<Identities>().promise
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? KNOWN)
    },
  })
  return looks
}

test('a change that is seen twice in a row ends the process', async () => {
  await expect(watch(KNOWN, GONE, GONE)).rejects.toMatchObject({ code: 'SPL_TOPIC_MISSING', onError: 'exit' })
})

test('a broker that did not know a topic yet, or did not answer, is no reason to end', async () => {
  expect(await watch(GONE, KNOWN, GONE, KNOWN, down, GONE, KNOWN)).toBe(7)
})

test('an answer that is missing between two looks proves nothing', async () => {
  expect(await watch(GONE, down, GONE)).toBe(3)
})

test('a broker that stays silent does not end the watch', async () => {
  await expect(watch(KNOWN, NEVER, GONE, GONE)).rejects.toMatchObject({ code: 'SPL_TOPIC_MISSING' })
})

test('what is no outage is not hidden', async () => {
  await expect(watch(new RangeError('a bug'))).rejects.toThrow('a bug')
})
