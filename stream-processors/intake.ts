import type { Movie, Review, ReviewLabel } from '../schemas/generated.ts'
import { NOTHING } from '../schemas/processor.ts'
import type { Forward, Processor, Step, StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { FieldReader } from './field-reader.ts'
import { MAX_PLOT_UNITS, MAX_RELEASE_MS, MAX_REVIEW_UNITS, MAX_TITLE_UNITS, MIN_RELEASE_MS } from './review-limits.ts'

/** Who may say whether a review spoils. A model's own word is refused: it would train on itself. */
const LABEL_SOURCES: ReadonlySet<string> = new Set(['self-declared', 'moderator', 'report', 'audit'])
const MAX_DURATION_MINUTES = 10_000

/** Intake keeps no state. */
export type NoStores = Readonly<Record<string, never>>

/**
 * Takes the three public inputs: validates, normalises, re-keys. Reviews and labels go to the user's log, metadata to
 * the movie's. The same checks hold for Avro and JSON: JSON may leave out what has a default in the schema, and fields
 * that the schema does not know are ignored.
 */
export const intake: Processor<unknown, NoStores> = {
  name: 'intake',
  stores: {},
  onRecord(record) {
    const fields = new FieldReader(record.value)
    const forward = read(record, fields)
    if (fields.rejection !== null) return { ...NOTHING, rejects: [fields.rejection] }
    return { ...NOTHING, forwards: [forward] } satisfies Step<NoStores>
  },
}

function read({ position, appendedAtMs }: StreamRecord<unknown>, fields: FieldReader): Forward {
  const source = { source: position, sourceAppendedAtMs: appendedAtMs }
  switch (position.topic) {
    case topics.reviews.name: {
      const review = readReview(fields, appendedAtMs)
      return { to: 'userActivity', value: { userId: review.userId, review, label: null, ...source } }
    }
    case topics.reviewLabels.name: {
      const label = readLabel(fields, appendedAtMs)
      return { to: 'userActivity', value: { userId: label.userId, review: null, label, ...source } }
    }
    case topics.movies.name: {
      const movie = readMovie(fields, appendedAtMs)
      return { to: 'movieActivity', value: { movieId: movie.movieId, review: null, label: null, movie } }
    }
    default:
      throw new RangeError(`intake does not read ${position.topic}`)
  }
}

function readReview(fields: FieldReader, appendedAtMs: number): Review {
  const review = {
    reviewId: fields.id('reviewId'),
    userId: fields.id('userId'),
    movieId: fields.id('movieId'),
    text: fields.text('text', MAX_REVIEW_UNITS),
    summary: fields.nullableText('summary', MAX_TITLE_UNITS),
    rating: fields.rating('rating'),
    writtenAtMs: fields.eventTime('writtenAtMs', appendedAtMs),
    revision: fields.revision('revision'),
  }
  if (review.text.trim() === '') fields.refuse('SPL_REVIEW_EMPTY', 'text is empty')
  return review
}

function readLabel(fields: FieldReader, appendedAtMs: number): ReviewLabel {
  return {
    reviewId: fields.id('reviewId'),
    userId: fields.id('userId'),
    movieId: fields.id('movieId'),
    isSpoiler: fields.boolean('isSpoiler'),
    source: fields.oneOf('source', LABEL_SOURCES, 'self-declared'),
    labelledAtMs: fields.eventTime('labelledAtMs', appendedAtMs),
    revision: fields.revision('revision'),
  }
}

function readMovie(fields: FieldReader, appendedAtMs: number): Movie {
  return {
    movieId: fields.id('movieId'),
    title: fields.text('title', MAX_TITLE_UNITS, ''),
    plotSummary: fields.text('plotSummary', MAX_PLOT_UNITS, ''),
    plotSynopsis: fields.text('plotSynopsis', MAX_PLOT_UNITS, ''),
    genres: fields.names('genres'),
    cast: fields.names('cast'),
    durationMinutes: fields.nullableInteger('durationMinutes', 0, MAX_DURATION_MINUTES),
    releasedAtMs: fields.nullableInteger('releasedAtMs', MIN_RELEASE_MS, MAX_RELEASE_MS),
    rating: fields.nullableNumber('rating', 0, 10),
    updatedAtMs: fields.eventTime('updatedAtMs', appendedAtMs),
  }
}
