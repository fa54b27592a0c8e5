import { expect, test } from 'vitest'
import { LiveState } from '../../../../cli/live/live-state.ts'
import { component } from './live-events.ts'
import { spoilerScore as score } from '../../../support/scores.ts'

const START_MS = 1_000_000

/** A run in which for `seconds` seconds `perSecond` reviews are published and scored 100 ms later. */
function steady(seconds: number, perSecond: number): LiveState {
  const state = new LiveState(START_MS)
  for (let i = 0; i < seconds * perSecond; i++) {
    const appendedMs = START_MS + Math.floor((i * 1000) / perSecond)
    state.apply({ kind: 'published', atMs: appendedMs, reviews: i + 1, labels: 0 })
    state.apply({ kind: 'score', atMs: appendedMs + 100, score: score({ reviewAppendedAtMs: appendedMs }) })
  }
  return state
}

test('rates are those of the last seconds, totals those of the whole run', () => {
  const state = steady(60, 20)
  const view = state.view(START_MS + 60_000)
  expect(view.reviewsPerSecond).toBeCloseTo(20, -0.5)
  expect(view.scoresPerSecond).toBeCloseTo(20, -0.5)
  expect(state.totals(60_000)).toMatchObject({ reviews: 1200, scores: 1200, reviewsPerSecond: 20, scoresPerSecond: 20 })
})

test('when nothing comes any more the rate falls to 0 and the totals stay', () => {
  const view = steady(20, 20).view(START_MS + 60_000)
  expect(view).toMatchObject({ reviewsPerSecond: 0, scoresPerSecond: 0, scores: 400, p50Ms: null })
})

test('latency is from the append of the review to the read of its score', () => {
  const { p50Ms, p99Ms } = steady(10, 20).totals(10_000)
  expect(p50Ms).toBeGreaterThan(97)
  expect(p99Ms).toBeLessThan(103)
})

test('a review that waited for the start is scored, but its waiting is no latency', () => {
  const state = new LiveState(START_MS)
  state.apply({ kind: 'score', atMs: START_MS + 5000, score: score({ reviewAppendedAtMs: START_MS - 1 }) })
  expect(state.totals(1000)).toMatchObject({ scores: 1, p50Ms: null, p99Ms: null })
  expect(state.view(START_MS + 5000).firstScoreAtMs).toBe(START_MS + 5000)
})

test('the first score stays the first, the model is that of the newest', () => {
  const state = new LiveState(START_MS)
  expect(state.view(START_MS)).toMatchObject({ model: null, spoilerShare: null, firstScoreAtMs: null })
  state.apply({ kind: 'score', atMs: START_MS + 10, score: score({ isSpoiler: true }) })
  state.apply({ kind: 'score', atMs: START_MS + 20, score: score({ modelName: 'next', modelVersion: 'def' }) })
  const view = state.view(START_MS + 30)
  expect(view).toMatchObject({ firstScoreAtMs: START_MS + 10, model: 'next@def', spoilerShare: 0.5 })
})

test('restarts and the longest lag come from the components, dead letters from the topic', () => {
  const task = { recordsIn: 0, recordsOut: 0, transactions: 0, aborted: 0, deadLetters: 9 }
  const state = new LiveState(START_MS)
  const lags = [0.1, 2.5, 1].map((secondsBehind, i) => ({ ...task, task: String(i), secondsBehind }))
  state.apply({
    kind: 'components',
    components: [component({ restarts: 2, tasks: lags }), component({ name: 'scorer', restarts: 1 })],
  })
  state.apply({ kind: 'dead-letter' })
  expect(state.totals(1)).toMatchObject({ restarts: 3, secondsBehind: 2.5, deadLetters: 1 })
})

test('only the newest reviews are kept for showing, newest first', () => {
  const state = new LiveState(START_MS)
  for (let i = 0; i < 30; i++)
    state.apply({ kind: 'shown', review: { title: String(i), probability: 0, isSpoiler: false, words: '' } })
  const { shown } = state.view(START_MS)
  expect(shown.map(({ title }) => title).slice(0, 3)).toEqual(['29', '28', '27'])
  expect(shown.length).toBeLessThan(30)
})
