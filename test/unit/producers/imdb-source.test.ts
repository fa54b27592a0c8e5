import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import type { ProducedEvent } from '../../../producers/event-source.ts'
import { openImdbSource, type ImdbOptions } from '../../../producers/imdb-source.ts'
import { openRejectLog } from '../../../producers/reject-log.ts'
import type { Movie, Review } from '../../../schemas/generated.ts'

const folder = mkdtempSync(join(tmpdir(), 'imdb-source-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const DAY_MS = 86_400_000
const REJECTS = join(folder, 'rejects.jsonl')
const REAL = join(import.meta.dirname, '../../../../shared/data')

const ROW = {
  review_date: '10 February 2006',
  movie_id: 'tt1',
  user_id: 'ur1',
  is_spoiler: true,
  review_text: 'Text.',
  rating: '9',
  review_summary: 'Fine',
}
const MOVIE = {
  movie_id: 'tt1',
  plot_summary: 'A start.',
  duration: '2h 22min',
  genre: ['Crime', 'Drama'],
  rating: '9.3',
  release_date: '1994-10-14',
  plot_synopsis: 'An end.',
}

type Rows = readonly (object | string)[]

function file(name: string, rows: Rows): string {
  const path = join(folder, name)
  writeFileSync(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''))
  return path
}

async function read(options: Partial<ImdbOptions>): Promise<{ events: ProducedEvent[]; rejects: Map<string, number> }> {
  using rejects = openRejectLog(REJECTS)
  using source = await openImdbSource({
    reviewsFile: join(folder, 'reviews.json'),
    moviesFile: join(folder, 'movies.json'),
    workFolder: folder,
    labelDelay: { meanMs: 3 * DAY_MS, spreadMs: DAY_MS },
    rejects,
    ...options,
  })
  const events = await Array.fromAsync(source.events)
  expect(source.share()).toBe(1)
  return { events, rejects: new Map(rejects.counts) }
}

async function readRows(reviews: Rows, movies: Rows, options: Partial<ImdbOptions> = {}) {
  return read({ reviewsFile: file('reviews.json', reviews), moviesFile: file('movies.json', movies), ...options })
}

function reviewsOf(events: readonly ProducedEvent[]): Review[] {
  return events.filter((event) => event.topic === 'reviews').map(({ value }) => value)
}

async function readReview(row: object): Promise<Review> {
  return reviewsOf((await readRows([row], [MOVIE])).events)[0] as Review
}

async function readMovie(row: object): Promise<Movie> {
  return (await readRows([ROW], [row])).events[0]?.value as Movie
}

test('a review row becomes a review', async () => {
  expect(await readReview(ROW)).toEqual({
    reviewId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    userId: 'ur1',
    movieId: 'tt1',
    text: 'Text.',
    summary: 'Fine',
    rating: 9,
    writtenAtMs: Date.UTC(2006, 1, 10),
    revision: 0,
  })
})

test.each([
  ['a movie id with a slash', { movie_id: 'tt0104014/' }, { movieId: 'tt0104014' }],
  ['a rating as number', { rating: 9 }, { rating: 9 }],
  ['an empty rating', { rating: '' }, { rating: null }],
  ['an empty summary', { review_summary: '' }, { summary: null }],
  ['line separators in the text', { review_text: 'a\u2028b\nc' }, { text: 'a\u2028b\nc' }],
])('a review with %s is read', async (_name, change, expected) => {
  expect(await readReview({ ...ROW, ...change })).toMatchObject(expected)
})

test.each([
  ['another user', { user_id: 'ur2' }, false],
  ['another movie', { movie_id: 'tt2' }, false],
  ['another day', { review_date: '11 February 2006' }, false],
  ['another text', { review_text: 'Text!' }, false],
  ['another rating', { rating: '1' }, true],
  ['another label', { is_spoiler: false }, true],
  ['the slash behind the movie', { movie_id: 'tt1/' }, true],
])('%s: the id is the same: %s', async (_name, change, same) => {
  const [one, other] = [await readReview(ROW), await readReview({ ...ROW, ...change })]
  expect(one.reviewId === other.reviewId).toBe(same)
})

test('a movie row becomes a movie, known from the first review on', async () => {
  expect(await readMovie(MOVIE)).toEqual({
    movieId: 'tt1',
    title: '',
    plotSummary: 'A start.',
    plotSynopsis: 'An end.',
    genres: ['Crime', 'Drama'],
    cast: [],
    durationMinutes: 142,
    releasedAtMs: Date.UTC(1994, 9, 14),
    rating: 9.3,
    updatedAtMs: Date.UTC(2006, 1, 10),
  })
})

test.each([
  ['a movie id with a slash', { movie_id: 'tt0114142/' }, { movieId: 'tt0114142' }],
  ['an empty synopsis', { plot_synopsis: '' }, { plotSynopsis: '' }],
  ['no synopsis', { plot_synopsis: undefined }, { plotSynopsis: '' }],
  ['an empty release date', { release_date: '' }, { releasedAtMs: null }],
  ['no release date', { release_date: null }, { releasedAtMs: null }],
  ['a release year', { release_date: '1921' }, { releasedAtMs: Date.UTC(1921, 0, 1) }],
  ['one genre as text', { genre: 'Crime' }, { genres: ['Crime'] }],
  ['no rating', { rating: '' }, { rating: null }],
])('a movie with %s is read', async (_name, change, expected) => {
  expect(await readMovie({ ...MOVIE, ...change })).toMatchObject(expected)
})

test('bad rows are counted by reason and named by line; the others are published', async () => {
  const reviews = [
    ROW,
    'no json',
    '',
    { ...ROW, review_date: '31 February 2006' },
    { ...ROW, user_id: '' },
    { ...ROW, is_spoiler: 'maybe' },
    { ...ROW, review_date: '1 May 1969' },
    { ...ROW, user_id: null },
    { ...ROW, rating: '11' },
    { ...ROW, review_text: 'Other.' },
  ]
  const movies = [
    { ...MOVIE, movie_id: 5.5 },
    { ...MOVIE, duration: 'long', release_date: 'soon' },
  ]
  const { events, rejects } = await readRows(reviews, movies)
  expect(events.map(({ topic }) => topic)).toEqual(['movies', 'reviews', 'reviews', 'reviewLabels', 'reviewLabels'])
  expect(Object.fromEntries(rejects)).toEqual({
    'not JSON': 1,
    'review_date is no date': 1,
    'user_id is empty': 1,
    'is_spoiler is neither true nor false': 1,
    'review_date lies before 1970': 1,
    'user_id is missing': 1,
    'rating is not a whole number from 1 to 10': 1,
    'movie_id is not text': 1,
    'duration is unreadable (movie kept without it)': 1,
    'release_date is unreadable (movie kept without it)': 1,
  })
  const lines = readFileSync(REJECTS, 'utf8').trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual([2, 4, 5, 6, 7, 8, 9, 1, 2, 2])
  expect(JSON.parse(lines[0] as string)).toEqual({
    file: 'reviews.json',
    line: 2,
    reason: 'not JSON',
    excerpt: 'no json',
  })
})

test.each([
  [
    'a reviews file without a usable row',
    ['{}', '{}'],
    [MOVIE],
    /reviews.json: no row can be used.*line 1: user_id is missing/,
  ],
  ['an empty reviews file', [], [MOVIE], /reviews.json: no row can be used; it is empty/],
  ['a movies file without a usable row', [ROW], ['[]'], /movies.json: no row can be used.*line 1: not a JSON object/],
])('%s is an error that says why', async (_name, reviews, movies, message) => {
  await expect(readRows(reviews, movies)).rejects.toMatchObject({
    code: 'SPL_INPUT_FILE_INVALID',
    message: expect.stringMatching(message) as string,
  })
})

test('exact repeats get ordinals in the order of the file, with conflicting labels each its own', async () => {
  const other = { ...ROW, review_text: 'Other.' }
  const { events } = await readRows([ROW, other, { ...ROW, is_spoiler: false }, other, ROW], [MOVIE])
  const { reviewId } = await readReview(ROW)
  const labels = events.filter((event) => event.topic === 'reviewLabels').map(({ value }) => value)
  const ofRow = labels.filter((label) => label.reviewId.startsWith(reviewId))
  expect(Object.fromEntries(ofRow.map((label) => [label.reviewId, label.isSpoiler]))).toEqual({
    [reviewId]: true,
    [`${reviewId}-1`]: false,
    [`${reviewId}-2`]: true,
  })
  expect(new Set(reviewsOf(events).map((review) => review.reviewId)).size).toBe(5)
})

const day = fc.integer({ min: 0, max: 40 })
const row = fc.record({ day, user: fc.nat(3), text: fc.constantFrom('a', 'b'), isSpoiler: fc.boolean() })

test('any file: movies first, then everything in event order, each row once, whatever the size of the runs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 60 }),
      fc.constantFrom(400, 2000, 1e6),
      async (rows, runBytes) => {
        const reviews = rows.map(({ day: days, user, text, isSpoiler }) => ({
          ...ROW,
          review_date: new Date(days * DAY_MS).toISOString().slice(0, 10),
          user_id: `u${user}`,
          review_text: text,
          is_spoiler: isSpoiler,
        }))
        const { events } = await readRows(reviews, [MOVIE], { runBytes })
        const whole = await readRows(reviews, [MOVIE])
        expect(events).toEqual(whole.events)
        expect(events[0]?.topic).toBe('movies')
        const times = events.map(({ eventTimeMs }) => eventTimeMs)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        const published = reviewsOf(events)
        expect(new Set(published.map(({ reviewId }) => reviewId)).size).toBe(rows.length)
        const shape = (days: number, user: string, text: string) => `${days} ${user} ${text}`
        expect(published.map((r) => shape(r.writtenAtMs / DAY_MS, r.userId, r.text)).sort()).toEqual(
          rows.map((r) => shape(r.day, `u${r.user}`, r.text)).sort(),
        )
        expect(events.filter(({ topic }) => topic === 'reviewLabels')).toHaveLength(rows.length)
      },
    ),
    { seed: 7, numRuns: 40 },
  )
})

test('a limit takes the earliest reviews with their labels; no delay means no labels', async () => {
  const rows = [5, 1, 3, 2, 4].map((date) => ({ ...ROW, review_date: `${date} May 2010` }))
  const days = (events: readonly ProducedEvent[]) => reviewsOf(events).map((r) => new Date(r.writtenAtMs).getUTCDate())
  const limited = (await readRows(rows, [MOVIE], { limit: 2 })).events
  expect(days(limited)).toEqual([1, 2])
  expect(limited.filter(({ topic }) => topic === 'reviewLabels')).toHaveLength(2)
  expect((await readRows(rows, [MOVIE], { labelDelay: null })).events.map(({ topic }) => topic)).not.toContain(
    'reviewLabels',
  )
})

test('an interrupt while sorting ends it', async () => {
  const rows = Array.from({ length: 1000 }, () => ROW)
  const signal = AbortSignal.abort(new Error('interrupted'))
  await expect(readRows(rows, [MOVIE], { signal })).rejects.toThrow('interrupted')
})

const realReviews = join(REAL, 'imdb_spoiler_one_movie.jsonl.xz')
const realMovies = join(REAL, 'imdb_movie_details_one_movie.jsonl')

test.skipIf(!existsSync(realReviews))(
  'the 432 real reviews of one movie come through, 86 of them spoilers',
  async () => {
    const { events, rejects } = await read({ reviewsFile: realReviews, moviesFile: realMovies })
    const labels = events.filter((event) => event.topic === 'reviewLabels').map(({ value }) => value)
    const reviews = reviewsOf(events)
    expect(rejects.size).toBe(0)
    expect(events.filter(({ topic }) => topic === 'movies')).toHaveLength(1)
    expect(reviews).toHaveLength(432)
    expect(new Set(reviews.map(({ reviewId }) => reviewId)).size).toBe(432)
    expect(labels).toHaveLength(432)
    expect(labels.filter(({ isSpoiler }) => isSpoiler)).toHaveLength(86)
    expect(events[0]?.value).toMatchObject({ movieId: 'tt0111161', durationMinutes: 142, genres: ['Crime', 'Drama'] })
    expect(reviews.every(({ rating }) => rating !== null && rating >= 1 && rating <= 10)).toBe(true)
    expect(new Date(reviews[0]?.writtenAtMs ?? 0).getUTCFullYear()).toBe(1998)
    const gzipped = join(folder, 'real.json')
    writeFileSync(gzipped, gzipSync(readFileSync(realMovies)))
    expect((await read({ reviewsFile: realReviews, moviesFile: gzipped })).events).toEqual(events)
  },
)
