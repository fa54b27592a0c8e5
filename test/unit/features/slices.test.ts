import { expect, test } from 'vitest'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { slicesOf } from '../../../features/slices.ts'

const values = (set: Readonly<Record<string, number>>): number[] => {
  const names = spoilerV1.features.map(({ name }) => name)
  for (const name of Object.keys(set)) if (!names.includes(name)) throw new RangeError(`no feature ${name}`)
  return spoilerV1.features.map((feature) => set[feature.name] ?? feature.default)
}

test.each([
  { set: { user_is_new: 1 }, slice: 'author: new' },
  { set: { user_is_new: 0 }, slice: 'author: known' },
  { set: { movie_is_new: 1 }, slice: 'film: new' },
  { set: { text_units: 599 }, slice: 'length: short' },
  { set: { text_units: 600 }, slice: 'length: usual' },
  { set: { text_units: 2_000 }, slice: 'length: long' },
  { set: { movie_known: 0, release_decade: 1950 }, slice: 'released: unknown' },
  { set: { movie_known: 1, release_decade: 1970 }, slice: 'released: before 1980' },
  { set: { movie_known: 1, release_decade: 1990 }, slice: 'released: 1990s' },
  { set: { movie_known: 1, release_decade: 2010 }, slice: 'released: 2010 or later' },
  { set: { genre_sci_fi: 1 }, slice: 'genre: sci_fi' },
])('a row with $set is in "$slice"', ({ set, slice }) => {
  expect(slicesOf(values(set), spoilerV1)).toContain(slice)
})

test('a row is in one group of each kind, and in each of its genres', () => {
  const slices = slicesOf(values({ genre_drama: 1, genre_horror: 1 }), spoilerV1)
  expect(slices.map((slice) => slice.split(':')[0])).toEqual(['author', 'film', 'length', 'released', 'genre', 'genre'])
})
