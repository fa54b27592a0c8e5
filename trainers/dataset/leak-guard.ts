import { SpoilerError } from '../../platform/spoiler-error.ts'
import { compareRows, type DatasetRow, type Span } from './dataset-row.ts'
import type { DatasetContent, SplitBy } from './manifest.ts'

interface GuardedSplit {
  readonly by: SplitBy
  readonly spans: readonly Pick<DatasetContent['spans'][number], 'span' | 'fromMs' | 'untilMs' | 'labelsUntilMs'>[]
}

/**
 * Proves of the rows of a data set, whatever made them, that no review stands in it twice, that each span has only rows
 * and labels of its times, and, by the split, that spans and their labels end where the next span begins, that no movie
 * stands in two spans and no user of the gate in another one. It knows nothing of how spans are chosen.
 */
export class LeakGuard {
  readonly #split: GuardedSplit
  readonly #numberOf: (row: DatasetRow) => number
  readonly #seen = new Set<number>()
  readonly #last = new Map<Span, DatasetRow>()
  readonly #movies = new Map<string, Span>()
  readonly #users = new Map<string, 'gate' | 'earlier'>()

  /**
   * @param numberOf Equal for rows of the same review, and different for others.
   * @throws SpoilerError SPL_DATASET_LEAK when spans of time, or their labels, overlap.
   */
  constructor(split: GuardedSplit, numberOf: (row: DatasetRow) => number) {
    if (split.by === 'time' || split.by === 'cold-user') assertConsecutive(split)
    this.#split = split
    this.#numberOf = numberOf
  }

  /** Rows of a span must come in their order. @throws SpoilerError SPL_DATASET_LEAK */
  check(row: DatasetRow): void {
    const review = this.#numberOf(row)
    if (this.#seen.has(review)) throw leak(row, 'stands in the data set twice')
    this.#seen.add(review)
    this.#checkTimes(row)
    const last = this.#last.get(row.span)
    if (last !== undefined && compareRows(last, row) >= 0) throw leak(row, `stands behind review ${last.reviewId}`)
    this.#last.set(row.span, row)
    if (this.#split.by === 'movie') this.#checkMovie(row)
    if (this.#split.by === 'cold-user') this.#checkUser(row)
  }

  #checkTimes(row: DatasetRow): void {
    const times = this.#split.spans.find(({ span }) => span === row.span)
    if (times === undefined) throw leak(row, 'is in a span that the manifest does not have')
    const { fromMs, untilMs, labelsUntilMs } = times
    if (row.appendedAtMs < (fromMs ?? -Infinity) || row.appendedAtMs >= (untilMs ?? Infinity))
      throw leak(row, 'lies outside the times of its span')
    if (row.labelAppendedAtMs >= (labelsUntilMs ?? Infinity)) throw leak(row, 'has a label of a later span')
  }

  #checkMovie(row: DatasetRow): void {
    const other = this.#movies.get(row.movieId) ?? row.span
    if (other !== row.span) throw leak(row, `is of movie ${row.movieId}, which also stands in ${other}`)
    this.#movies.set(row.movieId, row.span)
  }

  #checkUser(row: DatasetRow): void {
    const side = row.span === 'gate' ? 'gate' : 'earlier'
    const other = this.#users.get(row.userId) ?? side
    if (other !== side) throw leak(row, `is of user ${row.userId}, who also stands in another span`)
    this.#users.set(row.userId, side)
  }
}

/** What a span is fitted on must have been known before the first row of the next one came. */
function assertConsecutive({ spans }: GuardedSplit): void {
  for (const [i, next] of spans.entries()) {
    const span = spans[i - 1]
    if (span === undefined) continue
    const beginMs = next.fromMs ?? -Infinity
    if ((span.untilMs ?? Infinity) <= beginMs && (span.labelsUntilMs ?? Infinity) <= beginMs) continue
    const doing = `checking the split: ${span.span}, or its labels, do not end where ${next.span} begins`
    throw new SpoilerError('SPL_DATASET_LEAK', doing, { onError: 'stop', context: { span, next } })
  }
}

function leak({ reviewId, span }: DatasetRow, what: string): SpoilerError {
  return new SpoilerError('SPL_DATASET_LEAK', `checking the split: review ${reviewId} in ${span} ${what}`, {
    onError: 'stop',
    context: { reviewId, span },
  })
}
