/** Classes of UTF-16 units, by comparison: the same on every platform and ICU version. */

const SPACE = 0x20
export const FULL_STOP = 0x2e
export const APOSTROPHE = 0x27
export const TYPOGRAPHIC_APOSTROPHE = 0x2019

/** Everything up to U+0020 is space, control characters included. */
export function isSpace(unit: number): boolean {
  if (unit <= SPACE) return true
  if (unit < 0x85) return false
  return unit === 0x85 || unit === 0xa0 || (unit >= 0x1680 && isRareSpace(unit))
}

function isRareSpace(unit: number): boolean {
  if (unit >= 0x2000 && unit <= 0x200a) return true
  return (
    unit === 0x1680 ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000 ||
    unit === 0xfeff
  )
}

export function isAsciiLower(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a
}

export function isAsciiUpper(unit: number): boolean {
  return unit >= 0x41 && unit <= 0x5a
}

export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

/** Ideographs and kana, which are written without spaces. */
export function isIdeograph(unit: number): boolean {
  return (unit >= 0x3040 && unit <= 0x30ff) || (unit >= 0x3400 && unit <= 0x9fff) || (unit >= 0xf900 && unit <= 0xfaff)
}

/** Letters, digits and combining marks. Surrogates (emoji and rare scripts) are not part of words. */
export function isWordUnit(unit: number): boolean {
  if (unit < 0x80) return isAsciiLower(unit | 0x20) || isDigit(unit)
  return unit >= 0xc0 ? isWordBeyondLatin1(unit) : unit === 0xaa || unit === 0xb5 || unit === 0xba
}

// General punctuation to CJK punctuation, surrogates and private use, forms of punctuation, and commas and stops of
// other scripts.
function isWordBeyondLatin1(unit: number): boolean {
  if (unit < 0x2000) return !isPunctuationOfScripts(unit) && unit !== 0x1680
  if (unit < 0x3040) return false
  if (unit >= 0xd800 && unit <= 0xf8ff) return false
  return unit < 0xfe10 || isFullWidthLetter(unit)
}

function isPunctuationOfScripts(unit: number): boolean {
  return (
    unit === 0xd7 ||
    unit === 0xf7 ||
    unit === 0x37e ||
    unit === 0x60c ||
    unit === 0x61b ||
    unit === 0x61f ||
    unit === 0x6d4 ||
    unit === 0x964 ||
    unit === 0x965
  )
}

function isFullWidthLetter(unit: number): boolean {
  if (unit >= 0xfe70 && unit <= 0xfefc) return true
  if (unit >= 0xff66 && unit <= 0xffdc) return true
  return (unit >= 0xff10 && unit <= 0xff19) || (unit >= 0xff21 && unit <= 0xff3a) || (unit >= 0xff41 && unit <= 0xff5a)
}
