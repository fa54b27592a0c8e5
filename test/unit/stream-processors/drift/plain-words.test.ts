import { describe, expect, test } from 'vitest'
import { measureNamed } from '../../../../features/measures.ts'
import type { DriftCounts, DriftMeasure } from '../../../../schemas/generated.ts'
import { findingsOf } from '../../../../stream-processors/drift/plain-words.ts'

/** Shares by bin of a measure, in percent of 1,000 reviews; by new authors and by known ones. */
type Shares = readonly (readonly [bin: number, newAuthors: number, knownAuthors: number])[]

function counted(measure: string, shares: Shares): DriftCounts {
  const bins = measureNamed(measure).edges.length + 1
  const segments = ['new authors', 'known authors'].map((segment, i) => {
    const counts = Array.from({ length: bins }, (_, bin) => 10 * (shares.find(([of]) => of === bin)?.[i + 1] ?? 0))
    return { segment, rows: counts.reduce((sum, count) => sum + count, 0), measures: [{ measure, counts }] }
  })
  return { subject: 's', modelName: null, modelVersion: null, startMs: 0, endMs: 1, segments, sums: {} }
}

function said(measure: string, before: Shares, after: Shares): string | undefined {
  const [reference, counts] = [counted(measure, before), counted(measure, after)]
  const total = ({ segments }: DriftCounts): number[] =>
    (segments[0]?.measures[0]?.counts ?? []).map((count, i) => count + (segments[1]?.measures[0]?.counts[i] ?? 0))
  const nothing = { jensenShannon: 0, psi: 0, psiCritical: 0, wasserstein: 0 }
  const measured: DriftMeasure = {
    measure,
    counts: total(counts),
    referenceCounts: total(reference),
    ...nothing,
    limit: 0.1,
    kolmogorovSmirnov: 0.3,
    over: true,
  }
  return findingsOf([measured], counts, reference)[0]?.text
}

/** Bins of the length of a text: 8 is 100 to 200 characters, 11 is 500 to 1,000. */
const UNITS = measureNamed('text_units').edges
const SHORT = UNITS.indexOf(200)
const USUAL = UNITS.indexOf(1_000)

describe('what has changed, in plain words', () => {
  test('a number: under which value there are more, and who writes them', () => {
    const before: Shares = [
      [SHORT, 4, 5],
      [USUAL, 46, 45],
    ]
    const after: Shares = [
      [SHORT, 34, 7],
      [USUAL, 29, 30],
    ]
    expect(said('text_units', before, after)).toBe(
      'share of reviews under 200 characters rose from 9.0 % to 41 %, mostly by authors without history',
    )
  })

  test.each([
    { of: 'labelled', before: 80, after: 30, text: 'without a label within a week rose from 20 % to 70 %' },
    { of: 'soon_labelled_spoiler', before: 20, after: 50, text: 'that people call spoilers within a day rose' },
  ])('$of', ({ of, before, after, text }) => {
    const shares = (upper: number): Shares => [
      [0, (100 - upper) / 2, (100 - upper) / 2],
      [1, upper / 2, upper / 2],
    ]
    expect(said(of, shares(before), shares(after))).toContain(`share of reviews ${text}`)
  })

  test.each([
    { of: 'user_reviews', text: 'by authors with at least 5 earlier reviews' },
    { of: 'label_age_days', text: 'labelled after at least 5 days' },
    { of: 'rating', text: 'with a rating of at least 5 stars' },
  ])('$of: $text', ({ of, text }) => {
    const at5 = measureNamed(of).edges.indexOf(5) + 1
    const shares = (upper: number): Shares => [
      [at5 - 1, 100 - upper, 0],
      [at5, upper, 0],
    ]
    expect(said(of, shares(20), shares(60))).toContain(`share of reviews ${text} rose from 20 % to 60 %`)
  })

  test('F1 is a share of its own, and falls', () => {
    const shares = (upper: number): Shares => [
      [0, 100 - upper, 0],
      [1, upper, 0],
    ]
    expect(said('f1', shares(62), shares(41))).toBe(
      'F1 of the decisions, by the labels of a week, fell from 62 % to 41 %',
    )
  })

  test('over which value there are more, when the distribution moved up; nobody is named when all do it', () => {
    const before: Shares = [
      [SHORT, 30, 30],
      [USUAL, 20, 20],
    ]
    const after: Shares = [
      [SHORT, 10, 10],
      [USUAL, 40, 40],
    ]
    expect(said('text_units', before, after)).toBe('share of reviews of at least 200 characters rose from 40 % to 80 %')
  })

  test.each([
    { measure: 'rating_given', up: false, text: 'without a rating' },
    { measure: 'rating_given', up: true, text: 'with a rating' },
    { measure: 'genre_sci_fi', up: true, text: 'on films of the genre sci fi' },
    { measure: 'called_spoiler', up: true, text: 'called spoilers' },
    { measure: 'mean_sentence_words', up: true, text: 'with mean_sentence_words of at least 0.1' },
  ])('$measure, up: $up', ({ measure, up, text }) => {
    const low: Shares = [
      [0, 40, 40],
      [1, 10, 10],
    ]
    const high: Shares = [
      [0, 20, 20],
      [1, 30, 30],
    ]
    const [before, after] = up ? [low, high] : [high, low]
    expect(said(measure, before, after)).toBe(
      `share of reviews ${text} rose from ${up ? 20 : 40} % to ${up ? 60 : 80} %`,
    )
  })
})
