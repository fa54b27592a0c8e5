import { expect, test } from 'vitest'
import { progressText, ProgressLine } from '../../../cli/progress-line.ts'

test.each([
  { perMs: 2, text: 'reading: 500 of 4,500, 2,000/s, 2.0 s left' },
  { perMs: 0.0005, text: 'reading: 500 of 4,500, 2 h 13 min left' },
  { perMs: 0, text: 'reading: 500 of 4,500' },
  { perMs: NaN, text: 'reading: 500 of 4,500' },
  { perMs: Infinity, text: 'reading: 500 of 4,500' },
])('at $perMs a millisecond it says "$text"', ({ perMs, text }) => {
  expect(progressText({ step: 'reading', done: 500, total: 4_500 }, perMs)).toBe(text)
})

test('in a pipe it is a line every five seconds; a rate counts from where its step began', () => {
  let written = ''
  let nowMs = 0
  using line = new ProgressLine({ write: (text) => (written += String(text)) }, () => nowMs)
  for (; nowMs <= 12_000; nowMs += 1_000) line.show({ step: 'fitting', done: 100 + nowMs / 1_000, total: 200 })
  expect(written).toBe('fitting: 105 of 200, 1/s, 1 min 35 s left\nfitting: 110 of 200, 1/s, 1 min 30 s left\n')
})
