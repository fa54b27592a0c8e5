import type { SentenceEvidence } from '../schemas/generated.ts'
import { isIdeograph } from './characters.ts'
import { BLAME, CUE, flagsOfWord, FREE, isCuePair, NEGATOR, PAIR, PRAISE, SPOILER } from './lexicon.ts'
import { ideographTerm, isContentWord } from './plot-terms.ts'
import type { PlotContext } from './plot-terms.ts'
import { splitSentences } from './sentences.ts'
import { eachWord, lowerCase, stem } from './words.ts'

/** A sentence with fewer content words than this says nothing by its overlap and is left out of the maxima. */
const MIN_SENTENCE_TERMS = 3
/** So many words after a negator are still meant by it: "won't give away any spoilers". */
const NEGATION_REACH = 4

/** What one reading of a text finds. Positions are UTF-16 offsets. */
export interface TextReading {
  readonly words: number
  readonly cues: number
  /** Offsets of the cues, ascending. */
  readonly cueOffsets: readonly number[]
  readonly banner: boolean
  readonly praises: number
  readonly blames: number
  readonly contentWords: number
  readonly plotHits: number
  readonly endingHits: number
  readonly maxSentenceCues: number
  /** Largest share of a sentence, 0 to 1. */
  readonly maxPlotOverlap: number
  readonly maxEndingOverlap: number
  readonly sentences: readonly SentenceEvidence[]
}

/**
 * Reads a text once, sentence by sentence. `plot` is null for a movie without metadata. O(length).
 * bench/fold-costs.ts measures it.
 */
export function readText(text: string, plot: PlotContext | null): TextReading {
  const reader = new Reader(lowerCase(text), plot)
  const sentences = splitSentences(text).map(({ start, end }) => reader.readSentence(start, end))
  return { ...reader.totals(), sentences }
}

/** Counters of one sentence, or of the whole text. */
interface Tally {
  cues: number
  banner: boolean
  contentWords: number
  plotHits: number
  endingHits: number
}

/** Working memory of one reading; lives no longer than the call of {@link readText}. */
class Reader {
  readonly #lower: string
  readonly #terms: ReadonlyMap<string, boolean> | null
  readonly #cueOffsets: number[] = []
  #words = 0
  #praises = 0
  #blames = 0
  #maxSentenceCues = 0
  #maxPlotOverlap = 0
  #maxEndingOverlap = 0
  readonly #whole: Tally = { cues: 0, banner: false, contentWords: 0, plotHits: 0, endingHits: 0 }
  #sentence: Tally = this.#whole
  #previous = ''
  #previousFlags = 0
  #sinceNegator = NEGATION_REACH

  constructor(lower: string, plot: PlotContext | null) {
    this.#lower = lower
    this.#terms = plot?.terms ?? null
  }

  readSentence(start: number, end: number): SentenceEvidence {
    this.#sentence = { cues: 0, banner: false, contentWords: 0, plotHits: 0, endingHits: 0 }
    this.#previousFlags = 0
    this.#sinceNegator = NEGATION_REACH
    eachWord(this.#lower, start, end, this.#onWord)
    return this.#endSentence(start, end)
  }

  readonly #onWord = (start: number, end: number): void => {
    const lower = this.#lower
    const word = lower.slice(start, end)
    const flags = flagsOfWord(word)
    this.#words += 1
    if ((flags | this.#previousFlags) !== 0) this.#meaning(word, flags, start)
    if (isIdeograph(lower.charCodeAt(start))) this.#term(ideographTerm(lower, start))
    else if (isContentWord(word, flags)) this.#term(stem(word))
    this.#previous = word
    this.#previousFlags = flags
    this.#sinceNegator = (flags & NEGATOR) !== 0 ? 0 : this.#sinceNegator + 1
  }

  #meaning(word: string, flags: number, start: number): void {
    const negated = this.#sinceNegator < NEGATION_REACH
    if ((flags & CUE) !== 0 || ((this.#previousFlags & PAIR) !== 0 && isCuePair(this.#previous, word))) {
      this.#sentence.cues += 1
      this.#cueOffsets.push(start)
    }
    if ((flags & SPOILER) !== 0 && !negated) this.#sentence.banner = true
    // "spoiler-free" takes back what its first word announced
    if ((flags & FREE) !== 0 && (this.#previousFlags & SPOILER) !== 0) this.#sentence.banner = false
    if ((flags & (PRAISE | BLAME)) !== 0) this.#judge(((flags & PRAISE) !== 0) !== negated)
  }

  #judge(praise: boolean): void {
    if (praise) this.#praises += 1
    else this.#blames += 1
  }

  #term(term: string): void {
    if (term === '') return
    const sentence = this.#sentence
    sentence.contentWords += 1
    const ending = this.#terms?.get(term)
    if (ending === undefined) return
    sentence.plotHits += 1
    if (ending) sentence.endingHits += 1
  }

  #endSentence(start: number, end: number): SentenceEvidence {
    const { cues, banner, contentWords, plotHits, endingHits } = this.#sentence
    const whole = this.#whole
    whole.cues += cues
    whole.banner ||= banner
    whole.contentWords += contentWords
    whole.plotHits += plotHits
    whole.endingHits += endingHits
    this.#maxSentenceCues = Math.max(this.#maxSentenceCues, cues)
    if (contentWords >= MIN_SENTENCE_TERMS) {
      this.#maxPlotOverlap = Math.max(this.#maxPlotOverlap, plotHits / contentWords)
      this.#maxEndingOverlap = Math.max(this.#maxEndingOverlap, endingHits / contentWords)
    }
    const plotOverlapPermille = permille(plotHits, contentWords)
    return { start, end, cues, plotOverlapPermille, endingOverlapPermille: permille(endingHits, contentWords), banner }
  }

  totals(): Omit<TextReading, 'sentences'> {
    return {
      ...this.#whole,
      words: this.#words,
      cueOffsets: this.#cueOffsets,
      praises: this.#praises,
      blames: this.#blames,
      maxSentenceCues: this.#maxSentenceCues,
      maxPlotOverlap: this.#maxPlotOverlap,
      maxEndingOverlap: this.#maxEndingOverlap,
    }
  }
}

function permille(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((1000 * part) / whole)
}
