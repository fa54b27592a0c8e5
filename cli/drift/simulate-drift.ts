import type { Model } from '../../inference/model.ts'
import { scoreRow } from '../../inference/score-row.ts'
import type { ProducedEvent } from '../../producers/event-source.ts'
import { scenarioNamed } from '../../producers/world/scenarios.ts'
import { World } from '../../producers/world/world.ts'
import { MemoryFold } from '../../platform/memory-fold.ts'
import type { DriftEvent, DriftPartial, DriftWindow, ScoreActivity, UserActivity } from '../../schemas/generated.ts'
import type { Step, StreamRecord } from '../../schemas/processor.ts'
import { type TopicId, topics, type ValueOf } from '../../schemas/topics.ts'
import { WINDOW_MS } from '../../stream-processors/drift/counters.ts'
import { drift } from '../../stream-processors/drift/drift.ts'
import { driftFeatures } from '../../stream-processors/drift/drift-features.ts'
import { driftOutcomes } from '../../stream-processors/drift/drift-outcomes.ts'
import { driftScores } from '../../stream-processors/drift/drift-scores.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { evaluator } from '../../stream-processors/evaluator.ts'
import { movieContext } from '../../stream-processors/movie-context.ts'
import { scoreIntake } from '../../stream-processors/score-intake.ts'
import { userHistory } from '../../stream-processors/user-history.ts'

/** A world and what happens in it. */
export interface SimulatedWorld {
  readonly seed: number
  readonly windows: number
  readonly reviewsAWindow: number
  /** What befalls it, from a window on to the end. */
  readonly scenario: { readonly name: string; readonly fromWindow: number } | null
}

/** The world ends here; it begins so many windows before. A Monday. */
export const END_MS = Date.UTC(2026, 0, 5)
/** Event seconds in a second of append time. */
const SPEED = 21_600

/** Folds one world, in memory and without a broker: what the counting tasks hand over, in the order of the log. */
export async function simulatePartials(plan: SimulatedWorld, model: Model): Promise<StreamRecord<DriftPartial>[]> {
  const { seed, windows, reviewsAWindow } = plan
  const backMs = windows * WINDOW_MS
  const { scenario: planned } = plan
  const scenarios =
    planned === null
      ? []
      : [{ scenario: scenarioNamed(planned.name), fromMs: planned.fromWindow * WINDOW_MS, toMs: backMs }]
  const rate = (reviewsAWindow * SPEED * 1000) / WINDOW_MS
  const world = new World({ seed, rate, speed: SPEED, startMs: END_MS, backMs, scenarios })
  const log: StreamRecord<DriftPartial>[] = []
  const folds = new Folds(model)
  for (const event of world.events()) {
    const appendedAtMs = END_MS + Math.floor((event.eventTimeMs - world.beginMs) / SPEED)
    for (const value of await folds.next(event, appendedAtMs))
      log.push(recordOf('driftPartials', value, { offset: log.length, appendedAtMs }))
  }
  return log
}

/** What drift makes of them. */
export function decide(partials: readonly StreamRecord<DriftPartial>[]): {
  readonly windows: readonly DriftWindow[]
  readonly events: readonly DriftEvent[]
} {
  const fold = new MemoryFold(drift)
  const steps = partials.flatMap((partial) => fold.next(partial))
  return { windows: valuesTo('driftWindows', steps), events: valuesTo('driftEvents', steps) }
}

interface Appended {
  readonly offset: number
  readonly appendedAtMs: number
}

function recordOf<T extends TopicId>(
  to: T,
  value: ValueOf<T>,
  { offset, appendedAtMs }: Appended,
): StreamRecord<ValueOf<T>> {
  return { key: null, value, position: { topic: topics[to].name, partition: 0, offset }, appendedAtMs }
}

function valuesTo<T extends TopicId>(topic: T, steps: readonly Pick<Step<never>, 'forwards'>[]): ValueOf<T>[] {
  const forwards = steps.flatMap((step) => step.forwards)
  return forwards.filter(({ to }) => to === topic).map(({ value }) => value as ValueOf<T>)
}

/** The folds of the pipeline one behind the other; a record passes all of them before the next. */
class Folds {
  readonly #users = new MemoryFold(userHistory)
  readonly #movies = new MemoryFold(movieContext(() => spoilerV1))
  readonly #features = new MemoryFold(driftFeatures)
  readonly #scores = new MemoryFold(driftScores)
  readonly #scoreIntake = new MemoryFold(scoreIntake)
  readonly #evaluator = new MemoryFold(evaluator)
  readonly #outcomes = new MemoryFold(driftOutcomes)
  readonly #model: Model
  #offset = 0

  constructor(model: Model) {
    this.#model = model
  }

  async next({ topic, value }: ProducedEvent, appendedAtMs: number): Promise<DriftPartial[]> {
    const at = { offset: this.#offset++, appendedAtMs }
    const known = topic === 'movies' ? [] : this.#users.next(recordOf('userActivity', activityOf(topic, value, at), at))
    const activity =
      topic === 'movies'
        ? [{ movieId: value.movieId, review: null, label: null, movie: value }]
        : valuesTo('movieActivity', known)
    const rows = activity
      .flatMap((one) => valuesTo('reviewFeatures', this.#movies.next(recordOf('movieActivity', one, at))))
      .map((row) => recordOf('reviewFeatures', row, at))
    const partials = rows.flatMap((row) => valuesTo('driftPartials', this.#features.next(row)))
    for (const row of rows) {
      const result = await scoreRow(row, { model: this.#model, deploymentEpoch: 0 })
      if (result.kind === 'reject') throw new RangeError(result.cause)
      const score = recordOf('spoilerScores', result.score, at)
      partials.push(...valuesTo('driftPartials', this.#scores.next(score)))
      for (const one of valuesTo('scoreActivity', this.#scoreIntake.next(score)))
        partials.push(...this.#evaluated(one, at))
    }
    for (const label of valuesTo('scoreActivity', known)) partials.push(...this.#evaluated(label, at))
    return partials
  }

  #evaluated(activity: ScoreActivity, at: Appended): DriftPartial[] {
    const outcomes = valuesTo('scoreOutcomes', this.#evaluator.next(recordOf('scoreActivity', activity, at)))
    return outcomes.flatMap((one) => valuesTo('driftPartials', this.#outcomes.next(recordOf('scoreOutcomes', one, at))))
  }
}

function activityOf(
  topic: 'reviews' | 'reviewLabels',
  value: ValueOf<'reviews'> | ValueOf<'reviewLabels'>,
  { offset, appendedAtMs }: Appended,
): UserActivity {
  const source = { topic: topics[topic].name, partition: 0, offset }
  return {
    userId: value.userId,
    review: 'text' in value ? value : null,
    label: 'text' in value ? null : value,
    source,
    sourceAppendedAtMs: appendedAtMs,
  }
}
