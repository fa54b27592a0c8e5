import fc from 'fast-check'
import { expect, test } from 'vitest'
import { featureField, parseRedisKey, redisKey, serializeEntityKey } from '../../../connectors/feast-keys.ts'

// Vectors made with Feast 0.67's own Python code.
test.each([
  {
    entity: { review_id: 'r1' },
    hex: '0100000002000000090000007265766965775f696402000000020000007231',
  },
  {
    entity: { movie_id: 'tt0111161' },
    hex: '0100000002000000080000006d6f7669655f69640200000009000000747430313131313631',
  },
  {
    entity: { user_id: 'u9', movie_id: 'tt0111161' },
    hex:
      '0200000002000000080000006d6f7669655f69640200000007000000757365725f6964' +
      '020000000900000074743031313131363102000000020000007539',
  },
])('entity key $entity has the bytes that Feast writes', ({ entity, hex }) => {
  expect(serializeEntityKey(entity).toString('hex')).toBe(hex)
})

test('the Redis key is the entity key with the project behind it, no separator', () => {
  expect(redisKey('spoiler', { movie_id: 'tt0111161' }).toString('hex')).toBe(
    '0100000002000000080000006d6f7669655f6964020000000900000074743031313131363173706f696c6572',
  )
})

test.each([
  { view: 'review_features', feature: 'text_len', hex: '96f8d679' },
  { view: 'review_features', feature: 'spoiler_prob', hex: '9241f737' },
  { view: 'driver_hourly_stats', feature: 'conv_rate', hex: '6160e3da' },
  { view: 'movie_stats', feature: 'avg_rating', hex: '233edecc' },
])('field $view:$feature has the bytes that Feast writes', ({ view, feature, hex }) => {
  expect(featureField(view, feature).toString('hex')).toBe(hex)
})

test('a key is parsed back by its project, and by no other', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ minLength: 1 }), (id, project) => {
      const key = redisKey(project, { user_id: id })
      expect(parseRedisKey(project, key)).toEqual({ user_id: id })
      expect(parseRedisKey(`other_${project}`, key)).toBeUndefined()
      // SCAN would match this one, as `*project` also ends so.
      expect(parseRedisKey(project, redisKey(`other_${project}`, { user_id: id }))).toBeUndefined()
    }),
    { seed: 11 },
  )
})

test('parsing foreign keys gives nothing and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(parseRedisKey('spoiler', Buffer.from(bytes))).toBeUndefined()
    }),
    { seed: 12 },
  )
})
