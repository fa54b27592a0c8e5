import fc from 'fast-check'
import { expect, test } from 'vitest'
import { topics } from '../../../schemas/topics.ts'
import { intake } from '../../../stream-processors/intake.ts'
import { valuesTo } from '../../support/fold-chain.ts'
import { EXAMPLE, LOG_START_MS, record } from '../../support/review-world.ts'
import { drive } from '../../support/topology-test-driver.ts'

const reviews = topics.reviews.name
const labels = topics.reviewLabels.name
const movies = topics.movies.name
const { review, label, movie } = EXAMPLE

function take(topic: string, value: unknown) {
  return drive(intake, [record(topic, { value, offset: 5, appendedAtMs: LOG_START_MS })])
}

function without(value: object, field: string): unknown {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
}

test.each([
  { name: 'no record', topic: reviews, value: 7, code: 'SPL_FIELD_INVALID' },
  { name: 'null', topic: reviews, value: null, code: 'SPL_FIELD_INVALID' },
  { name: 'an array', topic: reviews, value: [review], code: 'SPL_FIELD_INVALID' },
  { name: 'no text', topic: reviews, value: without(review, 'text'), code: 'SPL_FIELD_MISSING' },
  { name: 'no writtenAtMs', topic: reviews, value: without(review, 'writtenAtMs'), code: 'SPL_FIELD_MISSING' },
  { name: 'no isSpoiler', topic: labels, value: without(label, 'isSpoiler'), code: 'SPL_FIELD_MISSING' },
  { name: 'no movieId', topic: movies, value: without(movie, 'movieId'), code: 'SPL_FIELD_MISSING' },
  { name: 'an inherited field', topic: reviews, value: Object.create(review) as unknown, code: 'SPL_FIELD_MISSING' },
  { name: 'text of a number', topic: reviews, value: { ...review, text: 5 }, code: 'SPL_FIELD_INVALID' },
  { name: 'summary of a number', topic: reviews, value: { ...review, summary: 5 }, code: 'SPL_FIELD_INVALID' },
  { name: 'isSpoiler as a word', topic: labels, value: { ...label, isSpoiler: 'true' }, code: 'SPL_FIELD_INVALID' },
  { name: 'genres as a word', topic: movies, value: { ...movie, genres: 'Drama' }, code: 'SPL_FIELD_INVALID' },
  { name: 'a genre of a number', topic: movies, value: { ...movie, genres: [1] }, code: 'SPL_FIELD_INVALID' },
  {
    name: 'too many names',
    topic: movies,
    value: { ...movie, cast: Array(1_001).fill('x') },
    code: 'SPL_FIELD_INVALID',
  },
  { name: 'a negative duration', topic: movies, value: { ...movie, durationMinutes: -1 }, code: 'SPL_FIELD_INVALID' },
  { name: 'a release in 2200', topic: movies, value: { ...movie, releasedAtMs: 7.26e12 }, code: 'SPL_FIELD_INVALID' },
  { name: 'a movie rating of 11', topic: movies, value: { ...movie, rating: 11 }, code: 'SPL_FIELD_INVALID' },
  {
    name: 'time as a word',
    topic: reviews,
    value: { ...review, writtenAtMs: '2006-02-10' },
    code: 'SPL_FIELD_INVALID',
  },
  { name: 'an unsafe time', topic: reviews, value: { ...review, writtenAtMs: 2 ** 53 }, code: 'SPL_FIELD_INVALID' },
  { name: 'an empty id', topic: reviews, value: { ...review, reviewId: '' }, code: 'SPL_ID_INVALID' },
  { name: 'an id of a slash', topic: reviews, value: { ...review, movieId: '/' }, code: 'SPL_ID_INVALID' },
  { name: 'an id of 201 units', topic: reviews, value: { ...review, userId: 'u'.repeat(201) }, code: 'SPL_ID_INVALID' },
  { name: 'a NUL in an id', topic: labels, value: { ...label, userId: 'a\u0000b' }, code: 'SPL_ID_INVALID' },
  { name: 'a C1 control in an id', topic: movies, value: { ...movie, movieId: 'a\u0085' }, code: 'SPL_ID_INVALID' },
  {
    name: 'half a character in an id',
    topic: reviews,
    value: { ...review, userId: 'a\ud83d' },
    code: 'SPL_ID_INVALID',
  },
  { name: 'empty text', topic: reviews, value: { ...review, text: '' }, code: 'SPL_REVIEW_EMPTY' },
  { name: 'text of spaces', topic: reviews, value: { ...review, text: ' \n\u3000' }, code: 'SPL_REVIEW_EMPTY' },
  { name: 'long text', topic: reviews, value: { ...review, text: 'x'.repeat(100_001) }, code: 'SPL_REVIEW_TOO_LONG' },
  {
    name: 'text that normalising makes too long',
    topic: reviews,
    value: { ...review, text: '\u0958'.repeat(50_001) },
    code: 'SPL_REVIEW_TOO_LONG',
  },
  {
    name: 'a long headline',
    topic: reviews,
    value: { ...review, summary: 'x'.repeat(1_001) },
    code: 'SPL_REVIEW_TOO_LONG',
  },
  {
    name: 'a long plot',
    topic: movies,
    value: { ...movie, plotSynopsis: 'x'.repeat(200_001) },
    code: 'SPL_REVIEW_TOO_LONG',
  },
  { name: 'rating 0', topic: reviews, value: { ...review, rating: 0 }, code: 'SPL_RATING_INVALID' },
  { name: 'rating 11', topic: reviews, value: { ...review, rating: 11 }, code: 'SPL_RATING_INVALID' },
  { name: 'rating 7.5', topic: reviews, value: { ...review, rating: 7.5 }, code: 'SPL_RATING_INVALID' },
  { name: 'rating as a word', topic: reviews, value: { ...review, rating: '8' }, code: 'SPL_RATING_INVALID' },
  { name: 'a time before 1970', topic: reviews, value: { ...review, writtenAtMs: -1 }, code: 'SPL_EVENT_TIME_INVALID' },
  {
    name: 'a review of the future',
    topic: reviews,
    value: { ...review, writtenAtMs: LOG_START_MS + 60_001 },
    code: 'SPL_EVENT_TIME_INVALID',
  },
  {
    name: 'a label of the future',
    topic: labels,
    value: { ...label, labelledAtMs: LOG_START_MS + 60_001 },
    code: 'SPL_EVENT_TIME_INVALID',
  },
  { name: 'revision -1', topic: reviews, value: { ...review, revision: -1 }, code: 'SPL_REVISION_INVALID' },
  { name: 'revision 1.5', topic: labels, value: { ...label, revision: 1.5 }, code: 'SPL_REVISION_INVALID' },
  { name: 'revision 2^31', topic: labels, value: { ...label, revision: 2 ** 31 }, code: 'SPL_REVISION_INVALID' },
  { name: 'a label of a model', topic: labels, value: { ...label, source: 'model' }, code: 'SPL_LABEL_SOURCE_REFUSED' },
  { name: 'an unknown source', topic: labels, value: { ...label, source: 'Report' }, code: 'SPL_LABEL_SOURCE_REFUSED' },
])('$topic with $name is refused with $code', ({ topic, value, code }) => {
  const { output, rejects } = take(topic, value)
  expect(rejects.map((reject) => reject.code)).toEqual([code])
  expect(output).toEqual([])
})

test.each([
  { name: 'the longest text', value: { ...review, text: 'x'.repeat(100_000) } },
  { name: 'an event as late as clocks may differ', value: { ...review, writtenAtMs: LOG_START_MS + 60_000 } },
  { name: 'an event of 1970', value: { ...review, writtenAtMs: 0 } },
  { name: 'an id of 200 units', value: { ...review, reviewId: 'r'.repeat(200) } },
  { name: 'no rating', value: { ...review, rating: null } },
])('a review with $name is taken', ({ value }) => {
  expect(valuesTo('userActivity', take(reviews, value).output)).toEqual([
    {
      userId: 'u1',
      review: value,
      label: null,
      source: { topic: reviews, partition: 0, offset: 5 },
      sourceAppendedAtMs: LOG_START_MS,
    },
  ])
})

test('JSON may leave out what the schema has a default for, and unknown fields are ignored', () => {
  const { text, reviewId, userId, movieId, writtenAtMs } = review
  const taken = valuesTo(
    'userActivity',
    take(reviews, { text, reviewId, userId, movieId, writtenAtMs, likes: 3 }).output,
  )
  expect(taken[0]?.review).toEqual({ ...review, rating: null })
  const source = without(label, 'source') as object
  expect(valuesTo('userActivity', take(labels, without(source, 'revision')).output)[0]?.label).toEqual({
    ...label,
    source: 'self-declared',
  })
  const bare = take(movies, { movieId: 'm1', updatedAtMs: 5 })
  expect(valuesTo('movieActivity', bare.output)[0]?.movie).toMatchObject({ title: '', genres: [], releasedAtMs: null })
})

test('metadata go to the log of the movie', () => {
  expect(take(movies, movie).output).toEqual([
    { to: 'movieActivity', value: { movieId: 'm1', review: null, label: null, movie } },
  ])
})

test.each([
  { name: 'the slash behind an id', value: { movieId: 'tt0104014/' }, expected: { movieId: 'tt0104014' } },
  { name: 'decomposed letters in ids', value: { userId: 'Zoe\u0308' }, expected: { userId: 'Zo\u00eb' } },
  { name: 'decomposed letters', value: { text: 'Ame\u0301lie' }, expected: { text: 'Am\u00e9lie' } },
  { name: 'half a character', value: { text: 'a \ud83d b' }, expected: { text: 'a \ufffd b' } },
  { name: 'NUL', value: { summary: 'a\u0000b' }, expected: { summary: 'a\ufffdb' } },
])('normalises $name', ({ value, expected }) => {
  const taken = valuesTo('userActivity', take(reviews, { ...review, ...value }).output)
  expect(taken[0]?.review).toMatchObject(expected)
})

test('whatever a client sends, it is taken or refused with one cause: nothing is lost and nothing throws', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.record({ reviewId: fc.anything(), userId: fc.anything(), movieId: fc.anything(), text: fc.anything() }),
    fc.record({ ...fieldsOf(review), text: fc.string({ unit: 'binary' }), rating: fc.anything() }),
  )
  fc.assert(
    fc.property(anything, fc.constantFrom(reviews, labels, movies), (value, topic) => {
      const { output, rejects } = take(topic, value)
      expect(output.length + rejects.length).toBe(1)
    }),
    { seed: 3, numRuns: 1_000 },
  )
})

test('a topic that intake does not read is a bug of ours', () => {
  expect(() => take('spoiler-scores', review)).toThrow(RangeError)
})

function fieldsOf(value: object): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fc.constant(field as unknown)]))
}
