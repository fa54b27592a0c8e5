import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LiveState } from '../../../../cli/live/live-state.ts'
import { liveLines, maskSpans, plainLine, shownReview, totalsText } from '../../../../cli/live/render.ts'
import { featureRow } from '../../../support/model-versions.ts'
import { component } from './live-events.ts'
import { spoilerScore as score } from '../../../support/scores.ts'

const TEXT = 'It was fun. The butler did it. See it.'
const LABEL = {
  reviewId: 'r1',
  userId: 'u1',
  movieId: 'm1',
  isSpoiler: true,
  source: 'report',
  labelledAtMs: 0,
  revision: 0,
}
const SPOILING = { start: 12, end: 31, score: 0.9 }

function viewAt(nowMs: number, ...events: Parameters<LiveState['apply']>[0][]) {
  const state = new LiveState(0)
  for (const event of events) state.apply(event)
  return state.view(nowMs)
}

test('a plain line says every figure, and names what is in trouble', () => {
  const view = viewAt(
    10_000,
    { kind: 'published', atMs: 9_500, reviews: 1234, labels: 56 },
    { kind: 'score', atMs: 9_600, score: score({ reviewAppendedAtMs: 9_500, isSpoiler: true }) },
    { kind: 'label', label: LABEL },
    { kind: 'training', text: 'fitting' },
    {
      kind: 'components',
      components: [component(), component({ name: 'sinks', ready: false, unready: { redis: 'down' } })],
    },
  )
  expect(plainLine(view)).toBe(
    '10.0 s · reviews 1,234 (1,234/s) · labels 56 · scores 1 (1/s) · behind 0.0 s · p50 100 ms p99 100 ms · ' +
      'spoilers 100.0 % · labelled 100.0 % · F1 1.000 (length 1.000) · PR-AUC 1.000 (length 1.000) · ' +
      'model prior@abc · dead letters 0 · restarts 0 · training: fitting · sinks: not ready (redis: down)',
  )
})

test('before the first score the view says so instead of showing zeros as measurements', () => {
  const texts = liveLines(viewAt(1000)).map(({ text }) => text)
  expect(texts.join('\n')).toContain('p50 –  p99 –')
  expect(texts.join('\n')).toContain('No scores yet.')
})

test('a component that a person has to look at stands out with its reason on one line', () => {
  const stopped = component({ name: 'scorer', state: 'stopped', ready: false, lastFailure: 'SPL_MODEL_INVALID\nbad' })
  const lines = liveLines(viewAt(1000, { kind: 'components', components: [component(), stopped] }))
  expect(lines).toContainEqual(
    expect.objectContaining({ style: 'red', text: expect.stringContaining('SPL_MODEL_INVALID bad') as string }),
  )
})

test('spoiling sentences are masked, the rest is shown', () => {
  expect(maskSpans(TEXT, [SPOILING])).toBe('It was fun. ████████████ See it.')
  expect(maskSpans(TEXT, [])).toBe(TEXT)
})

test('no character of a span is ever shown, however spans overlap', () => {
  const spans = fc.array(
    fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 20 })).map(([start, length]) => ({ start, end: start + length })),
  )
  fc.assert(
    fc.property(spans, (hidden) => {
      // every character tells its own place
      const text = Array.from({ length: 60 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('')
      const shown = maskSpans(text, hidden)
      const allowed = Array.from(text).filter((_, i) => !hidden.some(({ start, end }) => i >= start && i < end))
      expect(Array.from(shown).filter((character) => character !== '█')).toEqual(allowed)
    }),
    { seed: 31 },
  )
})

test('a review that is flagged without a sentence to blame shows nothing of its text', () => {
  const row = featureRow({}, { text: TEXT })
  expect(shownReview(score({ isSpoiler: true }), row, 'Title').words).not.toContain('butler')
  expect(shownReview(score({ isSpoiler: false }), row, undefined)).toMatchObject({ title: row.movieId, words: TEXT })
  expect(shownReview(score({ isSpoiler: true, spans: [SPOILING] }), row, 'T').words).toContain('It was fun.')
})

test('the totals say how long the first score took, or that there was none', () => {
  const totals = new LiveState(0).totals(1000)
  expect(totalsText(totals, 9.84)).toContain('first score 9.8 s after start')
  expect(totalsText(totals, null)).toContain('no score')
})
