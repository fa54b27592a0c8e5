import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editValue, parseEdit } from '../../../../replay/dead-letters/edit-value.ts'

test.each([
  ['rating=7', { path: ['rating'], value: 7 }],
  ['spoiler=null', { path: ['spoiler'], value: null }],
  ['source.partition=3', { path: ['source', 'partition'], value: 3 }],
  ['source="imdb"', { path: ['source'], value: 'imdb' }],
  ['text=He = she', { path: ['text'], value: 'He = she' }],
  ['text=', { path: ['text'], value: '' }],
  ['genres=["Drama"]', { path: ['genres'], value: ['Drama'] }],
])('%s is an edit', (text, edit) => {
  expect(parseEdit(text)).toEqual(edit)
})

test.each(['', 'rating', '=7', 'a..b=7', '.a=7', 'a.=7'])('"%s" is no edit', (text) => {
  expect(parseEdit(text)).toBeUndefined()
})

test('fields are set in order, with what was there before; the value itself stays as it is', () => {
  const value = { rating: 11, source: { topic: 'reviews' } }
  const edits = [
    { path: ['rating'], value: 7 },
    { path: ['source', 'partition'], value: 3 },
    { path: ['rating'], value: 8 },
  ]
  expect(editValue(value, edits)).toEqual({
    value: { source: { topic: 'reviews', partition: 3 }, rating: 8 },
    edits: [
      { field: 'rating', before: '11', after: '7' },
      { field: 'source.partition', before: null, after: '3' },
      { field: 'rating', before: '7', after: '8' },
    ],
  })
  expect(value).toEqual({ rating: 11, source: { topic: 'reviews' } })
})

test.each([
  [{ text: 'good' }, ['text', 'length'], 'text'],
  [['a'], ['0'], 'the value itself'],
  [{ a: { b: 7 } }, ['a', 'b', 'c'], 'a.b'],
])('in %j nothing is set at %j', (value, path, noObjectAt) => {
  expect(editValue(value, [{ path, value: 1 }])).toEqual({ noObjectAt })
})

test('whatever the field is called, it alone is set, and no prototype is touched', () => {
  const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString'), fc.string({ minLength: 1 }))
  fc.assert(
    fc.property(fc.dictionary(name, fc.integer()), name, fc.integer(), (fields, field, after) => {
      const edited = editValue(fields, [{ path: [field], value: after }])
      if ('noObjectAt' in edited) throw new Error('an object was taken for none')
      expect(new Map(Object.entries(edited.value as object))).toEqual(new Map(Object.entries(fields)).set(field, after))
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    }),
    { seed: 5 },
  )
})
