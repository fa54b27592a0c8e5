import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Movie, Review, ReviewLabel } from '../../../../schemas/generated.ts'
import { rocAuc } from '../../../../stats/auc.ts'
import type { ProducedEvent } from '../../../../producers/event-source.ts'
import { LONGEST_LABEL_DELAY_MS } from '../../../../producers/world/late-labels.ts'
import type { Scenario } from '../../../../producers/world/scenario.ts'
import type { SimulatedReview } from '../../../../producers/world/simulated-review.ts'
import { World, type WorldOptions } from '../../../../producers/world/world.ts'

const DAY_MS = 86_400_000
const OPTIONS: WorldOptions = { seed: 7, rate: 200, speed: 21_600, startMs: Date.UTC(2026, 0, 1) }

function eventsOf(options: Partial<WorldOptions>): ProducedEvent[] {
  return [...new World({ ...OPTIONS, ...options }).events()]
}

function valuesOf<V>(events: readonly ProducedEvent[], topic: ProducedEvent['topic']): V[] {
  return events.filter((event) => event.topic === topic).map(({ value }) => value as V)
}

function hashOf(events: readonly ProducedEvent[]): string {
  return hash('sha256', JSON.stringify(events))
}

test('equal options give equal events, byte for byte; the world is pinned', () => {
  const first = hashOf(eventsOf({ reviews: 2000 }))
  expect(hashOf(eventsOf({ reviews: 2000 }))).toBe(first)
  expect(first).toMatchInlineSnapshot(`"d8323569bfc07b5f91a89a434cfd48929ec3d45b07f4aecac845ef180725e323"`)
})

test('a longer world begins as the shorter one does', () => {
  const short = valuesOf<Review>(eventsOf({ lengthMs: DAY_MS }), 'reviews')
  const long = valuesOf<Review>(eventsOf({ lengthMs: 3 * DAY_MS }), 'reviews')
  expect(short.length).toBeGreaterThan(700)
  expect(long.slice(0, short.length)).toEqual(short)
})

test.each([
  ['seed', { seed: 8 }],
  ['rate', { rate: 100 }],
  ['speed', { speed: 10_800 }],
  ['start', { startMs: OPTIONS.startMs + 1 }],
  ['length of the clock', { backMs: 100 * DAY_MS }],
  ['number of films', { films: 401 }],
])('worlds that differ in %s share no id', (_name, change) => {
  const idsOf = (options: Partial<WorldOptions>): string[] => {
    const events = eventsOf({ reviews: 50, ...options })
    const reviews = valuesOf<Review>(events, 'reviews').flatMap(({ reviewId, userId }) => [reviewId, userId])
    return [...reviews, ...valuesOf<Movie>(events, 'movies').map(({ movieId }) => movieId)]
  }
  const ids = new Set(idsOf({}))
  expect(idsOf(change).filter((id) => ids.has(id))).toEqual([])
})

test('events come in event order; a film before its reviews, a review before its labels, nothing after the end', () => {
  const events = eventsOf({ rate: 2, lengthMs: 400 * DAY_MS })
  const films = new Map<string, number>()
  const reviews = new Map<string, number>()
  let clockMs = OPTIONS.startMs - 730 * DAY_MS
  for (const event of events) {
    expect(event.eventTimeMs).toBeGreaterThanOrEqual(clockMs)
    clockMs = event.eventTimeMs
    if (event.topic === 'movies') films.set(event.value.movieId, clockMs)
    else if (event.topic === 'reviews') {
      expect(films.has(event.value.movieId)).toBe(true)
      reviews.set(event.value.reviewId, clockMs)
    } else {
      expect(clockMs).toBeGreaterThan(reviews.get(event.value.reviewId) ?? Infinity)
    }
  }
  expect(clockMs).toBeLessThan(OPTIONS.startMs - 330 * DAY_MS)
  expect(films.size).toBeGreaterThan(300) // those announced so far
  expect(films.size).toBeLessThan(400)
})

test('the clock ends at the start instant', () => {
  const events = eventsOf({ rate: 0.2 })
  expect(events.at(-1)?.eventTimeMs).toBeLessThan(OPTIONS.startMs)
  expect(events.at(-1)?.eventTimeMs).toBeGreaterThan(OPTIONS.startMs - 2 * DAY_MS)
  expect(valuesOf(events, 'movies').length).toBeGreaterThan(390) // all but the few announced in the last days
})

test('reviews arrive at the rate asked for', () => {
  const reviews = valuesOf<Review>(eventsOf({ lengthMs: 10 * DAY_MS }), 'reviews')
  const expected = (10 * 86_400 * OPTIONS.rate) / OPTIONS.speed
  expect(Math.abs(reviews.length - expected)).toBeLessThan(4 * Math.sqrt(expected))
})

test('reviews and films are well formed, and no template is left in any text', () => {
  const events = eventsOf({ reviews: 3000 })
  for (const { text, summary, rating, revision } of valuesOf<Review>(events, 'reviews')) {
    expect(text.length).toBeGreaterThan(10)
    expect(text.length).toBeLessThan(20_000)
    expect(`${text} ${summary ?? ''}`).not.toMatch(/[{}@]|undefined|NaN|\. \.|,\./)
    expect(rating === null || (Number.isInteger(rating) && rating >= 1 && rating <= 10)).toBe(true)
    expect(revision).toBe(0)
  }
  const movies = valuesOf<Movie>(events, 'movies')
  for (const movie of movies) {
    expect(movie.plotSummary).not.toMatch(/[{}@]|undefined/)
    expect(movie.plotSynopsis).not.toMatch(/[{}@]|undefined/)
    expect(movie.genres.length * movie.cast.length).toBeGreaterThan(0)
  }
  expect(movies.filter(({ plotSynopsis }) => plotSynopsis === '').length / movies.length).toBeCloseTo(0.1, 1)
})

test('the language varies: long texts do not repeat, and within a text few sentences do', () => {
  const texts = valuesOf<Review>(eventsOf({ reviews: 3000 }), 'reviews').map(({ text }) => text)
  const long = texts.filter((text) => text.length > 150)
  expect(new Set(long).size).toBe(long.length)
  const sentences = texts.map((text) => text.split(/[.!]+\s+/))
  const total = sentences.reduce((sum, { length }) => sum + length, 0)
  const distinct = sentences.reduce((sum, all) => sum + new Set(all).size, 0)
  expect(distinct / total).toBeGreaterThan(0.95)
})

const simulated = [...new World({ ...OPTIONS, reviews: 20_000 }).reviews()]

test('labels are drawn from the stated probabilities', () => {
  for (const [low, high] of [
    [0, 0.1],
    [0.1, 0.3],
    [0.3, 0.7],
    [0.7, 1],
  ] as const) {
    const bin = simulated.filter(({ probability }) => probability >= low && probability < high)
    const expected = bin.reduce((sum, { probability }) => sum + probability, 0)
    const deviation = Math.sqrt(bin.reduce((sum, { probability: p }) => sum + p * (1 - p), 0))
    expect(bin.length).toBeGreaterThan(500)
    expect(Math.abs(bin.filter(({ isSpoiler }) => isSpoiler).length - expected)).toBeLessThan(4 * deviation)
  }
})

test('telling the story raises the probability, and every cause leaves doubt', () => {
  const meanOf = (retelling: string): number => {
    const of = simulated.filter((review) => review.retelling === retelling)
    return of.reduce((sum, { probability }) => sum + probability, 0) / of.length
  }
  const means = ['none', 'hint', 'turns', 'ending'].map(meanOf)
  expect(means).toEqual(means.toSorted((a, b) => a - b))
  expect(Math.min(...simulated.map(({ probability }) => probability))).toBeGreaterThan(0.01)
  expect(Math.max(...simulated.map(({ probability }) => probability))).toBeLessThan(0.99)
})

/** Multinomial naive Bayes over words and pairs of words: log-odds per term. */
function learnWords(reviews: readonly SimulatedReview[]): Map<string, number> {
  const counts = new Map<string, [number, number]>()
  for (const { review, isSpoiler } of reviews)
    for (const term of termsOf(review.text)) {
      const count = counts.get(term) ?? [0, 0]
      count[isSpoiler ? 1 : 0]++
      counts.set(term, count)
    }
  const spoilers = reviews.filter(({ isSpoiler }) => isSpoiler).length
  const odds = ([not, yes]: [number, number]): number =>
    Math.log((yes + 1) / (spoilers + 2)) - Math.log((not + 1) / (reviews.length - spoilers + 2))
  return new Map([...counts].filter(([, [not, yes]]) => not + yes >= 10).map(([term, count]) => [term, odds(count)]))
}

function termsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? []
  return new Set([...words, ...words.slice(1).map((word, i) => `${words[i] ?? ''} ${word}`)])
}

test('a bag of words learns the world well, and stays below what is possible', () => {
  const odds = learnWords(simulated.slice(0, 12_000))
  const unseen = simulated.slice(12_000)
  const labels = unseen.map(({ isSpoiler }) => isSpoiler)
  const scores = unseen.map(({ review }) => [...termsOf(review.text)].reduce((sum, t) => sum + (odds.get(t) ?? 0), 0))
  const learnt = rocAuc(scores, labels)
  const possible = rocAuc(
    unseen.map(({ probability }) => probability),
    labels,
  )
  expect(learnt).toBeGreaterThan(0.72)
  expect(learnt).toBeLessThan((possible ?? 0) - 0.01)
})

test('the history of an author carries the label of the next review', () => {
  const history = new Map<string, { spoilers: number; reviews: number }>()
  const scores: number[] = []
  const labels: boolean[] = []
  for (const { review, isSpoiler } of simulated) {
    const known = history.get(review.userId) ?? { spoilers: 0, reviews: 0 }
    if (known.reviews >= 3) {
      scores.push((known.spoilers + 1) / (known.reviews + 4))
      labels.push(isSpoiler)
    }
    history.set(review.userId, { spoilers: known.spoilers + Number(isSpoiler), reviews: known.reviews + 1 })
  }
  expect(labels.length).toBeGreaterThan(3000)
  expect(rocAuc(scores, labels)).toBeGreaterThan(0.6)
})

test('authors are told apart as first-timers correctly; about half of the reviews are theirs', () => {
  const seen = new Set<string>()
  for (const { review, isFirstOfUser } of simulated) {
    expect(isFirstOfUser).toBe(!seen.has(review.userId))
    seen.add(review.userId)
  }
  expect(seen.size / simulated.length).toBeGreaterThan(0.45)
  expect(seen.size / simulated.length).toBeLessThan(0.6)
})

test('labels come late, are sometimes revised, and the last revision is the truth', () => {
  const labelled = simulated.filter(({ labels }) => labels.length > 0)
  const revised = labelled.filter(({ labels }) => labels.length === 2)
  const first = (labels: readonly ReviewLabel[]): ReviewLabel => labels[0] as ReviewLabel
  for (const { review, labels, isSpoiler } of labelled) {
    expect(labels.map(({ revision }) => revision)).toEqual(labels.length === 1 ? [0] : [0, 1])
    expect(labels.at(-1)?.isSpoiler).toBe(isSpoiler)
    let afterMs = review.writtenAtMs
    for (const label of labels) {
      const { reviewId, userId, movieId } = review
      expect(label).toMatchObject({ reviewId, userId, movieId })
      expect(label.labelledAtMs).toBeGreaterThan(afterMs)
      expect(label.labelledAtMs - afterMs).toBeLessThanOrEqual(LONGEST_LABEL_DELAY_MS)
      afterMs = label.labelledAtMs
    }
  }
  expect(labelled.length / simulated.length).toBeCloseTo(0.94, 1)
  expect(revised.length / labelled.length).toBeGreaterThan(0.03)
  expect(revised.length / labelled.length).toBeLessThan(0.05)
  const flipped = revised.filter(({ labels, isSpoiler }) => first(labels).isSpoiler !== isSpoiler)
  expect(flipped.length / revised.length).toBeCloseTo(0.6, 1)
  const sources = new Set(labelled.map(({ labels }) => first(labels).source))
  expect([...sources].sort()).toEqual(['moderator', 'report', 'self-declared'])
})

const spam: Scenario = {
  name: 'spam',
  review: (one, { random, windowShare }) => {
    if (!random.chance(windowShare)) return [one]
    const copy = { ...one.review, reviewId: `${one.review.reviewId}-spam`, text: 'Buy now.' }
    return [one, { ...one, review: copy, labels: [] }]
  },
}

test('a scenario acts in its window only and leaves the rest of the world as it was', () => {
  const scenarios = [{ scenario: spam, fromMs: DAY_MS, toMs: 2 * DAY_MS }]
  const quiet = [...new World({ ...OPTIONS, lengthMs: 3 * DAY_MS }).reviews()]
  const world = new World({ ...OPTIONS, lengthMs: 3 * DAY_MS, scenarios })
  const spoiled = [...world.reviews()]
  const added = spoiled.filter(({ review }) => review.text === 'Buy now.')
  expect(added.length).toBeGreaterThan(300)
  for (const { review } of added) {
    expect(review.writtenAtMs - world.beginMs).toBeGreaterThanOrEqual(DAY_MS)
    expect(review.writtenAtMs - world.beginMs).toBeLessThan(2 * DAY_MS)
  }
  const texts = (all: typeof quiet): string[] => all.map(({ review }) => review.text)
  expect(texts(spoiled.filter((review) => !added.includes(review)))).toEqual(texts(quiet))
})

test('a scenario cannot move reviews in time', () => {
  const late: Scenario = {
    name: 'late',
    review: (one) => [{ ...one, review: { ...one.review, writtenAtMs: one.review.writtenAtMs + 1 } }],
  }
  const world = new World({ ...OPTIONS, reviews: 5, scenarios: [{ scenario: late, fromMs: 0, toMs: DAY_MS }] })
  expect(() => [...world.reviews()]).toThrow(/moved .* in time/)
})
