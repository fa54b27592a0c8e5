import { SpoilerError } from '../platform/spoiler-error.ts'
import type { LabelDelay } from './label-delay.ts'

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 365 * 86_400_000,
}

export function usageError(what: string): SpoilerError {
  return new SpoilerError('SPL_USAGE', `reading the command line: ${what}`, { onError: 'stop' })
}

/** A duration such as 500ms, 10m, 1.5h, 3d, 2y (365 days), in whole milliseconds. @throws SpoilerError SPL_USAGE */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)$/.exec(text.trim())
  const ms = match ? Math.round(Number(match[1]) * (UNIT_MS[match[2] as string] as number)) : NaN
  if (Number.isSafeInteger(ms)) return ms
  throw usageError(`"${text}" is no duration; write for example 90s, 10m, 3d or 2y`)
}

/** `3d±1d`, `3d+-1d` or `3d`; null for `none`. @throws SpoilerError SPL_USAGE */
export function parseLabelDelay(text: string): LabelDelay | null {
  if (text.trim() === 'none') return null
  const [mean = '', spread = '0s', ...rest] = text.split(/±|\+-|\+\/-/)
  if (rest.length > 0) throw usageError(`"${text}" is no label delay; write for example "3d±1d"`)
  const delay = { meanMs: parseDuration(mean), spreadMs: parseDuration(spread) }
  if (delay.spreadMs <= delay.meanMs) return delay
  throw usageError(`the label delay "${text}" would give labels before their reviews`)
}

/** `1000x` or `1000`: event seconds per second, above 0. @throws SpoilerError SPL_USAGE */
export function parseSpeed(text: string): number {
  return positive(text, /^(\d+(?:\.\d+)?)x?$/, 'speed; write for example 1000x')
}

/** Events per second, above 0. @throws SpoilerError SPL_USAGE */
export function parseRate(text: string): number {
  return positive(text, /^(\d+(?:\.\d+)?)(?:\/s)?$/, 'rate per second; write for example 200')
}

/** A whole number of at least `least`. @throws SpoilerError SPL_USAGE */
export function parseCount(text: string, least = 1): number {
  const count = /^\d{1,15}$/.test(text.trim()) ? Number(text) : NaN
  if (count >= least) return count
  throw usageError(`"${text}" is no whole number of at least ${least}`)
}

/** An ISO 8601 date or instant in UTC or with an offset, in Unix milliseconds. @throws SpoilerError SPL_USAGE */
export function parseInstant(text: string): number {
  const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const ms = iso ? Date.parse(text) : NaN
  if (Number.isFinite(ms)) return ms
  throw usageError(`"${text}" is no instant; write for example 2024-05-01 or 2024-05-01T12:00:00Z`)
}

function positive(text: string, pattern: RegExp, what: string): number {
  const value = Number(pattern.exec(text.trim())?.[1] ?? NaN)
  if (value > 0 && Number.isFinite(value)) return value
  throw usageError(`"${text}" is no ${what}`)
}
