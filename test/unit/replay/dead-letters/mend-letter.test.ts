import { expect, test } from 'vitest'
import { type Mended, mendLetter, type Mending, type Unmendable } from '../../../../replay/dead-letters/mend-letter.ts'
import type { DeadLetter, Review, ReviewLabel } from '../../../../schemas/generated.ts'
import { aLetter } from '../../../support/dead-letters.ts'
import { FakeRegistry, learnedCodec } from '../../../support/fake-registry.ts'
import { EXAMPLE } from '../../../support/review-world.ts'

const codec = learnedCodec(new FakeRegistry())
const AS_IT_WAS: Mending = { edits: [] }
const rating = (value: unknown): Mending => ({ edits: [{ path: ['rating'], value }] })
const avro = (review: Partial<Review>): Buffer =>
  codec.encode({ subject: 'reviews-value', schema: 'Review' }, { ...EXAMPLE.review, ...review })

async function mended(fields: Partial<DeadLetter>, mending: Mending): Promise<Mended> {
  const result = await mendLetter(aLetter(fields), mending, codec)
  if ('problem' in result) throw new Error(result.problem)
  return result
}

async function problem(fields: Partial<DeadLetter>, mending: Mending): Promise<string> {
  return ((await mendLetter(aLetter(fields), mending, codec)) as Unmendable).problem
}

test('without an edit key and value go back byte for byte, whatever they are', async () => {
  const value = Buffer.from([255, 0, 7])
  const { record, edits } = await mended({ value }, AS_IT_WAS)
  expect([record, edits]).toEqual([{ topic: 'reviews', partition: null, key: Buffer.from('u1'), value }, []])
})

test('JSON is edited as JSON: fields that we do not know stay', async () => {
  const { record, edits } = await mended({ value: Buffer.from('{"rating": 11, "theirs": [1]}') }, rating(7))
  expect(JSON.parse(String(record.value))).toEqual({ theirs: [1], rating: 7 })
  expect(edits).toEqual([{ field: 'rating', before: '11', after: '7' }])
})

test('Avro is edited as Avro', async () => {
  const { record } = await mended({ value: avro({ rating: 11 }) }, rating(7))
  expect(await codec.decode('Review', record.value as Buffer, true)).toEqual({
    value: { ...EXAMPLE.review, rating: 7 },
  })
})

test('an edit that the schema has no place for is refused', async () => {
  expect(await problem({ value: avro({}) }, rating('seven'))).toMatch(/it is no Review: .*"seven"/)
})

test.each([Buffer.from('{"rating": 1'), Buffer.from([0, 0, 0]), Buffer.from('hello')])(
  'what cannot be read is not edited, but replaced whole: %s',
  async (value) => {
    expect(await problem({ value }, rating(7))).toMatch(/cannot be read \(SPL_.*--bytes.*--value-from/)
    const { record, edits } = await mended({ value }, { bytes: Buffer.from('{"rating": 9}'), ...rating(8) })
    expect(String(record.value)).toBe('{"rating":8}')
    expect(edits).toEqual([
      {
        field: '',
        before: expect.stringMatching(/sha256/) as string,
        after: expect.stringMatching(/sha256/) as string,
      },
      { field: 'rating', before: '9', after: '8' },
    ])
  },
)

test('a letter without a value needs one', async () => {
  expect(await problem({ value: null }, AS_IT_WAS)).toMatch(/--value-from/)
})

test('a record of an internal topic goes back only under the key that it belongs to', async () => {
  const activity = (userId: string): Buffer =>
    codec.encode(
      { subject: 'user-activity-value', schema: 'UserActivity' },
      {
        userId,
        review: null,
        label: EXAMPLE.label satisfies ReviewLabel,
        source: { topic: 'review-labels', partition: 0, offset: 3 },
        sourceAppendedAtMs: 0,
      },
    )
  const fields = { component: 'user-history', source: { topic: 'user-activity', partition: 1, offset: 2 } }
  const movie: Mending = { edits: [{ path: ['label', 'movieId'], value: 'm2' }] }
  expect((await mended({ ...fields, value: activity('u1') }, movie)).edits).toEqual([
    { field: 'label.movieId', before: '"m1"', after: '"m2"' },
  ])
  const user: Mending = { edits: [{ path: ['userId'], value: 'u2' }] }
  expect(await problem({ ...fields, value: activity('u1') }, user)).toMatch(/its key is u1 and its value belongs to u2/)
})

test.each([
  [{ component: 'redis-online-store', source: { topic: 'user-features', partition: 0, offset: 0 } }, /redis rebuild/],
  [{ component: 'scorer', source: { topic: 'review-labels', partition: 0, offset: 0 } }, /models promote/],
  [{ component: 's3-offline-store', source: { topic: 'reviews', partition: 0, offset: 0 } }, /does not read reviews/],
])('what no step reads again does not go back: %j', async (fields, advice) => {
  expect(await problem(fields, AS_IT_WAS)).toMatch(advice)
})
