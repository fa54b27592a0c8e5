import { type ProgressDeps, StepProgress } from './build-progress.ts'
import { type DatasetRow, type Span, SPANS, typesOf } from './dataset-row.ts'
import type { LabelClock } from './label-clock.ts'
import type { LeftOut } from './manifest.ts'
import { type KeyedRecord, numbersKey, RecordSort } from './record-sort.ts'
import { type JoinedReview, labelBefore, type ReviewJoin, type SeenRow } from './review-join.ts'
import { planSpans, type SortedTimes, type SpanPlan, type SplitOptions } from './split.ts'

/** What was read of the two logs. */
export interface ReadLogs {
  readonly reviews: ReviewJoin
  readonly clock: LabelClock
}

export interface DecideOptions {
  readonly split: SplitOptions
  readonly maturityMs: number
  /** Another one only in tests. */
  readonly plan?: typeof planSpans
  /** For what does not fit into memory. */
  readonly sortFolder: string
}

type Reason = Exclude<keyof LeftOut, 'otherFeatureService' | 'superseded'>
const DECIDED = ['span', 'label', 'labelSource', 'labelAppendedAtMs'] as const
/** The span of a row that stays, and the label that it has there. */
type Decision = Pick<DatasetRow, (typeof DECIDED)[number]>

/** What becomes of the newest row of each review. */
export interface Decisions extends Disposable {
  readonly plan: SpanPlan
  readonly reviews: number
  readonly kept: number
  readonly leftOut: Readonly<Record<Reason, number>>
  /** The rows that stay, by {@link rowKey}. */
  readonly inOrder: () => Generator<KeyedRecord<Decision>, undefined>
}

/** The place of a row among all: sorts as compareRows does. */
export function rowKey(row: Pick<SeenRow, 'appendedAtMs' | 'partition' | 'offset'>): string {
  const { appendedAtMs, partition, offset } = row
  return numbersKey(appendedAtMs, partition, offset)
}

/**
 * Walks through the reviews twice: spans of time are cut between append times of those that are labelled and mature,
 * and only then it is known which labels of which rows count. Memory: the rows that one user has in the gate.
 *
 * @throws AbortError when the signal aborted first.
 */
export async function decideRows(
  { reviews, clock }: ReadLogs,
  { split, maturityMs, plan: planOf = planSpans, sortFolder }: DecideOptions,
  progress: ProgressDeps,
): Promise<Decisions> {
  const isMature = (row: SeenRow, knownMs: number): boolean =>
    maturityMs === 0 || row.writtenAtMs + maturityMs <= knownMs
  const inTime = split.by === 'time' || split.by === 'cold-user'
  const step = new StepProgress({ step: 'joining', total: (inTime ? 2 : 1) * reviews.rows }, progress)

  using candidates = new CandidateTimes(sortFolder)
  const newestMs = clock.before(Infinity)
  if (inTime)
    for (const { row, labels, rows } of reviews.reviews()) {
      if (labels.length > 0 && isMature(row, newestMs)) candidates.add(row.appendedAtMs)
      await step.advance(rows)
    }
  const plan = planOf(split, candidates)
  const untilOf = (span: Span): number => plan.times[span].labelsUntilMs ?? Infinity
  const knownMs = new Map(SPANS.map((span) => [span, clock.before(untilOf(span))]))

  const decide = ({ row, labels }: JoinedReview): Decision | Reason => {
    const span = plan.spanOf(row)
    if (!isMature(row, knownMs.get(span) as number)) return 'immature'
    if (labels.length === 0) return 'unlabelled'
    const label = labelBefore(labels, untilOf(span))
    if (label === undefined) return 'labelAfterCutoff'
    const { isSpoiler, source: labelSource, appendedAtMs: labelAppendedAtMs } = label
    return { span, label: isSpoiler, labelSource, labelAppendedAtMs }
  }
  await using opening = new AsyncDisposableStack()
  const settled = opening.use(new Settled(sortFolder, split.by === 'cold-user'))
  for (const review of reviews.reviews()) {
    settled.add(review.row, decide(review))
    await step.advance(review.rows)
  }
  settled.endUser()
  step.end()
  opening.move()
  return settled.decisions(plan)
}

/** Append times of the reviews that spans of time are cut between. */
class CandidateTimes implements SortedTimes, Disposable {
  readonly #times: RecordSort<object>

  constructor(folder: string) {
    this.#times = new RecordSort(folder, {})
  }

  get length(): number {
    return this.#times.length
  }

  add(timeMs: number): void {
    this.#times.add(numbersKey(timeMs), {})
  }

  at(rank: number): number | undefined {
    let passed = 0
    for (const { key } of this.#times.inOrder()) if (passed++ === rank) return Number(key)
    return undefined
  }

  [Symbol.dispose](): void {
    this.#times[Symbol.dispose]()
  }
}

/** Outcomes of the reviews, user by user. */
class Settled implements Disposable {
  readonly #coldGate: boolean
  readonly #kept: RecordSort<Decision>
  readonly #leftOut = { immature: 0, unlabelled: 0, labelAfterCutoff: 0, userKnown: 0 }
  #reviews = 0
  #user: string | undefined
  /** Whether an earlier span than the gate has rows of the user. */
  #isKnown = false
  #gate: KeyedRecord<Decision>[] = []

  /** @param coldGate The gate keeps only rows of users that no earlier span has. */
  constructor(folder: string, coldGate: boolean) {
    this.#coldGate = coldGate
    this.#kept = new RecordSort(folder, typesOf(DECIDED))
  }

  add(row: SeenRow, outcome: Decision | Reason): void {
    if (row.userId !== this.#user) this.endUser()
    this.#user = row.userId
    this.#reviews += 1
    if (typeof outcome === 'string') this.#leftOut[outcome] += 1
    else if (this.#coldGate && outcome.span === 'gate') this.#gate.push({ key: rowKey(row), value: outcome })
    else {
      this.#isKnown = true
      this.#kept.add(rowKey(row), outcome)
    }
  }

  endUser(): void {
    if (this.#isKnown) this.#leftOut.userKnown += this.#gate.length
    else for (const { key, value } of this.#gate) this.#kept.add(key, value)
    this.#gate = []
    this.#isKnown = false
  }

  decisions(plan: SpanPlan): Decisions {
    return {
      plan,
      reviews: this.#reviews,
      kept: this.#kept.length,
      leftOut: this.#leftOut,
      inOrder: () => this.#kept.inOrder(),
      [Symbol.dispose]: () => this[Symbol.dispose](),
    }
  }

  [Symbol.dispose](): void {
    this.#kept[Symbol.dispose]()
  }
}
