import { expect, test } from 'vitest'
import { EntryCache } from '../../../platform/entry-cache.ts'

test('the entries used last stay, as many as the sum of their sizes allows', () => {
  const cache = new EntryCache<string>(10)
  cache.set('a', 'A', 4)
  cache.set('b', 'B', 4)
  expect(cache.get('a')).toBe('A')
  cache.set('c', 'C', 4)
  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['A', undefined, 'C'])
})

test('an entry that is set again counts with its new size', () => {
  const cache = new EntryCache<string>(10)
  cache.set('a', 'A', 9)
  cache.set('a', 'A2', 2)
  cache.set('b', 'B', 8)
  expect([cache.get('a'), cache.get('b')]).toEqual(['A2', 'B'])
})

test('a deleted entry is gone and makes room', () => {
  const cache = new EntryCache<string>(10)
  cache.set('a', 'A', 9)
  cache.delete('a')
  expect(cache.get('a')).toBeUndefined()
  cache.set('b', 'B', 5)
  cache.set('c', 'C', 5)
  expect([cache.get('b'), cache.get('c')]).toEqual(['B', 'C'])
})

test('one that is larger than the cache is not kept', () => {
  const cache = new EntryCache<string>(10)
  cache.set('a', 'A', 11)
  expect(cache.get('a')).toBeUndefined()
})
