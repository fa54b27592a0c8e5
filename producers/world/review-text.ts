import type { SeededRandom } from '../../stats/random.ts'
import type { Film } from './film.ts'
import type { Grammar, Slots } from './grammar.ts'
import type { Reviewer } from './reviewer.ts'
import type { Retelling } from './simulated-review.ts'

export type Tone = 'Good' | 'Mixed' | 'Bad'

/** What a review shall say; the text is drawn from it. */
export interface ReviewBrief {
  readonly film: Film
  readonly reviewer: Reviewer
  readonly tone: Tone
  /** 1 to 10. */
  readonly score: number
  readonly retelling: Retelling
  /** Length aimed at, in UTF-16 units; the last sentence is finished. */
  readonly targetUnits: number
  readonly announced: boolean
}

/** Writes the text and the headline of a review. */
export function writeReview(
  brief: ReviewBrief,
  random: SeededRandom,
  grammar: Grammar,
): { readonly text: string; readonly summary: string | null } {
  const { film, reviewer, tone } = brief
  const [actor = '', actorTwo = ''] = random.sample(film.actors, 2)
  const slots = { ...film.slots, actor, actorTwo, score: String(brief.score) }
  const writer = { random, grammar, slots }
  const told = retell(brief, writer)
  const sentences = filler(brief, told, writer)
  for (const sentence of told) sentences.splice(placeOf(sentences.length, random), 0, sentence)
  if (brief.announced) sentences.splice(random.chance(0.8) ? 0 : 1, 0, grammar.expand('banner', random, slots))
  const text = withStyle(joined(sentences, reviewer, random), reviewer, random)
  const spoilingHeadline = brief.retelling !== 'none' && random.chance(0.12)
  const headline = spoilingHeadline ? 'headlineSpoiling' : `headline${tone}`
  return { text, summary: random.chance(0.05) ? null : grammar.sentence(headline, random, slots) }
}

interface Writer {
  readonly random: SeededRandom
  readonly grammar: Grammar
  readonly slots: Slots
}

/** The sentences that give something away; more of them in longer reviews. */
function retell({ film, retelling, targetUnits }: ReviewBrief, writer: Writer): string[] {
  const { random } = writer
  if (retelling === 'none') return []
  if (retelling === 'hint') return [plain('hint', writer)]
  const extent = targetUnits / 900
  const turns = random.sample(film.turns, (retelling === 'turns' ? 1 : 0) + random.poisson(0.6 * extent))
  const endings = retelling === 'ending' ? random.sample(film.endings, 1 + random.poisson(0.3 * extent)) : []
  return [...turns, ...endings].map((fact) => told(fact, writer))
}

/** Opinions, digressions, the public set-up and harmless scenes, until the review is as long as it shall be. */
function filler(brief: ReviewBrief, toldSentences: readonly string[], writer: Writer): string[] {
  const { random } = writer
  const sentences: string[] = []
  let units = toldSentences.reduce((sum, sentence) => sum + sentence.length, 0)
  const add = (sentence: string): void => {
    sentences.push(sentence)
    units += sentence.length + 1
  }
  if (brief.targetUnits > 200 || toldSentences.length === 0) add(plain(`open${brief.tone}`, writer))
  const begun = new Set<string>()
  while (units < brief.targetUnits) add(unlike(begun, () => plain(fillerSymbol(brief, random), writer)))
  if (random.chance(0.5)) add(plain(`close${brief.tone}`, writer))
  return sentences
}

/** People seldom begin two sentences alike: a few tries for another one. */
function unlike(begun: Set<string>, next: () => string): string {
  let sentence = next()
  for (let retries = 0; retries < 4 && begun.has(sentence.slice(0, 18)); retries++) sentence = next()
  begun.add(sentence.slice(0, 18))
  return sentence
}

function fillerSymbol({ tone, retelling }: ReviewBrief, random: SeededRandom): string {
  const draw = random.uniform()
  if (draw < 0.16) return 'setupPremise'
  if (draw < 0.3) return 'scene'
  if (draw < 0.48) return 'digression'
  if (draw < 0.49 && retelling === 'none') return 'careful'
  return `opinion${random.chance(0.18) ? 'Mixed' : tone}`
}

function plain(symbol: string, { random, grammar, slots }: Writer): string {
  return grammar.sentence(symbol, random, slots) + end(random)
}

/** A fact of the story, with a lead-in and a reaction that say nothing by themselves. */
function told(fact: string, { random, grammar, slots }: Writer): string {
  const lead = grammar.expand('leadIn', random, slots)
  const sentence = lead + grammar.expand(fact, random, slots) + grammar.expand('reaction', random, slots)
  return sentence.charAt(0).toUpperCase() + sentence.slice(1) + end(random)
}

/** Where a spoiling sentence stands: seldom first, more often towards the end. */
function placeOf(count: number, random: SeededRandom): number {
  return Math.ceil(count * Math.sqrt(random.uniform()))
}

function end(random: SeededRandom): string {
  const draw = random.uniform()
  return draw < 0.86 ? '.' : draw < 0.94 ? '!' : draw < 0.98 ? '...' : '!!!'
}

function joined(sentences: readonly string[], { paragraphs }: Reviewer, random: SeededRandom): string {
  let text = ''
  for (const sentence of sentences) {
    if (text !== '') text += paragraphs && random.chance(0.15) ? '\n\n' : ' '
    text += sentence
  }
  return text
}

function withStyle(text: string, { lowerCase, typoRate }: Reviewer, random: SeededRandom): string {
  const typed = typoRate === 0 ? text : withTypos(text, random.poisson(text.length * typoRate), random)
  return lowerCase ? typed.toLowerCase() : typed
}

/** Swaps or drops letters. Only inside words, so that sentences stay sentences. */
function withTypos(text: string, count: number, random: SeededRandom): string {
  let typed = text
  for (let n = 0; n < count; n++) {
    const at = random.below(typed.length)
    const pair = typed.slice(at, at + 2)
    if (!/^[a-z]{2}$/.test(pair)) continue
    const wrong = random.chance(0.5) ? pair.charAt(1) + pair.charAt(0) : pair.charAt(0)
    typed = typed.slice(0, at) + wrong + typed.slice(at + 2)
  }
  return typed
}
