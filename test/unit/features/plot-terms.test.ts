import { expect, test } from 'vitest'
import { plotContext, plotOf } from '../../../features/plot-terms.ts'
import { EXAMPLE } from '../../support/review-world.ts'

const { movie } = EXAMPLE

test('a plot keeps distinct content terms, sorted, without stop words', () => {
  const { plotTerms } = plotOf({ ...movie, plotSummary: 'The banker and the bankers go to prison.', plotSynopsis: '' })
  expect(plotTerms).toEqual(['banker', 'prison'])
})

test('ending terms stand only in the last third of the synopsis, neither before nor in the summary', () => {
  const synopsis = `Andy is convicted. ${'Red waits for parole. '.repeat(6)}Andy and Red escape through a tunnel to Mexico.`
  const { plotTerms, endingTerms } = plotOf({ ...movie, plotSummary: 'A tunnel.', plotSynopsis: synopsis })
  expect(endingTerms).toEqual(['escap', 'mexico'])
  expect(plotTerms).toEqual(expect.arrayContaining([...endingTerms]))
  expect(plotOf({ ...movie, plotSynopsis: '' }).endingTerms).toEqual([])
})

test('a word across the border of the last third is whole, and lies before it', () => {
  const { plotTerms, endingTerms } = plotOf({ ...movie, plotSummary: '', plotSynopsis: 'aaaa bbbb ccccc dddd' })
  expect([plotTerms, endingTerms]).toEqual([['aaaa', 'bbbb', 'ccccc', 'dddd'], ['dddd']])
})

test('in scripts without spaces a term is a pair of neighbours', () => {
  expect(plotOf({ ...movie, plotSummary: '他死了。真', plotSynopsis: '' }).plotTerms).toEqual(['他死', '死了'])
})

test('the context of a stored plot equals that of the fresh one: terms, endings and genres in lower case', () => {
  const record = plotOf(movie)
  const context = plotContext(record)
  expect(plotContext(structuredClone(record))).toEqual(context)
  expect([...context.terms].filter(([, ending]) => ending).map(([term]) => term)).toEqual(record.endingTerms)
  expect([...context.terms.keys()].sort()).toEqual(record.plotTerms)
  expect([...context.genres]).toEqual(['drama', 'sci-fi'])
})
