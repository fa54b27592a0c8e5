import { hash } from 'node:crypto'
import type { Movie, Review } from '../schemas/generated.ts'
import {
  failed,
  optionalRating,
  optionalText,
  parseDate,
  parseDurationMinutes,
  requiredId,
  requiredText,
  type Read,
  type Row,
} from './row-fields.ts'

/** A row of the reviews file. The id still lacks the ordinal among exact repeats. */
export interface ImdbReview {
  readonly review: Review
  readonly isSpoiler: boolean
}

/**
 * One row of IMDB_reviews.json. `review_date` has no time of day: midnight UTC stands for the day.
 * The review id is 32 hex digits of SHA-256 over user, movie, day and text.
 */
export function readImdbReview(row: Row): Read<ImdbReview> {
  const userId = requiredId(row, 'user_id')
  if (!userId.ok) return userId
  const movieId = requiredId(row, 'movie_id')
  if (!movieId.ok) return movieId
  const text = requiredText(row, 'review_text')
  if (!text.ok) return text
  const day = reviewDay(row)
  if (!day.ok) return day
  const rest = ratingAndSummary(row)
  if (!rest.ok) return rest
  const isSpoiler = row['is_spoiler']
  if (typeof isSpoiler !== 'boolean') return failed('is_spoiler is neither true nor false')
  const ids = { userId: userId.value, movieId: movieId.value, text: text.value, writtenAtMs: day.value }
  return { ok: true, value: { review: { ...ids, ...rest.value, reviewId: reviewIdOf(ids), revision: 0 }, isSpoiler } }
}

/** One row of IMDB_movie_details.json; `notes` name fields that could not be read and were left empty. */
export function readImdbMovie(row: Row, updatedAtMs: number): Read<{ movie: Movie; notes: string[] }> {
  const movieId = requiredId(row, 'movie_id')
  if (!movieId.ok) return movieId
  const texts = plotTexts(row)
  if (!texts.ok) return texts
  const notes: string[] = []
  const parsed = (field: string, parse: (text: string) => number | null): number | null => {
    const raw = row[field] ?? ''
    const text = (typeof raw === 'string' ? raw : JSON.stringify(raw)).trim()
    const value = text === '' ? null : parse(text)
    if (text !== '' && value === null) notes.push(`${field} is unreadable (movie kept without it)`)
    return value
  }
  const movie = {
    movieId: movieId.value,
    title: texts.value.title,
    plotSummary: texts.value.summary,
    plotSynopsis: texts.value.synopsis,
    genres: namesOf(row['genre']),
    cast: namesOf(row['cast']),
    durationMinutes: parsed('duration', parseDurationMinutes),
    releasedAtMs: parsed('release_date', parseDate),
    rating: parsed('rating', parseAggregate),
    updatedAtMs,
  }
  return { ok: true, value: { movie, notes } }
}

function reviewIdOf(of: Pick<Review, 'userId' | 'movieId' | 'writtenAtMs' | 'text'>): string {
  return hash('sha256', `${of.userId}\0${of.movieId}\0${of.writtenAtMs}\0${of.text}`, 'hex').slice(0, 32)
}

function reviewDay(row: Row): Read<number> {
  const text = requiredText(row, 'review_date')
  if (!text.ok) return text
  const day = parseDate(text.value)
  if (day === null) return failed('review_date is no date')
  return day >= 0 ? { ok: true, value: day } : failed('review_date lies before 1970')
}

function ratingAndSummary(row: Row): Read<Pick<Review, 'rating' | 'summary'>> {
  const rating = optionalRating(row, 'rating')
  if (!rating.ok) return rating
  const summary = optionalText(row, 'review_summary')
  if (!summary.ok) return summary
  return { ok: true, value: { rating: rating.value, summary: summary.value === '' ? null : summary.value } }
}

function plotTexts(row: Row): Read<{ title: string; summary: string; synopsis: string }> {
  const title = optionalText(row, 'title') // the public file has none
  if (!title.ok) return title
  const summary = optionalText(row, 'plot_summary')
  if (!summary.ok) return summary
  const synopsis = optionalText(row, 'plot_synopsis')
  if (!synopsis.ok) return synopsis
  return {
    ok: true,
    value: { title: title.value.trim(), summary: summary.value.trim(), synopsis: synopsis.value.trim() },
  }
}

function parseAggregate(text: string): number | null {
  const value = Number(text)
  return value >= 0 && value <= 10 ? value : null
}

function namesOf(value: unknown): string[] {
  const names: unknown[] = Array.isArray(value) ? value : [value]
  return names.filter((name): name is string => typeof name === 'string' && name.trim() !== '').map((n) => n.trim())
}
