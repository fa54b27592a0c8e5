import type { SeededRandom } from '../../stats/random.ts'
import type { SimulatedReview } from './simulated-review.ts'

/** What a scenario may know of the place where it acts. */
export interface ScenarioContext {
  /** Event time of the review, Unix milliseconds. */
  readonly eventTimeMs: number
  /** How far the window has passed, 0 to 1: for gradual changes. */
  readonly windowShare: number
  /** A stream of its own, seeded by review: what a scenario draws never disturbs the world around it. */
  readonly random: SeededRandom
}

/** A change of the world in a window of event time. It must depend on its arguments alone. */
export interface Scenario {
  readonly name: string
  /** What becomes of a review: itself, changed, several in its place, or none. Their event times stay as they are. */
  readonly review?: (review: SimulatedReview, context: ScenarioContext) => readonly SimulatedReview[]
}

export interface ScenarioWindow {
  readonly scenario: Scenario
  /** Event time since the beginning of the world, in milliseconds. */
  readonly fromMs: number
  readonly toMs: number
}
