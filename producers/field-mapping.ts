import { hash } from 'node:crypto'
import type { Review } from '../schemas/generated.ts'
import { usageError } from './arguments.ts'
import {
  failed,
  optionalRating,
  optionalText,
  parseDate,
  requiredFlag,
  requiredId,
  requiredText,
  type Read,
  type Row,
} from './row-fields.ts'

/** What a field of a file can become. */
export const MAPPING_TARGETS = [
  'reviewId',
  'userId',
  'movieId',
  'text',
  'summary',
  'rating',
  'writtenAt',
  'isSpoiler',
] as const
export type MappingTarget = (typeof MAPPING_TARGETS)[number]

/** Field of the file for each mapped target. `userId` falls back to a hash of the review id. */
export type FieldMapping = Readonly<Partial<Record<MappingTarget, string>>>

const HASH_OF_REVIEW_ID = 'hash(reviewId)'

/**
 * Reads `reviewId=review_id,movieId=movie_id,text=review_text,…`. `movieId` and `text` are required; without `reviewId`
 * the id is a hash of line number and text, without `userId` (or with `userId=hash(reviewId)`) the user is a hash of it.
 *
 * @throws SpoilerError SPL_USAGE naming the part that is wrong.
 */
export function parseMapping(text: string): FieldMapping {
  const mapping: Partial<Record<MappingTarget, string>> = {}
  for (const pair of text.split(',')) {
    const [target = '', field = ''] = pair.split('=', 2).map((part) => part.trim())
    if (!isTarget(target)) throw usageError(`--map knows no "${target}"; it takes ${MAPPING_TARGETS.join(', ')}`)
    if (field === '') throw usageError(`--map ${target} names no field; write ${target}=FIELD`)
    if (mapping[target] !== undefined) throw usageError(`--map names ${target} twice`)
    mapping[target] = field
  }
  for (const required of ['movieId', 'text'] as const)
    if (mapping[required] === undefined) throw usageError(`--map needs ${required}=FIELD`)
  if (mapping.userId === HASH_OF_REVIEW_ID) delete mapping.userId
  return mapping
}

/** @param isSpoiler null if the file has no label, or none for this row. */
export interface MappedReview {
  readonly review: Review
  readonly isSpoiler: boolean | null
}

/** @param clockMs Event time of the row if `writtenAt` is not mapped. */
export function readMappedReview(row: Row, line: number, mapping: FieldMapping, clockMs: number): Read<MappedReview> {
  const { movieId: movieField = '', text: textField = '' } = mapping
  const movieId = requiredId(row, movieField)
  if (!movieId.ok) return movieId
  const text = requiredText(row, textField)
  if (!text.ok) return text
  const reviewId = mapping.reviewId === undefined ? lineId(line, text.value) : requiredId(row, mapping.reviewId)
  if (!reviewId.ok) return reviewId
  const userId = mapping.userId === undefined ? hashed(reviewId.value) : requiredId(row, mapping.userId)
  if (!userId.ok) return userId
  const writtenAtMs =
    mapping.writtenAt === undefined ? ({ ok: true, value: clockMs } as const) : instant(row, mapping.writtenAt)
  if (!writtenAtMs.ok) return writtenAtMs
  const rest = optionalFields(row, mapping)
  if (!rest.ok) return rest
  const { isSpoiler, ...fields } = rest.value
  const ids = { reviewId: reviewId.value, userId: userId.value, movieId: movieId.value }
  const review = { ...ids, text: text.value, ...fields, writtenAtMs: writtenAtMs.value, revision: 0 }
  return { ok: true, value: { review, isSpoiler } }
}

type OptionalFields = Pick<Review, 'rating' | 'summary'> & { readonly isSpoiler: boolean | null }

function optionalFields(row: Row, mapping: FieldMapping): Read<OptionalFields> {
  const rating =
    mapping.rating === undefined ? ({ ok: true, value: null } as const) : optionalRating(row, mapping.rating)
  if (!rating.ok) return rating
  const summary =
    mapping.summary === undefined ? ({ ok: true, value: '' } as const) : optionalText(row, mapping.summary)
  if (!summary.ok) return summary
  const label = spoilerFlag(row, mapping.isSpoiler)
  if (!label.ok) return label
  const headline = summary.value === '' ? null : summary.value
  return { ok: true, value: { rating: rating.value, summary: headline, isSpoiler: label.value } }
}

function spoilerFlag(row: Row, field: string | undefined): Read<boolean | null> {
  if (field === undefined || row[field] === undefined || row[field] === null) return { ok: true, value: null }
  return requiredFlag(row, field)
}

function hashed(reviewId: string): Read<string> {
  return { ok: true, value: hash('sha256', `user ${reviewId}`, 'hex').slice(0, 32) }
}

function lineId(line: number, text: string): Read<string> {
  return { ok: true, value: hash('sha256', `${line}\0${text}`, 'hex').slice(0, 32) }
}

/** Unix milliseconds as a number, an ISO 8601 instant, or a date. */
function instant(row: Row, field: string): Read<number> {
  const value = row[field]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { ok: true, value }
  const text = requiredText(row, field)
  if (!text.ok) return text
  const ms = parseDate(text.value) ?? (/^\d{4}-\d{2}-\d{2}[T ]/.test(text.value) ? Date.parse(text.value) : NaN)
  return Number.isFinite(ms) ? { ok: true, value: ms } : failed(`${field} is no instant`)
}

function isTarget(name: string): name is MappingTarget {
  return (MAPPING_TARGETS as readonly string[]).includes(name)
}
