import { FULL_STOP, isAsciiLower, isAsciiUpper, isSpace, isWordUnit } from './characters.ts'

/** A sentence: UTF-16 offsets, `end` exclusive. Begins and ends with a character that is no space. */
export interface SentenceSpan {
  readonly start: number
  readonly end: number
}

const ABBREVIATIONS: ReadonlySet<string> = new Set(
  'mr mrs ms dr st vs etc jr sr prof gen col sgt capt lt rev hon no vol ep approx dept est inc ltd co eg ie cf al feat'.split(
    ' ',
  ),
)
const LONGEST_ABBREVIATION = 6
const NEWLINE = 0x0a
const ELLIPSIS = 0x2026
/** Marks that end a sentence whatever follows: ideographic and full-width stops. */
const STOPS_ALONE: ReadonlySet<number> = new Set([0x3002, 0xff01, 0xff1f, 0xff61])
/** Quotes and brackets that belong to the sentence they close. */
const CLOSERS: ReadonlySet<number> = new Set(Array.from('"\'”’)]}»*_」』）】', (mark) => mark.charCodeAt(0)))

/**
 * Splits a text of any language into sentences: ordered, not overlapping, covering every character that is no space.
 * Knows abbreviations, initials, ellipses, closing quotes, missing spaces ("end.Then") and line breaks. O(length).
 */
export function splitSentences(text: string): SentenceSpan[] {
  const sentences: SentenceSpan[] = []
  const marks = /[\n.!?\u2026\u3002\uff01\uff1f\uff61\u061f\u06d4\u0964]/g // one class: nothing to back-track
  let start = nextInk(text, 0)
  while (start < text.length) {
    const end = endOfSentence(text, start, marks)
    sentences.push({ start, end })
    start = nextInk(text, end)
  }
  return sentences
}

function endOfSentence(text: string, start: number, marks: RegExp): number {
  marks.lastIndex = start
  while (marks.test(text)) {
    const at = marks.lastIndex - 1
    if (text.charCodeAt(at) === NEWLINE) {
      if (breaksAtNewline(text, at)) return behindLastInk(text, at)
      continue
    }
    const end = endOfStops(text, at + 1)
    if (endsSentence(text, at, end)) return end
    marks.lastIndex = end
  }
  return behindLastInk(text, text.length)
}

/** Offset of the first character from `from` on that is no space; the length of the text if there is none. */
function nextInk(text: string, from: number): number {
  let at = from
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1
  return at
}

/** Offset behind the last character before `before` that is no space. */
function behindLastInk(text: string, before: number): number {
  let at = before
  while (at > 0 && isSpace(text.charCodeAt(at - 1))) at -= 1
  return at
}

/** . ! ? … and their kin of other scripts. */
function isStop(unit: number): boolean {
  if (unit < 0x80) return unit === FULL_STOP || unit === 0x21 || unit === 0x3f
  return unit === ELLIPSIS || unit === 0x61f || unit === 0x6d4 || unit === 0x964 || STOPS_ALONE.has(unit)
}

/** Behind further stops ("?!", "...") and the quotes and brackets that close. */
function endOfStops(text: string, from: number): number {
  let at = from
  while (at < text.length && (isStop(text.charCodeAt(at)) || CLOSERS.has(text.charCodeAt(at)))) at += 1
  return at
}

/** @param stop Offset of the first stop mark. @param end Offset behind the last mark and its closers. */
function endsSentence(text: string, stop: number, end: number): boolean {
  if (end >= text.length) return true
  const unit = text.charCodeAt(stop)
  if (STOPS_ALONE.has(unit)) return true
  const next = text.charCodeAt(end)
  if (!isSpace(next)) return joinsTwoSentences(text, stop, end)
  if (isEllipsis(text, stop)) return !isAsciiLower(text.charCodeAt(nextInk(text, end)))
  return unit !== FULL_STOP || !followsAbbreviation(text, stop)
}

/** "...", which may stand inside a sentence. */
function isEllipsis(text: string, stop: number): boolean {
  const unit = text.charCodeAt(stop)
  return unit === ELLIPSIS || (unit === FULL_STOP && text.charCodeAt(stop + 1) === FULL_STOP)
}

/** "the end.Then": a small letter before the one stop, a capital right behind it. */
function joinsTwoSentences(text: string, stop: number, end: number): boolean {
  return stop > 0 && end === stop + 1 && isAsciiLower(text.charCodeAt(stop - 1)) && isAsciiUpper(text.charCodeAt(end))
}

/** "Mr.", "etc.", and initials: "J. R. R. Tolkien". */
function followsAbbreviation(text: string, stop: number): boolean {
  let start = stop
  while (start > 0 && stop - start <= LONGEST_ABBREVIATION && isWordUnit(text.charCodeAt(start - 1))) start -= 1
  const length = stop - start
  if (length === 0 || length > LONGEST_ABBREVIATION) return false
  // "I." ends a sentence more often than it is an initial
  if (length === 1) return isAsciiUpper(text.charCodeAt(start)) && text.charCodeAt(start) !== 0x49
  return ABBREVIATIONS.has(text.slice(start, stop).toLowerCase())
}

/** An empty line always breaks; a single line break does unless the next line goes on in small letters. */
function breaksAtNewline(text: string, newline: number): boolean {
  const next = nextInk(text, newline + 1)
  const emptyLine = text.slice(newline + 1, next).includes('\n')
  return emptyLine || !isAsciiLower(text.charCodeAt(next))
}
