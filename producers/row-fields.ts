/** Outcome of reading a value that a stranger wrote: the value, or why it cannot be used. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }

export type Row = Readonly<Record<string, unknown>>

/** Drops a byte order mark. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** Parses one line of a JSON-lines file. An empty line is no row and no error: null. */
export function parseRow(bytes: Buffer): Read<Row> | null {
  const text = decodeUtf8(bytes)
  if (text === null) return failed('not UTF-8')
  if (text.trim() === '') return null
  try {
    const row: unknown = JSON.parse(text)
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return { ok: true, value: row as Row }
    return failed('not a JSON object')
  } catch {
    return failed('not JSON')
  }
}

/** Non-empty text of a field. */
export function requiredText(row: Row, field: string): Read<string> {
  const value = row[field]
  if (typeof value === 'string') return value.trim() === '' ? failed(`${field} is empty`) : { ok: true, value }
  return failed(value === undefined || value === null ? `${field} is missing` : `${field} is not text`)
}

/** An id: text or a whole number, without the trailing slash that two ids of the public data set carry. */
export function requiredId(row: Row, field: string): Read<string> {
  const value = row[field]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { ok: true, value: String(value) }
  const text = requiredText(row, field)
  if (!text.ok) return text
  const id = text.value.trim().replace(/\/+$/, '')
  return id === '' ? failed(`${field} is empty`) : { ok: true, value: id }
}

/** Text that may be missing, null or empty: then ''. */
export function optionalText(row: Row, field: string): Read<string> {
  const value = row[field] ?? ''
  return typeof value === 'string' ? { ok: true, value } : failed(`${field} is not text`)
}

/** A rating from 1 to 10 given as a number or as text; missing and empty are null. */
export function optionalRating(row: Row, field: string): Read<number | null> {
  const value = row[field]
  if (value === undefined || value === null || value === '') return { ok: true, value: null }
  const rating = typeof value === 'number' || typeof value === 'string' ? Number(value) : NaN
  if (Number.isInteger(rating) && rating >= 1 && rating <= 10) return { ok: true, value: rating }
  return failed(`${field} is not a whole number from 1 to 10`)
}

/** true, false, 1, 0 or the same as text. */
export function requiredFlag(row: Row, field: string): Read<boolean> {
  const value = row[field]
  if (value === undefined || value === null) return failed(`${field} is missing`)
  const text = typeof value === 'string' ? value.toLowerCase() : JSON.stringify(value)
  if (text === 'true' || text === '1') return { ok: true, value: true }
  if (text === 'false' || text === '0') return { ok: true, value: false }
  return failed(`${field} is neither true nor false`)
}

/** Midnight UTC of a date such as "10 February 2006", "10 Feb 2006" or "2006-02-10"; null if it is none. */
export function parseDate(text: string): number | null {
  const named = /^(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4})$/.exec(text.trim())
  if (named) return utcDay(Number(named[3]), MONTHS.indexOf((named[2] as string).toLowerCase()), Number(named[1]))
  const iso = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text.trim())
  return iso ? utcDay(Number(iso[1]), Number(iso[2] ?? 1) - 1, Number(iso[3] ?? 1)) : null
}

/** Minutes of "2h 22min", "2h", "45min" or "142"; null if it is none. */
export function parseDurationMinutes(text: string): number | null {
  const match = /^(?:(\d+)\s*h)?\s*(?:(\d+)\s*(?:min)?)?$/.exec(text.trim())
  const minutes = match ? Number(match[1] ?? 0) * 60 + Number(match[2] ?? 0) : 0
  return minutes > 0 ? minutes : null
}

export function failed(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}

/** Days that do not exist (31 February) are refused, not moved. */
function utcDay(year: number, month: number, day: number): number | null {
  const ms = Date.UTC(year, month, day)
  const date = new Date(ms)
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month && date.getUTCDate() === day
  return exists ? ms : null
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes)
  } catch {
    return null
  }
}
