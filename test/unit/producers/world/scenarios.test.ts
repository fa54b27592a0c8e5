import { describe, expect, test } from 'vitest'
import {
  GRADUAL_SCENARIOS,
  scenarioNamed,
  SCENARIOS,
  SEASONAL_SCENARIOS,
  SUDDEN_SCENARIOS,
} from '../../../../producers/world/scenarios.ts'
import type { SimulatedReview } from '../../../../producers/world/simulated-review.ts'
import { World } from '../../../../producers/world/world.ts'

const DAY_MS = 86_400_000
const OPTIONS = { seed: 5, rate: 60, speed: 86_400, startMs: Date.UTC(2026, 0, 5), backMs: 20 * DAY_MS, films: 40 }

function world(name?: string): SimulatedReview[] {
  const scenarios = name === undefined ? [] : [{ scenario: scenarioNamed(name), fromMs: 0, toMs: 20 * DAY_MS }]
  return [...new World({ ...OPTIONS, scenarios }).reviews()]
}

const quiet = world()
const changed = new Map(SCENARIOS.map((name) => [name, world(name)]))
const of = (name: string): SimulatedReview[] => changed.get(name) ?? []
const share = (all: readonly SimulatedReview[], holds: (one: SimulatedReview) => boolean): number =>
  all.filter(holds).length / all.length

test('every change comes in two forms, at once and gradually', () => {
  expect(GRADUAL_SCENARIOS).toEqual(SUDDEN_SCENARIOS.map((name) => `${name}-gradual`))
  expect(() => scenarioNamed('none')).toThrow(RangeError)
})

test.each(SCENARIOS)('%s: ids stay unique, and it is the same world twice', (name) => {
  const ids = of(name).map(({ review }) => review.reviewId)
  expect(new Set(ids).size).toBe(ids.length)
  expect(world(name)).toEqual(of(name))
})

describe('what a scenario changes', () => {
  test.each([
    { name: 'spam-wave', of: 'short reviews by newcomers', holds: isSpam, more: 0.3 },
    { name: 'null-fields', of: 'reviews without rating and headline', holds: isBare, more: 0.4 },
    { name: 'copying-bots', of: 'copies', holds: isCopy, more: 0.25 },
    { name: 'prior-shift', of: 'spoilers', holds: ({ isSpoiler }: SimulatedReview) => isSpoiler, more: 0.2 },
  ])('$name: more $of', ({ name, holds, more }) => {
    expect(share(of(name), holds) - share(quiet, holds)).toBeGreaterThan(more)
    const gradual = of(`${name}-gradual`)
    const half = gradual.length / 2
    expect(share(gradual.slice(half), holds)).toBeGreaterThan(share(gradual.slice(0, half), holds) + more / 4)
  })

  test('new-vocabulary: other words, of the same length', () => {
    const text = (all: readonly SimulatedReview[]): string[] => all.map(({ review }) => review.text)
    const pairs = text(of('new-vocabulary')).map((now, i) => [text(quiet)[i] ?? '', now] as const)
    expect(pairs.every(([before, now]) => before.length === now.length)).toBe(true)
    expect(pairs.filter(([before, now]) => before !== now).length / pairs.length).toBeCloseTo(0.7, 1)
  })

  test('label-delay: every label 40 days later, and nothing else', () => {
    expect(of('label-delay').map(({ review }) => review.text)).toEqual(quiet.map(({ review }) => review.text))
    const late = of('label-delay').flatMap(({ labels }) => labels.map(({ labelledAtMs }) => labelledAtMs))
    const before = quiet.flatMap(({ labels }) => labels.map(({ labelledAtMs }) => labelledAtMs))
    expect(late).toEqual(before.map((atMs) => atMs + 40 * DAY_MS))
  })

  test.each(SEASONAL_SCENARIOS)('%s: comes again, and leaves the truth of a review alone', (name) => {
    const truth = new Map(quiet.map((one) => [ordinalOf(one), one.isSpoiler]))
    for (const one of of(name)) expect(truth.get(ordinalOf(one))).toBe(one.isSpoiler)
    expect(of(name).map(({ review }) => review.text)).not.toEqual(quiet.map(({ review }) => review.text))
  })
})

/** Worlds that differ in a scenario share no id. */
function ordinalOf({ review }: SimulatedReview): string {
  return review.reviewId.slice(review.reviewId.lastIndexOf('-'))
}
function isSpam({ review }: SimulatedReview): boolean {
  return review.text.length < 100 && review.userId.endsWith('-spammer')
}
function isBare({ review }: SimulatedReview): boolean {
  return review.rating === null && review.summary === null
}
function isCopy({ review }: SimulatedReview): boolean {
  return review.reviewId.includes('-copy')
}
