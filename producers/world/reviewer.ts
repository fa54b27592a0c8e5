import { SeededRandom } from '../../stats/random.ts'

const REVIEWER_STREAM = 2
const CHOICE_STREAM = 3
/** Reviews by people who never write again. With the first reviews of the others about half have no history. */
const ONE_TIME_SHARE = 0.42
/** People who write again and again, the first ones most often. */
const REGULARS = 4000
const REGULARS_SKEW = 2.2
/** One-time reviewers are numbered from here. */
const FIRST_ONE_TIME = 1_000_000

/** Habits of a reviewer: they follow from seed and number, so that no reviewer needs to be kept. */
export interface Reviewer {
  readonly index: number
  /** How readily the person tells the story, in log-odds. */
  readonly habit: number
  /** How readily their reviews are marked as spoilers, in log-odds. */
  readonly marking: number
  /** Factor of the length. */
  readonly verbosity: number
  /** Added to ratings. */
  readonly leniency: number
  /** Typing errors per character. */
  readonly typoRate: number
  /** Probability of announcing a spoiler. */
  readonly announces: number
  readonly lowerCase: boolean
  readonly paragraphs: boolean
}

/** Draws reviewers: half of them strangers, the rest with a long tail. */
export class ReviewerPool {
  private readonly seed: number
  private readonly choice: SeededRandom
  private readonly traits: SeededRandom
  private readonly seen = new Uint8Array(REGULARS)
  private oneTime = 0

  constructor(seed: number) {
    this.seed = seed
    this.choice = new SeededRandom(seed, CHOICE_STREAM)
    this.traits = new SeededRandom(seed, REVIEWER_STREAM)
  }

  next(): { readonly reviewer: Reviewer; readonly isFirst: boolean } {
    if (this.choice.chance(ONE_TIME_SHARE))
      return { reviewer: this.reviewer(FIRST_ONE_TIME + this.oneTime++), isFirst: true }
    const index = Math.floor(REGULARS * this.choice.uniform() ** REGULARS_SKEW)
    const isFirst = this.seen[index] === 0
    this.seen[index] = 1
    return { reviewer: this.reviewer(index), isFirst }
  }

  private reviewer(index: number): Reviewer {
    const { traits } = this
    traits.reseed(this.seed, REVIEWER_STREAM, index)
    return {
      index,
      habit: traits.normal(0, 0.9),
      marking: traits.normal(0, 0.5),
      verbosity: traits.lognormal(1, 0.35),
      leniency: traits.normal(0, 0.9),
      typoRate: traits.chance(0.5) ? 0 : traits.exponential(0.003),
      announces: traits.uniform() ** 3,
      lowerCase: traits.chance(0.04),
      paragraphs: traits.chance(0.3),
    }
  }
}
