import type { Review } from '../../schemas/generated.ts'
import { SeededRandom, seedOf } from '../../stats/random.ts'
import { labelEvent, movieEvent, reviewEvent, type EventSource, type ProducedEvent } from '../event-source.ts'
import { LabelQueue } from '../label-queue.ts'
import { FilmPicker } from './film-picker.ts'
import { makeFilms, type Film } from './film.ts'
import { Grammar } from './grammar.ts'
import { lateLabels } from './late-labels.ts'
import { NAME_RULES } from './names.ts'
import { OPINION_RULES } from './opinion-rules.ts'
import { OPINION_WORDS } from './opinion-words.ts'
import { writeReview, type Tone } from './review-text.ts'
import { ReviewerPool, type Reviewer } from './reviewer.ts'
import type { ScenarioWindow } from './scenario.ts'
import type { Retelling, SimulatedReview } from './simulated-review.ts'
import { ENDING_RULES, HINT_RULES, SCENE_RULES, SETUP_RULES, STORY_WORDS, TURN_RULES } from './story-rules.ts'

/** The event clock starts this long before the start instant. */
export const TWO_YEARS_MS = 730 * 86_400_000
export const FILMS = 400
const ARRIVAL_STREAM = 4
const REVIEW_STREAM = 5
const SCENARIO_STREAM = 6
const MEDIAN_UNITS = 800
const LONGEST_UNITS = 12_000

/** Log-odds of being a spoiler, by what the review tells; every other cause adds to them. */
const RETELLING_LOG_ODDS: Readonly<Record<Retelling, number>> = { none: -2.6, hint: -0.4, turns: 0.8, ending: 2.2 }
/** Share of the labels that are drawn without regard to the review, half of them spoilers. */
const LABEL_NOISE = 0.04

export interface WorldOptions {
  readonly seed: number
  /** Reviews per second of the wall clock, on average; with `speed` it sets the density in event time. */
  readonly rate: number
  /** Event seconds per second. */
  readonly speed: number
  /** The event clock ends here, at the latest: nothing is dated after it. Unix milliseconds. */
  readonly startMs: number
  /** The event clock begins this long before `startMs`. */
  readonly backMs?: number
  /** Length of the world in event time; what would come later, labels too, is not part of it. */
  readonly lengthMs?: number
  /** Ends after so many reviews, with their labels. */
  readonly reviews?: number
  readonly films?: number
  readonly scenarios?: readonly ScenarioWindow[]
}

/**
 * A movie world: films, people and reviews that follow from the options alone, byte for byte. Memory: the films and the
 * labels in flight.
 */
export class World {
  readonly beginMs: number
  readonly endMs: number
  readonly films: readonly Film[]
  private readonly options: WorldOptions
  private readonly grammar: Grammar
  private readonly id: string
  private taken = { reviews: 0, eventMs: 0 }

  constructor(options: WorldOptions) {
    const { backMs = TWO_YEARS_MS, lengthMs = Infinity, films = FILMS } = options
    this.options = options
    this.beginMs = options.startMs - backMs
    this.endMs = Math.min(this.beginMs + lengthMs, options.startMs)
    this.taken.eventMs = this.beginMs
    this.id = worldId(options, films)
    this.grammar = new Grammar(...STORY, NAME_RULES, OPINION_RULES, OPINION_WORDS)
    const catalogue = { seed: options.seed, worldId: this.id, beginMs: this.beginMs, count: films }
    this.films = makeFilms(catalogue, this.grammar)
  }

  /** Everything in the order of event time: films as they are announced, reviews, labels as they are given. */
  *events(): Generator<ProducedEvent> {
    const films = this.films.map(({ movie }) => movie).sort((a, b) => a.updatedAtMs - b.updatedAtMs)
    const labels = new LabelQueue()
    let announced = 0
    const upTo = function* (untilMs: number): Generator<ProducedEvent> {
      for (let film = films[announced]; film && film.updatedAtMs <= untilMs; film = films[++announced]) {
        for (const label of labels.release(film.updatedAtMs)) yield labelEvent(label)
        yield movieEvent(film)
      }
      for (const label of labels.release(untilMs)) yield labelEvent(label)
    }
    for (const { review, labels: late } of this.reviews()) {
      yield* upTo(review.writtenAtMs)
      this.taken = { reviews: this.taken.reviews + 1, eventMs: review.writtenAtMs }
      yield reviewEvent(review)
      for (const label of late) if (label.labelledAtMs < this.endMs) labels.push(label)
    }
    for (const label of labels.release(Infinity)) yield labelEvent(label)
  }

  source(): EventSource {
    const lengthMs = this.endMs - this.beginMs
    const { reviews = Infinity } = this.options
    return {
      events: this.events(),
      share: () => Math.max((this.taken.eventMs - this.beginMs) / lengthMs, this.taken.reviews / reviews),
      rejects: new Map(),
    }
  }

  /** The reviews with their latent causes, in the order of event time. */
  *reviews(): Generator<SimulatedReview> {
    const { seed, rate, speed, reviews = Infinity } = this.options
    const picker = new FilmPicker(this.films)
    const people = new ReviewerPool(seed)
    const arrivals = new SeededRandom(seed, ARRIVAL_STREAM)
    const random = new SeededRandom(seed, REVIEW_STREAM)
    const meanGapMs = (1000 * speed) / rate
    let clockMs = this.beginMs
    for (let ordinal = 0; ordinal < reviews; ordinal++) {
      clockMs += arrivals.exponential(meanGapMs)
      const eventTimeMs = Math.floor(clockMs)
      if (eventTimeMs >= this.endMs) return
      random.reseed(seed, REVIEW_STREAM, ordinal)
      const film = picker.pick(eventTimeMs, random.uniform())
      const simulated = this.simulate(random, { film, ...people.next(), ordinal, eventTimeMs })
      yield* this.throughScenarios(simulated, ordinal)
    }
  }

  private simulate(
    random: SeededRandom,
    at: { film: Film; reviewer: Reviewer; isFirst: boolean; ordinal: number; eventTimeMs: number },
  ): SimulatedReview {
    const { film, reviewer } = at
    const lengthDeviation = random.normal(0, 0.65)
    const targetUnits = Math.min(MEDIAN_UNITS * reviewer.verbosity * Math.exp(lengthDeviation), LONGEST_UNITS)
    const retelling = drawRetelling(random, targetUnits, at)
    const announced = random.chance(retelling === 'none' ? 0.01 : 0.5 * reviewer.announces)
    const score = Math.min(
      Math.max(Math.round(random.normal(6.6 + 1.4 * film.quality + reviewer.leniency, 1.3)), 1),
      10,
    )
    const tone = toneOf(score)
    const brief = { film, reviewer, tone, score, retelling, targetUnits, announced }
    const review: Review = {
      reviewId: `${this.id}-r${at.ordinal}`,
      userId: `${this.id}-u${reviewer.index}`,
      movieId: film.movie.movieId,
      ...writeReview(brief, random, this.grammar),
      rating: random.chance(0.08) ? null : score,
      writtenAtMs: at.eventTimeMs,
      revision: 0,
    }
    const logOdds =
      RETELLING_LOG_ODDS[retelling] + 0.5 * reviewer.habit + reviewer.marking + film.strictness + (announced ? 1.5 : 0)
    const probability = LABEL_NOISE / 2 + (1 - LABEL_NOISE) * logistic(logOdds)
    const isSpoiler = random.chance(probability)
    const labels = lateLabels(review, isSpoiler, random)
    return { review, retelling, probability, isSpoiler, isFirstOfUser: at.isFirst, labels }
  }

  private throughScenarios(simulated: SimulatedReview, ordinal: number): readonly SimulatedReview[] {
    const { scenarios = [], seed } = this.options
    const eventTimeMs = simulated.review.writtenAtMs
    const sinceBeginMs = eventTimeMs - this.beginMs
    let current: readonly SimulatedReview[] = [simulated]
    for (const { scenario, fromMs, toMs } of scenarios) {
      if (!scenario.review || sinceBeginMs < fromMs || sinceBeginMs >= toMs) continue
      const random = new SeededRandom(seed ^ seedOf(scenario.name), SCENARIO_STREAM, ordinal)
      const context = { eventTimeMs, windowShare: (sinceBeginMs - fromMs) / (toMs - fromMs), random }
      const { review } = scenario
      current = current.flatMap((one) => review(one, context))
    }
    const moved = current.find(({ review }) => review.writtenAtMs !== eventTimeMs)
    if (moved) throw new RangeError(`a scenario moved ${moved.review.reviewId} in time`)
    return current
  }
}

const STORY = [SETUP_RULES, SCENE_RULES, TURN_RULES, ENDING_RULES, HINT_RULES, STORY_WORDS] as const

/** Longer reviews tell more, as do talkative people and films with a twist. */
function drawRetelling(
  random: SeededRandom,
  targetUnits: number,
  { film, reviewer }: { film: Film; reviewer: Reviewer },
): Retelling {
  const logOdds = -1.5 + reviewer.habit + film.temptation + 1.15 * Math.log(targetUnits / MEDIAN_UNITS)
  if (!random.chance(logistic(logOdds))) return 'none'
  const draw = random.uniform()
  return draw < 0.2 ? 'hint' : draw < 0.5 ? 'turns' : 'ending'
}

function toneOf(score: number): Tone {
  return score >= 7 ? 'Good' : score >= 5 ? 'Mixed' : 'Bad'
}

/** Two worlds that differ in anything share no id, so that they can live in the same topics. */
function worldId(
  { seed, rate, speed, startMs, backMs = TWO_YEARS_MS, scenarios = [] }: WorldOptions,
  films: number,
): string {
  const windows = scenarios.map(({ scenario, fromMs, toMs }) => [scenario.name, fromMs, toMs])
  const tag = seedOf(JSON.stringify([seed, rate, speed, startMs, backMs, films, windows]))
  return `w${seed}-${tag.toString(36)}`
}

function logistic(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds))
}
