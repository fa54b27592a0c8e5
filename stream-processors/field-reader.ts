import type { ErrorCode } from '../schemas/errors.ts'
import { MAX_CLOCK_SKEW_MS, MAX_ID_UNITS, MAX_NAMES, MAX_TITLE_UNITS } from './review-limits.ts'

/** Why a record is refused. */
export interface Rejection {
  readonly code: ErrorCode
  readonly cause: string
}

const MAX_INT = 2_147_483_647

/**
 * Reads the fields of one decoded record, Avro or JSON alike, and remembers the first one that is wrong. Read every
 * field, then look at {@link rejection}: what was read counts only if it is null.
 */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>
  #rejection: Rejection | null = null

  constructor(value: unknown) {
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
    this.#fields = isRecord ? (value as Record<string, unknown>) : {}
    if (!isRecord) this.refuse('SPL_FIELD_INVALID', 'the value is not a record')
  }

  get rejection(): Rejection | null {
    return this.#rejection
  }

  refuse(code: ErrorCode, cause: string): void {
    this.#rejection ??= { code, cause }
  }

  /** An id in NFC, without the trailing slash that ids of the public data set have. */
  id(name: string): string {
    const id = this.#string(name).normalize('NFC').replace(/\/+$/, '')
    if (id === '' || id.length > MAX_ID_UNITS || !id.isWellFormed() || hasControls(id)) {
      this.refuse('SPL_ID_INVALID', `${name} is empty, too long, or holds control characters or lone surrogates`)
    }
    return id
  }

  /** Text in NFC; lone surrogates and NUL, which no store takes, become U+FFFD. */
  text(name: string, maxUnits: number, missing?: string): string {
    return this.#normalised(name, this.#string(name, missing), maxUnits)
  }

  nullableText(name: string, maxUnits: number): string | null {
    if (this.#field(name, null) === null) return null
    return this.text(name, maxUnits)
  }

  names(name: string): readonly string[] {
    const value = this.#field(name, [])
    if (!Array.isArray(value) || value.length > MAX_NAMES) {
      this.refuse('SPL_FIELD_INVALID', `${name} is not an array of at most ${MAX_NAMES} strings`)
      return []
    }
    return value.map((item: unknown) => {
      if (typeof item === 'string') return this.#normalised(name, item, MAX_TITLE_UNITS)
      this.refuse('SPL_FIELD_INVALID', `${name} holds something that is not a string`)
      return ''
    })
  }

  boolean(name: string): boolean {
    const value = this.#field(name)
    if (typeof value === 'boolean') return value
    this.refuse('SPL_FIELD_INVALID', `${name} is not a boolean`)
    return false
  }

  /** Event time: from 1970 to the append time, give or take the clocks of publishers. */
  eventTime(name: string, appendedAtMs: number): number {
    const atMs = this.#field(name)
    if (!Number.isSafeInteger(atMs)) this.refuse('SPL_FIELD_INVALID', `${name} is not a whole number of milliseconds`)
    else if ((atMs as number) < 0 || (atMs as number) > appendedAtMs + MAX_CLOCK_SKEW_MS) {
      this.refuse('SPL_EVENT_TIME_INVALID', `${name} is ${String(atMs)}, the record was appended at ${appendedAtMs}`)
    }
    return atMs as number
  }

  revision(name: string): number {
    const value = this.#field(name, 0)
    if (!isWithin(value, 0, MAX_INT)) this.refuse('SPL_REVISION_INVALID', `${name} is not a whole number from 0`)
    return value as number
  }

  rating(name: string): number | null {
    const value = this.#field(name, null)
    if (value !== null && !isWithin(value, 1, 10)) {
      this.refuse('SPL_RATING_INVALID', `${name} is neither null nor a whole number from 1 to 10`)
    }
    return value as number | null
  }

  nullableInteger(name: string, min: number, max: number): number | null {
    const value = this.#field(name, null)
    if (value !== null && !isWithin(value, min, max)) {
      this.refuse('SPL_FIELD_INVALID', `${name} is neither null nor a whole number from ${min} to ${max}`)
    }
    return value as number | null
  }

  nullableNumber(name: string, min: number, max: number): number | null {
    const value = this.#field(name, null)
    if (value !== null && !(typeof value === 'number' && value >= min && value <= max)) {
      this.refuse('SPL_FIELD_INVALID', `${name} is neither null nor a number from ${min} to ${max}`)
    }
    return value as number | null
  }

  oneOf(name: string, allowed: ReadonlySet<string>, missing: string): string {
    const value = this.#string(name, missing)
    if (!allowed.has(value)) this.refuse('SPL_LABEL_SOURCE_REFUSED', `${name} is none of ${[...allowed].join(', ')}`)
    return value
  }

  #field(name: string, missing?: unknown): unknown {
    const value = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
    if (value !== undefined) return value
    if (missing === undefined) this.refuse('SPL_FIELD_MISSING', `${name} is missing`)
    return missing
  }

  #string(name: string, missing?: string): string {
    const value = this.#field(name, missing)
    if (typeof value === 'string') return value
    this.refuse('SPL_FIELD_INVALID', `${name} is not a string`)
    return ''
  }

  #normalised(name: string, value: string, maxUnits: number): string {
    if (value.length > maxUnits) return this.#tooLong(name, maxUnits)
    const text = value.toWellFormed().normalize('NFC').replaceAll('\u0000', '\uFFFD')
    return text.length > maxUnits ? this.#tooLong(name, maxUnits) : text
  }

  #tooLong(name: string, maxUnits: number): string {
    this.refuse('SPL_REVIEW_TOO_LONG', `${name} is longer than ${maxUnits} UTF-16 units`)
    return ''
  }
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

/** C0, DEL and C1. */
function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true
  }
  return false
}
