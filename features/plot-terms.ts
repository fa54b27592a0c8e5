import type { Movie, MoviePlot } from '../schemas/generated.ts'
import { isIdeograph, isWordUnit } from './characters.ts'
import { flagsOfWord, STOP } from './lexicon.ts'
import { eachWord, lowerCase, stem } from './words.ts'

const SHORTEST_TERM = 3

/**
 * A movie as the feature functions read it.
 * `terms` maps each content term of the plot to whether it stands only in the last third of the synopsis.
 */
export interface PlotContext {
  readonly record: MoviePlot
  readonly terms: ReadonlyMap<string, boolean>
  readonly genres: ReadonlySet<string>
}

/** Brings a stored record into the form that the feature functions read. */
export function plotContext(record: MoviePlot): PlotContext {
  const terms = new Map<string, boolean>()
  for (const term of record.plotTerms) terms.set(term, false)
  for (const term of record.endingTerms) terms.set(term, true)
  return { record, terms, genres: new Set(record.genres.map((genre) => genre.toLowerCase())) }
}

/** Metadata of a movie -> what the features keep of it: terms instead of texts, sorted, so that equal input is equal. */
export function plotOf(movie: Movie): MoviePlot {
  const { movieId, title, genres, durationMinutes, releasedAtMs, updatedAtMs } = movie
  const plot = new Set<string>()
  collectTerms(movie.plotSummary, 0, plot)
  const before = new Set(plot)
  const ending = new Set<string>()
  const synopsis = lowerCase(movie.plotSynopsis)
  const endingFrom = startOfEnding(synopsis)
  collectTerms(synopsis.slice(0, endingFrom), 0, before)
  collectTerms(synopsis, endingFrom, ending)
  return {
    movieId,
    title,
    genres,
    durationMinutes,
    releasedAtMs,
    plotTerms: [...before.union(ending)].sort(),
    endingTerms: [...ending.difference(before)].sort(),
    updatedAtMs,
  }
}

/** Where the last third begins; a word that stands across the border lies before it. */
function startOfEnding(synopsis: string): number {
  let at = Math.floor((synopsis.length * 2) / 3)
  while (at < synopsis.length && isWordUnit(synopsis.charCodeAt(at)) && !isIdeograph(synopsis.charCodeAt(at))) at += 1
  return at
}

function collectTerms(text: string, from: number, into: Set<string>): void {
  const lower = lowerCase(text)
  eachWord(lower, from, lower.length, (start, end) => {
    const term = contentTerm(lower, start, end)
    if (term !== '') into.add(term)
  })
}

function contentTerm(lower: string, start: number, end: number): string {
  if (isIdeograph(lower.charCodeAt(start))) return ideographTerm(lower, start)
  if (end - start < SHORTEST_TERM) return ''
  const word = lower.slice(start, end)
  return isContentWord(word, flagsOfWord(word)) ? stem(word) : ''
}

/** Whether a lower-case word carries content: long enough, and no stop word. */
export function isContentWord(word: string, flags: number): boolean {
  return word.length >= SHORTEST_TERM && (flags & STOP) === 0
}

/** In scripts without spaces two neighbouring ideographs are a term; '' for one that stands alone. */
export function ideographTerm(lower: string, start: number): string {
  return start + 1 < lower.length && isIdeograph(lower.charCodeAt(start + 1)) ? lower.slice(start, start + 2) : ''
}
