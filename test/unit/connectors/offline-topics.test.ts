import { expect, test } from 'vitest'
import { offlineSchema, offlineValue } from '../../../connectors/offline-topics.ts'
import { topicSubjects } from '../../../platform/open-codec.ts'
import { FakeRegistry, learnedCodec } from '../../support/fake-registry.ts'

const codec = learnedCodec(new FakeRegistry())
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const review = { reviewId: 'r', userId: 'u', movieId: 'm', text: 'It was all a dream.', writtenAtMs: 1_700_000_000_000 }

test('plain JSON gets the defaults of fields that it leaves out, and loses fields that the schema does not have', async () => {
  const decoded = await offlineValue(codec, 'reviews', json({ ...review, colour: 'red' }))
  expect(decoded).toMatchObject({ value: { ...review, summary: null, rating: null, revision: 0 } })
  expect('value' in decoded && Object.keys(decoded.value)).not.toContain('colour')
})

test.each([
  { name: 'JSON with a wrong type', bytes: json({ ...review, text: 5 }), code: 'SPL_FIELD_INVALID' },
  { name: 'JSON without a required field', bytes: json({ reviewId: 'r' }), code: 'SPL_FIELD_INVALID' },
  { name: 'JSON that is cut', bytes: json(review).subarray(0, 20), code: 'SPL_JSON_INVALID' },
  { name: 'no JSON and no Avro', bytes: Buffer.from('hello'), code: 'SPL_RECORD_FORMAT_UNKNOWN' },
  { name: 'a tombstone', bytes: null, code: 'SPL_RECORD_EMPTY' },
])('$name is left out as $code', async ({ bytes, code }) => {
  expect(await offlineValue(codec, 'reviews', bytes)).toMatchObject({ poison: code })
})

test('a schema carries the id under which this component registered it', () => {
  const id = topicSubjects().findIndex(({ subject }) => subject === 'reviews-value') + 1
  expect(offlineSchema('reviews', codec)).toMatchObject({ name: 'Review', id })
})
