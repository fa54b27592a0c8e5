import { FEATURE_SERVICES, type FeatureService } from '../schemas/feature-services.ts'

/** Place of each feature in a row, by service. */
const PLACES = new Map(
  Object.values(FEATURE_SERVICES).map((service) => [
    service,
    new Map(service.features.map(({ name }, i) => [name, i])),
  ]),
)
/** UTF-16 units at which a text stops to be short, and begins to be long: as the reasons of a score call it. */
const SHORT_UNITS = 600
const LONG_UNITS = 2_000
const FIRST_DECADE = 1980
const LAST_DECADE = 2010

/** The groups that a review belongs to, such as `author: new`, by its feature row. */
export function slicesOf(values: readonly number[], service: FeatureService): string[] {
  const places = PLACES.get(service)
  const valueOf = (name: string): number => values[places?.get(name) ?? -1] as number
  const genres = service.features.filter(({ name }) => name.startsWith('genre_')).map(({ name }) => name)
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
