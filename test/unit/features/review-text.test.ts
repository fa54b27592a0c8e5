import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plotContext, plotOf } from '../../../features/plot-terms.ts'
import { readText } from '../../../features/review-text.ts'
import { shapeOf } from '../../../features/text-shape.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const plot = plotContext(plotOf(EXAMPLE.movie))

test.each([
  { text: 'Warning: this review contains spoilers', banner: true },
  { text: '***SPOILER ALERT*** Read on.', banner: true },
  { text: 'No spoilers here.', banner: false },
  { text: "I won't give away any spoilers.", banner: false },
  { text: 'This is a spoiler-free review.', banner: false },
  { text: 'No more words. Spoilers ahead.', banner: true },
  { text: 'The car has free spoilers.', banner: true },
  { text: 'They spoil nothing.', banner: false },
])('"$text" announces spoilers: $banner', ({ text, banner }) => {
  expect(readText(text, null).banner).toBe(banner)
})

test.each([
  { text: 'He dies.', cues: 1, name: 'a word' },
  { text: 'It TURNS OUT fine.', cues: 1, name: 'a pair' },
  { text: 'turns. Out fine.', cues: 0, name: 'no pair across sentences' },
  { text: 'The plot twist kills.', cues: 2, name: 'a word that is also the end of a pair once' },
  { text: 'Fine cast.', cues: 0, name: 'nothing' },
])('counts $name as $cues cues', ({ text, cues }) => {
  expect(readText(text, null).cues).toBe(cues)
})

test.each([
  { text: 'A good film', praises: 1, blames: 0 },
  { text: 'Not a good film', praises: 0, blames: 1 },
  { text: "It isn't bad", praises: 1, blames: 0 },
  { text: 'Never. Good film', praises: 1, blames: 0 },
])('"$text" praises $praises and blames $blames times', ({ text, praises, blames }) => {
  expect(readText(text, null)).toMatchObject({ praises, blames })
})

test('evidence of each sentence: its cues, its overlaps in thousandths, its banner', () => {
  const text = 'Spoilers! Andy escapes through a big tunnel. Fine cast.'
  const { sentences, ...reading } = readText(text, plot)
  expect(sentences).toEqual([
    { start: 0, end: 9, cues: 0, plotOverlapPermille: 0, endingOverlapPermille: 0, banner: true },
    { start: 10, end: 44, cues: 1, plotOverlapPermille: 750, endingOverlapPermille: 500, banner: false },
    { start: 45, end: 55, cues: 0, plotOverlapPermille: 0, endingOverlapPermille: 0, banner: false },
  ])
  expect(reading).toMatchObject({
    words: 9,
    cues: 1,
    cueOffsets: [15],
    contentWords: 7,
    plotHits: 3,
    endingHits: 2,
    maxPlotOverlap: 0.75,
    maxEndingOverlap: 0.5,
    maxSentenceCues: 1,
  })
})

test('a sentence of two content words does not set the maxima', () => {
  expect(readText('Andy escapes.', plot)).toMatchObject({ plotHits: 2, maxPlotOverlap: 0 })
})

test('ideographs overlap by pairs', () => {
  const chinese = plotContext(plotOf({ ...EXAMPLE.movie, plotSummary: '他死了', plotSynopsis: '' }))
  expect(readText('他死了', chinese)).toMatchObject({ words: 3, contentWords: 2, plotHits: 2 })
})

test('any text is read; counts of the whole are the sums over its sentences', () => {
  const pieces = fc.constantFrom(
    'he dies',
    'SPOILERS',
    ' ',
    '. ',
    '電影',
    '😀',
    '\ud83d',
    'İ',
    "n't",
    'no',
    'Andy',
    '\n\n',
  )
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(anyText, (text) => {
      const { sentences, cues, cueOffsets, banner, contentWords, plotHits, endingHits } = readText(text, plot)
      expect(sentences.reduce((sum, sentence) => sum + sentence.cues, 0)).toBe(cues)
      expect(cueOffsets).toHaveLength(cues)
      expect(sentences.some((sentence) => sentence.banner)).toBe(banner)
      expect(contentWords).toBeGreaterThanOrEqual(plotHits)
      expect(plotHits).toBeGreaterThanOrEqual(endingHits)
    }),
    { seed: 13, numRuns: 500 },
  )
})

test('the shape of a text counts each unit once', () => {
  expect(shapeOf('Ab1! ？！é?')).toEqual({ exclamations: 2, questions: 2, digits: 1, upper: 1, letters: 2 })
  expect(shapeOf('')).toEqual({ exclamations: 0, questions: 0, digits: 0, upper: 0, letters: 0 })
})
