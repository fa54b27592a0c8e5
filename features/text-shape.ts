import { isAsciiLower, isAsciiUpper, isDigit } from './characters.ts'

/** Counts of UTF-16 units of a text by their shape. */
export interface TextShape {
  readonly exclamations: number
  readonly questions: number
  readonly digits: number
  readonly upper: number
  /** ASCII letters, small and capital. */
  readonly letters: number
}

const OTHER = 0
const LOWER = 1
const UPPER = 2
const DIGIT = 3
const EXCLAMATION = 4
const QUESTION = 5
/** Class of each ASCII unit: a table, since branching on every unit costs twice the time. */
const CLASSES = Uint8Array.from({ length: 0x80 }, (_, unit) => classOf(unit))

function classOf(unit: number): number {
  if (isAsciiLower(unit)) return LOWER
  if (isAsciiUpper(unit)) return UPPER
  if (isDigit(unit)) return DIGIT
  if (unit === 0x21) return EXCLAMATION
  return unit === 0x3f ? QUESTION : OTHER
}

/** Counts marks, digits and capitals in one pass. */
export function shapeOf(text: string): TextShape {
  const counts = new Uint32Array(6)
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    const kind =
      unit < 0x80 ? (CLASSES[unit] as number) : unit === 0xff01 ? EXCLAMATION : unit === 0xff1f ? QUESTION : OTHER
    counts[kind] = (counts[kind] as number) + 1
  }
  const [, lower, upper, digits, exclamations, questions] = counts as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { exclamations, questions, digits, upper, letters: upper + lower }
}
