import fc from 'fast-check'
import type { Movie, Review, ReviewLabel } from '../../schemas/generated.ts'
import type { StreamRecord } from '../../schemas/processor.ts'

export const WEEK_MS = 604_800_000
const DAY_MS = 86_400_000
/** Append time of the first record of every log: past all event times. */
export const LOG_START_MS = 3_000 * WEEK_MS
const FIRST_EVENT_MS = 2_500 * WEEK_MS
const USERS = 3
const MOVIES = 2
const REVIEWS_PER_USER = 4

/** A record of a public topic. */
export type Input =
  | { readonly topic: 'reviews'; readonly value: Review }
  | { readonly topic: 'review-labels'; readonly value: ReviewLabel }
  | { readonly topic: 'movies'; readonly value: Movie }

export type Log = readonly StreamRecord<unknown>[]

/** Few users, movies and ids, so that duplicates, revisions and labels of unknown reviews come about all the time. */
const ids = fc
  .record({ user: fc.nat(USERS - 1), review: fc.nat(REVIEWS_PER_USER - 1) })
  .map(({ user, review }) => ({ userId: `u${user}`, reviewId: `r${review}`, movieId: `m${(user + review) % MOVIES}` }))

/** Within three years, so that every bucket is kept apart; half of all within three weeks, so that hours matter too. */
const eventTime = fc.oneof(fc.nat(3 * 7 * 24), fc.nat(150 * 7 * 24)).map((hours) => FIRST_EVENT_MS + hours * 3_600_000)

const words = fc.constantFrom(
  'He',
  'dies',
  'at',
  'the',
  'end',
  'SPOILERS',
  'great',
  'Andy',
  'prison',
  'no',
  '。',
  '"',
  '.',
  '?!',
  '電影',
  '😀',
  '\n',
)
const text = fc
  .oneof(
    fc.array(words, { minLength: 1, maxLength: 30 }).map((all) => all.join(' ')),
    fc.string({ unit: 'grapheme', minLength: 1 }),
  )
  .filter((written) => written.trim() !== '')

const anyReview: fc.Arbitrary<Review> = fc
  .record({
    ids,
    text,
    summary: fc.option(text),
    rating: fc.option(fc.integer({ min: 1, max: 10 })),
    writtenAtMs: eventTime,
    revision: fc.nat(2),
  })
  .map(({ ids: named, ...rest }) => ({ ...named, ...rest }))

const anyLabel: fc.Arbitrary<ReviewLabel> = fc
  .record({
    ids,
    isSpoiler: fc.boolean(),
    source: fc.constantFrom('self-declared', 'moderator', 'report', 'audit'),
    labelledAtMs: eventTime,
    revision: fc.nat(3),
  })
  .map(({ ids: named, ...rest }) => ({ ...named, ...rest }))

const anyMovie: fc.Arbitrary<Movie> = fc.record({
  movieId: fc.nat(MOVIES - 1).map((movie) => `m${movie}`),
  title: fc.string(),
  plotSummary: fc.constantFrom('', 'A banker named Andy goes to prison.', '電影電影'),
  plotSynopsis: fc.constantFrom(
    '',
    'Andy digs. Red waits. In the end Andy escapes through the wall and he never dies.',
  ),
  genres: fc.subarray(['Drama', 'Sci-Fi', 'Horror']),
  cast: fc.constant([]),
  durationMinutes: fc.option(fc.integer({ min: 0, max: 400 })),
  releasedAtMs: fc.option(fc.integer({ min: -2_000_000_000_000, max: 1_500_000_000_000 })),
  rating: fc.constant(null),
  updatedAtMs: eventTime,
})

/** Reviews, labels and metadata in any order: scrambled as well as piled up. */
export const anyInputs: fc.Arbitrary<readonly Input[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: anyReview.map((value) => ({ topic: 'reviews', value }) as const) },
    { weight: 5, arbitrary: anyLabel.map((value) => ({ topic: 'review-labels', value }) as const) },
    { weight: 1, arbitrary: anyMovie.map((value) => ({ topic: 'movies', value }) as const) },
  ),
  { maxLength: 60, size: 'max' },
)

/** Inputs as intake reads them, appended one second after another. */
export function logOf(inputs: readonly Input[], stepMs = 1_000): Log {
  return inputs.map(({ topic, value }, offset) =>
    record(topic, { value, offset, appendedAtMs: LOG_START_MS + offset * stepMs }),
  )
}

/** A log whose labels wait so long that some expire. */
export const anySlowLog: fc.Arbitrary<Log> = anyInputs.map((inputs) => logOf(inputs, DAY_MS))

interface Appended<V> {
  readonly value: V
  readonly offset: number
  readonly appendedAtMs: number
}

export function record<V>(topic: string, { value, offset, appendedAtMs }: Appended<V>): StreamRecord<V> {
  return { key: null, value, position: { topic, partition: 0, offset }, appendedAtMs }
}

/** Sensible records to vary in tests by example. */
export const EXAMPLE = {
  review: {
    reviewId: 'r1',
    userId: 'u1',
    movieId: 'm1',
    text: 'A fine film.',
    summary: null,
    rating: 8,
    writtenAtMs: FIRST_EVENT_MS,
    revision: 0,
  },
  label: {
    reviewId: 'r1',
    userId: 'u1',
    movieId: 'm1',
    isSpoiler: true,
    source: 'moderator',
    labelledAtMs: FIRST_EVENT_MS,
    revision: 0,
  },
  movie: {
    movieId: 'm1',
    title: 'The Wall',
    plotSummary: 'A banker named Andy goes to prison.',
    plotSynopsis: 'Andy is convicted of a murder. Red waits for parole for years. Andy escapes through a tunnel.',
    genres: ['Drama', 'Sci-Fi'],
    cast: [],
    durationMinutes: 100,
    releasedAtMs: FIRST_EVENT_MS - 1_000 * DAY_MS,
    rating: null,
    updatedAtMs: FIRST_EVENT_MS,
  },
} as const satisfies { review: Review; label: ReviewLabel; movie: Movie }
