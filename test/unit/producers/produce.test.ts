import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_RECORDS, totalOf, type Checkpoint } from '../../../producers/checkpoint.ts'
import { reviewEvent, type EventSource, type ProducedEvent } from '../../../producers/event-source.ts'
import type { Pace } from '../../../producers/pace.ts'
import { CHECKPOINT_EVERY_MS, produce, type ProduceOptions, type Progress } from '../../../producers/produce.ts'
import { manualClock, recordedPublisher } from './recorded-publisher.ts'

const FRESH: Checkpoint = { fingerprint: 'f', acknowledged: NO_RECORDS, finished: false, resolved: {} }

function reviews(times: readonly number[]): ProducedEvent[] {
  const review = { userId: 'u', movieId: 'm', text: 't', summary: null, rating: null, revision: 0 }
  return times.map((writtenAtMs, i) => reviewEvent({ ...review, reviewId: `r${i}`, writtenAtMs }))
}

function sourceOf(events: readonly ProducedEvent[]): EventSource {
  let taken = 0
  const counted = function* () {
    for (const event of events) {
      taken++
      yield event
    }
  }
  return { events: counted(), share: () => taken / Math.max(events.length, 1), rejects: new Map() }
}

function evenly(count: number, stepMs = 1): ProducedEvent[] {
  return reviews(Array.from({ length: count }, (_, i) => i * stepMs))
}

/** Runs with a checkpoint store in memory. */
function start(events: readonly ProducedEvent[], options: Partial<ProduceOptions> = {}) {
  const saved: Checkpoint[] = []
  const publisher = recordedPublisher()
  const running = produce({
    source: sourceOf(events),
    publisher,
    pace: { kind: 'unpaced' },
    clock: manualClock(),
    signal: new AbortController().signal,
    resumeFrom: FRESH,
    checkpoints: {
      save: (checkpoint) => {
        saved.push(checkpoint)
        return Promise.resolve()
      },
    },
    ...options,
  })
  return { running, saved, publisher }
}

test('publishes everything in order, waits for the acknowledgements and says exactly how much it was', async () => {
  const events = evenly(1000)
  const { running, saved, publisher } = start(events)
  expect(await running).toMatchObject({
    outcome: 'finished',
    published: { movies: 0, reviews: 1000, reviewLabels: 0 },
    acknowledged: { movies: 0, reviews: 1000, reviewLabels: 0 },
  })
  expect(publisher.records).toEqual(events.map(({ topic, value }) => ({ topic, value })))
  expect(publisher.acknowledged()).toBe(1000)
  expect(saved.at(-1)).toMatchObject({ finished: true, acknowledged: { reviews: 1000 } })
})

test.each<{ name: string; pace: Pace; expected: number[] }>([
  {
    name: 'the event clock at speed 10',
    pace: { kind: 'event-clock', speed: 10 },
    expected: [500, 500, 500, 600, 900],
  },
  { name: 'a rate of 4 per second', pace: { kind: 'rate', perSecond: 4 }, expected: [500, 750, 1000, 1250, 1500] },
  { name: 'no pace', pace: { kind: 'unpaced' }, expected: [500, 500, 500, 500, 500] },
])('$name sets the wall time of each record; what is dated back is not waited for', async ({ pace, expected }) => {
  const clock = manualClock(500)
  const at: number[] = []
  const publisher = recordedPublisher({ onPublish: () => at.push(clock.nowMs()) })
  await start(reviews([10_000, 10_000, 9_000, 11_000, 14_000]), { pace, clock, publisher }).running
  expect(at).toEqual(expected)
})

test('an interrupt while waiting flushes, saves and ends without the record that was not due', async () => {
  const stop = new AbortController()
  const clock = manualClock()
  const interrupted = {
    ...clock,
    waitUntil: (atMs: number, signal: AbortSignal) => {
      if (clock.nowMs() > 2500) stop.abort()
      return clock.waitUntil(atMs, signal)
    },
  }
  const pace = { kind: 'event-clock', speed: 1 } as const
  const { running, saved, publisher } = start(evenly(10, 1000), { pace, clock: interrupted, signal: stop.signal })
  expect(await running).toMatchObject({ outcome: 'interrupted', published: { reviews: 4 } })
  expect(publisher.acknowledged()).toBe(4)
  expect(saved.at(-1)).toMatchObject({ finished: false, acknowledged: { reviews: 4 } })
})

test('interrupted anywhere and started again it publishes what an uninterrupted run does, nothing twice', async () => {
  const cut = fc.nat(400)
  await fc.assert(
    fc.asyncProperty(fc.nat(300), fc.array(cut, { maxLength: 4 }), async (count, cuts) => {
      const events = evenly(count)
      const all: unknown[] = []
      let standing = FRESH
      for (const at of [...cuts, Infinity]) {
        const stop = new AbortController()
        const publisher = recordedPublisher({
          onPublish: (ordinal) => {
            if (ordinal + 1 >= at) stop.abort()
          },
        })
        const { running, saved } = start(events, { publisher, signal: stop.signal, resumeFrom: standing })
        await running
        all.push(...publisher.records)
        standing = saved.at(-1) as Checkpoint
        expect(totalOf(standing.acknowledged)).toBe(all.length)
      }
      expect(all).toEqual(events.map(({ topic, value }) => ({ topic, value })))
      expect(standing.finished).toBe(true)
    }),
    { seed: 8, numRuns: 60 },
  )
})

test('paused at an event time it ends there unfinished, and goes on from there without a pause', async () => {
  const events = evenly(10, 100)
  const first = start(events, { source: { ...sourceOf(events), pauseAtMs: 400 } })
  expect(await first.running).toMatchObject({ outcome: 'paused', published: { reviews: 5 } })
  const resumeFrom = first.saved.at(-1) as Checkpoint
  expect(resumeFrom.finished).toBe(false)
  const again = start(events, { source: { ...sourceOf(events), pauseAtMs: 400 }, resumeFrom })
  expect(await again.running).toMatchObject({ outcome: 'paused', published: { reviews: 0 } })
  const second = start(events, { resumeFrom })
  expect(await second.running).toMatchObject({ outcome: 'finished', published: { reviews: 5 } })
  expect([...first.publisher.records, ...second.publisher.records]).toEqual(
    events.map(({ topic, value }) => ({ topic, value })),
  )
})

test('a kill between checkpoints repeats only what came after the last one, and loses nothing', async () => {
  const events = evenly(5000)
  const clock = manualClock(0, 1) // every look at the clock takes a millisecond
  const killed = recordedPublisher({
    onPublish: (ordinal) => {
      if (ordinal === 3000) throw new Error('killed')
    },
  })
  const first = start(events, { publisher: killed, clock })
  await expect(first.running).rejects.toThrow('killed')
  const standing = first.saved.at(-1) as Checkpoint
  const acknowledged = totalOf(standing.acknowledged)
  expect(acknowledged).toBeGreaterThan(3000 - CHECKPOINT_EVERY_MS)
  expect(acknowledged).toBeLessThan(3000)
  const second = start(events, { resumeFrom: standing })
  expect(await second.running).toMatchObject({ published: { reviews: 5000 - acknowledged } })
  expect(second.publisher.records[0]?.value).toEqual(events[acknowledged]?.value)
})

test('nothing is saved that was not acknowledged', async () => {
  const publisher = recordedPublisher({
    onFlush: () => {
      throw new Error('lost')
    },
  })
  const { running, saved } = start(evenly(10), { publisher })
  await expect(running).rejects.toThrow('lost')
  expect(saved).toEqual([])
})

test.each([
  ['shorter', { movies: 0, reviews: 11, reviewLabels: 0 }],
  ['of other records', { movies: 1, reviews: 4, reviewLabels: 0 }],
])('a source that is %s than the checkpoint says is not resumed', async (_name, acknowledged) => {
  const { running, publisher } = start(evenly(10), { resumeFrom: { ...FRESH, acknowledged } })
  await expect(running).rejects.toMatchObject({ code: 'SPL_INPUT_FILE_INVALID' })
  expect(publisher.records).toEqual([])
})

test('progress tells counts, rate, event time and time left, also while it waits', async () => {
  const reports: Progress[] = []
  await start(evenly(11, 1000), {
    pace: { kind: 'event-clock', speed: 0.5 }, // a record every 2 s
    onProgress: (progress) => reports.push(progress),
    progressEveryMs: 1000,
  }).running
  expect(reports).toHaveLength(21)
  expect(reports[9]).toMatchObject({ published: { reviews: 5 }, skipped: 0, eventTimeMs: 5000 })
  expect(reports.slice(2, -1).reduce((sum, { ratePerSecond }) => sum + ratePerSecond, 0) / 18).toBeCloseTo(0.5, 1)
  expect((reports[9]?.leftMs as number) / 1000).toBeCloseTo(10, -1)
  expect(reports.at(-1)).toMatchObject({ published: { reviews: 11 }, leftMs: 0 })
})
