import type { FeatureService } from '../../schemas/feature-services.ts'

/** UTF-16 units at which a text stops to be short, and begins to be long: as the reasons of a score call it. */
const SHORT_UNITS = 600
const LONG_UNITS = 2_000
const FIRST_DECADE = 1980
const LAST_DECADE = 2010

/** Which groups a review belongs to, such as `author: new`, by its feature row. */
export function slicing({ features }: FeatureService): (values: readonly number[]) => string[] {
  const positions = new Map(features.map(({ name }, i) => [name, i]))
  const genres = features.map(({ name }) => name).filter((name) => name.startsWith('genre_'))
  return (values) => slicesOf((name) => values[positions.get(name) ?? -1] as number, genres)
}

function slicesOf(valueOf: (name: string) => number, genres: readonly string[]): string[] {
  const units = valueOf('text_units')
  return [
    `author: ${valueOf('user_is_new') === 1 ? 'new' : 'known'}`,
    `film: ${valueOf('movie_is_new') === 1 ? 'new' : 'known'}`,
    `length: ${units < SHORT_UNITS ? 'short' : units < LONG_UNITS ? 'usual' : 'long'}`,
    `released: ${valueOf('movie_known') === 1 ? cohortOf(valueOf('release_decade')) : 'unknown'}`,
    ...genres.filter((name) => valueOf(name) === 1).map((name) => `genre: ${name.slice('genre_'.length)}`),
  ]
}

function cohortOf(decade: number): string {
  if (decade < FIRST_DECADE) return `before ${FIRST_DECADE}`
  return decade >= LAST_DECADE ? `${LAST_DECADE} or later` : `${decade}s`
}
