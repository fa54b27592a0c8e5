import type { Review } from '../../schemas/generated.ts'
import type { SeededRandom } from '../../stats/random.ts'
import { lateLabels } from './late-labels.ts'
import type { Scenario, ScenarioContext } from './scenario.ts'
import type { SimulatedReview } from './simulated-review.ts'

const DAY_MS = 86_400_000
const YEAR_DAYS = 365.25
/** The Unix epoch was a Thursday. */
const EPOCH_WEEKDAY = 4

/** What becomes of a review. @param strength 0 is the world as it was, 1 the scenario in full. */
type Effect = (one: SimulatedReview, strength: number, context: ScenarioContext) => readonly SimulatedReview[]

/** Changes that a detector shall find. Each comes at once, and as NAME-gradual over its whole window. */
const CHANGES: Readonly<Record<string, Effect>> = {
  'spam-wave': (one, strength, { random }) => (random.chance(0.6 * strength) ? [one, spamBeside(one, random)] : [one]),
  'null-fields': (one, strength, { random }) => {
    return [random.chance(0.5 * strength) ? withReview(one, { rating: null, summary: null }) : one]
  },
  'copying-bots': (one, strength, { random }) => {
    return random.chance(0.4 * strength) ? [one, ...copiesOf(one, 1 + random.below(2), random)] : [one]
  },
  'new-vocabulary': (one, strength, { random }) => {
    return [random.chance(0.7 * strength) ? withReview(one, { text: inOtherWords(one.review.text) }) : one]
  },
  'prior-shift': (one, strength, { random }) => (!one.isSpoiler && random.chance(0.7 * strength) ? [] : [one]),
  'label-delay': (one, strength) => {
    const later = Math.round(40 * DAY_MS * strength)
    return [{ ...one, labels: one.labels.map((label) => ({ ...label, labelledAtMs: label.labelledAtMs + later })) }]
  },
}

/** Rhythms of the year and the week: they change the world, and come again. No detector shall call them drift. */
const SEASONS: Readonly<Record<string, Effect>> = {
  weekends: (one, _strength, { eventTimeMs, random }) => {
    const weekday = (Math.floor(eventTimeMs / DAY_MS) + EPOCH_WEEKDAY) % 7
    if (weekday !== 0 && weekday !== 6) return random.chance(0.3) ? [] : [one]
    return [random.chance(0.4) ? withReview(one, { text: firstSentences(one.review.text, 0.4) }) : one]
  },
  seasons: (one, _strength, { eventTimeMs, random }) => {
    const wave = (1 + Math.sin((2 * Math.PI * eventTimeMs) / (YEAR_DAYS * DAY_MS))) / 2
    const shortened = random.chance(0.5 * wave)
    const unrated = random.chance(0.3 * (1 - wave))
    const text = shortened ? firstSentences(one.review.text, 0.5) : one.review.text
    return [withReview(one, { text, ...(unrated ? { rating: null } : {}) })]
  },
}

/** Of a season that is no drift. */
export const SEASONAL_SCENARIOS = Object.keys(SEASONS)
/** Changes that come at once. */
export const SUDDEN_SCENARIOS = Object.keys(CHANGES)
const GRADUAL = '-gradual'
export const GRADUAL_SCENARIOS = SUDDEN_SCENARIOS.map((name) => `${name}${GRADUAL}`)
export const SCENARIOS: readonly string[] = [...SUDDEN_SCENARIOS, ...GRADUAL_SCENARIOS, ...SEASONAL_SCENARIOS]

/** @throws RangeError for a name that is not among {@link SCENARIOS}. */
export function scenarioNamed(name: string): Scenario {
  if (!SCENARIOS.includes(name)) throw new RangeError(`no scenario ${name}`)
  const isGradual = name.endsWith(GRADUAL)
  const effect = (CHANGES[isGradual ? name.slice(0, -GRADUAL.length) : name] ?? SEASONS[name]) as Effect
  return {
    name,
    review: (one, context) => effect(one, isGradual ? context.windowShare : 1, context),
  }
}

function withReview(one: SimulatedReview, change: Partial<Review>): SimulatedReview {
  return { ...one, review: { ...one.review, ...change } }
}

const SPAM_BEGINS = [
  'Watch it free',
  'Full movie in HD',
  'Best stream ever',
  'Free download here',
  'No sign up needed',
] as const
const SPAM_GOES_ON = [
  'at my page',
  'link in my profile',
  'only today',
  'fast and easy',
  'just click',
  'join the channel',
] as const

/** A short advertisement under the same film, by an account that writes once. */
function spamBeside(one: SimulatedReview, random: SeededRandom): SimulatedReview {
  const { reviewId } = one.review
  const text = `${random.choice(SPAM_BEGINS)}, ${random.choice(SPAM_GOES_ON)}, ${random.choice(SPAM_GOES_ON)}!!!`
  const review = {
    ...one.review,
    reviewId: `${reviewId}-spam`,
    userId: `${reviewId}-spammer`,
    text,
    summary: null,
    rating: 10,
  }
  return harmless(review, random)
}

/** Nobody takes it for a spoiler. */
function harmless(review: Review, random: SeededRandom): SimulatedReview {
  return {
    review,
    retelling: 'none',
    probability: 0.01,
    isSpoiler: false,
    isFirstOfUser: true,
    labels: lateLabels(review, false, random),
  }
}

const BOTS = 12

/** The same words again, by a few accounts that do nothing else. */
function copiesOf(one: SimulatedReview, count: number, random: SeededRandom): SimulatedReview[] {
  const bots = random.sample(
    Array.from({ length: BOTS }, (_, bot) => bot),
    count,
  )
  return bots.map((bot) => {
    const { reviewId, userId } = one.review
    const world = userId.slice(0, userId.lastIndexOf('-'))
    const review = { ...one.review, reviewId: `${reviewId}-copy${bot}`, userId: `${world}-bot${bot}` }
    return { ...one, review, isFirstOfUser: false, labels: lateLabels(review, one.isSpoiler, random) }
  })
}

const LONG_WORD = /[A-Za-z]{5,}/g
const VOWELS = 'aeiou'
const CONSONANTS = 'bcdfghjklmnpqrstvwxyz'

/** Long words become others, the same every time: films of another kind, with names and things of their own. */
function inOtherWords(text: string): string {
  return text.replace(LONG_WORD, (word) => word.replace(/./g, otherLetter))
}

/** A vowel for a vowel, so that it can be read. */
function otherLetter(letter: string): string {
  const lower = letter.toLowerCase()
  const letters = VOWELS.includes(lower) ? VOWELS : CONSONANTS
  const other = letters.charAt((letters.indexOf(lower) + 2) % letters.length)
  return letter === lower ? other : other.toUpperCase()
}

/** At least one sentence, and about so much of the text. */
function firstSentences(text: string, share: number): string {
  const end = text.slice(Math.ceil(text.length * share)).search(/[.!?](\s|$)/)
  return end < 0 ? text : text.slice(0, Math.ceil(text.length * share) + end + 1)
}
