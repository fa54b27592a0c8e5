import { APOSTROPHE, isIdeograph, isWordUnit, TYPOGRAPHIC_APOSTROPHE } from './characters.ts'

/** Called with UTF-16 offsets into the text: `start` inclusive, `end` exclusive. */
export type WordVisitor = (start: number, end: number) => void

/**
 * Visits the words between two offsets, in order. A word is a run of letters and digits; an apostrophe between two of
 * them belongs to it ("won't"); each ideograph or kana is a word of its own.
 */
export function eachWord(text: string, from: number, to: number, visit: WordVisitor): void {
  let at = from
  while (at < to) {
    const unit = text.charCodeAt(at)
    if (!isWordUnit(unit)) {
      at += 1
      continue
    }
    const end = isIdeograph(unit) ? at + 1 : endOfWord(text, at + 1, to)
    visit(at, end)
    at = end
  }
}

function endOfWord(text: string, from: number, to: number): number {
  let at = from
  while (at < to) {
    const unit = text.charCodeAt(at)
    if (isWordUnit(unit)) {
      if (isIdeograph(unit)) return at
    } else if (!(isApostrophe(unit) && at + 1 < to && isWordUnit(text.charCodeAt(at + 1)))) return at
    at += 1
  }
  return at
}

function isApostrophe(unit: number): boolean {
  return unit === APOSTROPHE || unit === TYPOGRAPHIC_APOSTROPHE
}

/**
 * The text in lower case with every unit at its place: a text whose length would change ("İ") keeps those letters.
 */
export function lowerCase(text: string): string {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : lowerCaseInPlace(text)
}

function lowerCaseInPlace(text: string): string {
  const parts: string[] = []
  for (const character of text) {
    const lower = character.toLowerCase()
    parts.push(lower.length === character.length ? lower : character)
  }
  return parts.join('')
}

const LONGEST_KEPT = 3
const UNIT_S = 0x73

/**
 * Cheap stem of a lower-case word, so that "kills", "killed" and "killing" are one term, and "story" and "stories".
 * It is the same for plots and reviews, which is all that overlap asks of it.
 */
export function stem(word: string): string {
  let end = withoutPlural(word)
  if (end > 5 && word.endsWith('ing', end)) end -= 3
  else if (end > 4 && word.endsWith('ed', end)) end -= 2
  while (end > LONGEST_KEPT && isWeakEnding(word.charCodeAt(end - 1))) end -= 1
  return end === word.length ? word : word.slice(0, end)
}

function withoutPlural(word: string): number {
  const end = word.length
  if (end <= LONGEST_KEPT || word.charCodeAt(end - 1) !== UNIT_S) return end
  const before = word.charCodeAt(end - 2)
  if (isApostrophe(before)) return end - 2
  return before === UNIT_S ? end : end - 1
}

/** e, i and y. */
function isWeakEnding(unit: number): boolean {
  return unit === 0x65 || unit === 0x69 || unit === 0x79
}
