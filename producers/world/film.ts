import type { Movie } from '../../schemas/generated.ts'
import { SeededRandom } from '../../stats/random.ts'
import type { Grammar, Slots } from './grammar.ts'
import { FIRST_NAMES, GENRES, LAST_NAMES } from './names.ts'
import { ENDING_RULES, TURN_RULES } from './story-rules.ts'

const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS
/** Metadata of a new film is published this long before its release. */
const ANNOUNCED_BEFORE_MS = 14 * DAY_MS
/** Seed word of the stream that films are drawn from. */
const FILM_STREAM = 1

/** A film with what only the generator knows. */
export interface Film {
  readonly movie: Movie
  readonly slots: Slots
  readonly actors: readonly string[]
  /** Symbols of the grammar: the facts of its story. */
  readonly turns: readonly string[]
  readonly endings: readonly string[]
  /** Standard normal. */
  readonly quality: number
  /** How much the film tempts people to tell its story, in log-odds. */
  readonly temptation: number
  /** How readily its audience calls a review a spoiler, in log-odds. */
  readonly strictness: number
  readonly releasedAtMs: number
  readonly popularity: number
}

export interface FilmCatalogue {
  readonly seed: number
  /** Prefix of every id. */
  readonly worldId: string
  readonly beginMs: number
  readonly count: number
}

/** All films of a world: two thirds released before it begins, the others within its first two years. */
export function makeFilms({ seed, worldId, beginMs, count }: FilmCatalogue, grammar: Grammar): Film[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new SeededRandom(seed, FILM_STREAM, index)
    return makeFilm(random, { id: `${worldId}-m${index}`, rank: index, beginMs }, grammar)
  })
}

function makeFilm(
  random: SeededRandom,
  { id, rank, beginMs }: { id: string; rank: number; beginMs: number },
  grammar: Grammar,
): Film {
  const genres = random.sample(GENRES, 1 + random.below(3))
  const people = Array.from({ length: 6 }, () => `${random.choice(FIRST_NAMES)} ${random.choice(LAST_NAMES)}`)
  const slots = storySlots(random, { genre: genres[0] as string, composer: people[5] as string }, grammar)
  const turns = random.sample(Object.keys(TURN_RULES), 3 + random.below(3))
  const endings = random.sample(Object.keys(ENDING_RULES), 1 + random.below(2))
  const isOld = random.chance(0.66) || rank === 0 // there is always a film to review
  const age = isOld ? -Math.min(random.exponential(6 * YEAR_MS), 60 * YEAR_MS) : random.uniform() * 2 * YEAR_MS
  const releasedAtMs = Math.floor((beginMs + age) / DAY_MS) * DAY_MS
  const quality = random.normal()
  const movie: Movie = {
    movieId: id,
    title: slots['title'] as string,
    plotSummary: paragraph(['setupPerson', 'setupGoal', 'setupGoal'], random, { grammar, slots }),
    plotSynopsis: random.chance(0.1) ? '' : synopsis(random, { turns, endings }, { grammar, slots }),
    genres,
    cast: people.slice(0, 5),
    durationMinutes: random.chance(0.03) ? null : clamp(Math.round(random.normal(112, 18)), 70, 220),
    releasedAtMs: random.chance(0.02) ? null : releasedAtMs,
    rating: Math.round(clamp(6.4 + 1.2 * quality, 1, 10) * 10) / 10,
    updatedAtMs: Math.max(beginMs, releasedAtMs - ANNOUNCED_BEFORE_MS),
  }
  return {
    movie,
    slots,
    actors: movie.cast,
    turns,
    endings,
    quality,
    temptation: random.normal(0, 0.5),
    strictness: random.normal(0, 0.35),
    releasedAtMs,
    popularity: (rank + 4) ** -0.9,
  }
}

function storySlots(
  random: SeededRandom,
  { genre, composer }: { genre: string; composer: string },
  grammar: Grammar,
): Slots {
  const [hero, ally, villain, love, mentor] = random.sample(FIRST_NAMES, 5) as [string, string, string, string, string]
  const family = random.sample(LAST_NAMES, 2) as [string, string]
  return {
    title: grammar.expand('title', random, {}),
    hero: `${hero} ${family[0]}`,
    heroFirst: hero,
    ally,
    villain: `${villain} ${family[1]}`,
    love,
    mentor,
    place: grammar.expand('placeName', random, {}),
    job: grammar.expand('job', random, {}),
    thing: grammar.expand('thing', random, {}),
    organisation: grammar.expand('organisation', random, {}),
    genre: genre.toLowerCase(),
    composer,
    director: `${random.choice(FIRST_NAMES)} ${random.choice(LAST_NAMES)}`,
  }
}

interface Telling {
  readonly grammar: Grammar
  readonly slots: Slots
}

/** The whole story: set-up, turning points with scenes between them, and the end. */
function synopsis(random: SeededRandom, story: Pick<Film, 'turns' | 'endings'>, telling: Telling): string {
  const opening = paragraph(['setupPerson', 'setupGoal', 'scene', 'scene'], random, telling)
  const middle = story.turns.map((turn) => paragraph(['scene', turn, 'scene'], random, telling))
  const end = paragraph(['scene', ...story.endings], random, telling)
  return [opening, ...middle, end].join('\n')
}

function paragraph(symbols: readonly string[], random: SeededRandom, { grammar, slots }: Telling): string {
  return symbols.map((symbol) => `${grammar.sentence(symbol, random, slots)}.`).join(' ')
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
