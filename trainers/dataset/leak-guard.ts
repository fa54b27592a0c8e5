import { SpoilerError } from '../../platform/spoiler-error.ts'
import { compareRows, type DatasetRow, type Span, typesOf } from './dataset-row.ts'
import type { DatasetContent, SplitBy } from './manifest.ts'
import { idsOf, RecordSort, textsKey } from './record-sort.ts'

interface GuardedSplit {
  readonly by: SplitBy
  readonly spans: readonly Pick<DatasetContent['spans'][number], 'span' | 'fromMs' | 'untilMs' | 'labelsUntilMs'>[]
}

const PLACE = ['reviewId', 'span'] as const
type Place = Pick<DatasetRow, (typeof PLACE)[number]>
/** What must not stand in the data set twice, or not in two spans. */
const REVIEW = 'review'
const MOVIE = 'movie'
const USER = 'user'

/**
 * Proves of the rows of a data set, whatever made them, that no review stands in it twice, that each span has only rows
 * and labels of its times, and, by the split, that spans and their labels end where the next span begins, that no movie
 * stands in two spans and no user of the gate in another one. It knows nothing of how spans are chosen.
 *
 * What is to be compared with all rows is sorted on disk.
 */
export class LeakGuard implements Disposable {
  readonly #split: GuardedSplit
  readonly #places: RecordSort<Place>
  readonly #last = new Map<Span, DatasetRow>()

  /**
   * @param folder For what does not fit into memory.
   * @throws SpoilerError SPL_DATASET_LEAK when spans of time, or their labels, overlap.
   */
  constructor(split: GuardedSplit, folder: string) {
    if (split.by === 'time' || split.by === 'cold-user') assertConsecutive(split)
    this.#split = split
    this.#places = new RecordSort(folder, typesOf(PLACE))
  }

  /** Rows of a span must come in their order. @throws SpoilerError SPL_DATASET_LEAK */
  check(row: DatasetRow): void {
    this.#checkTimes(row)
    const last = this.#last.get(row.span)
    if (last !== undefined && compareRows(last, row) >= 0) throw leak(row, `stands behind review ${last.reviewId}`)
    this.#last.set(row.span, row)
    const { reviewId, userId, movieId, span } = row
    this.#places.add(textsKey(REVIEW, userId, reviewId), { reviewId, span })
    if (this.#split.by === 'movie') this.#places.add(textsKey(MOVIE, movieId), { reviewId, span })
    if (this.#split.by === 'cold-user') this.#places.add(textsKey(USER, userId), { reviewId, span })
  }

  /** What only all rows together show. @throws SpoilerError SPL_DATASET_LEAK */
  end(): void {
    let last: { readonly key: string; readonly value: Place } | undefined
    for (const one of this.#places.inOrder()) {
      if (last?.key === one.key) checkTogether(one.key, last.value, one.value)
      last = one
    }
  }

  [Symbol.dispose](): void {
    this.#places[Symbol.dispose]()
  }

  #checkTimes(row: DatasetRow): void {
    const times = this.#split.spans.find(({ span }) => span === row.span)
    if (times === undefined) throw leak(row, 'is in a span that the manifest does not have')
    const { fromMs, untilMs, labelsUntilMs } = times
    if (row.appendedAtMs < (fromMs ?? -Infinity) || row.appendedAtMs >= (untilMs ?? Infinity))
      throw leak(row, 'lies outside the times of its span')
    if (row.labelAppendedAtMs >= (labelsUntilMs ?? Infinity)) throw leak(row, 'has a label of a later span')
  }
}

/** Two places of one review, movie or user. */
function checkTogether(key: string, before: Place, place: Place): void {
  const [kind, id = ''] = idsOf(key)
  if (kind === REVIEW) throw leak(place, 'stands in the data set twice')
  if (kind === MOVIE && before.span !== place.span)
    throw leak(place, `is of movie ${id}, which also stands in ${before.span}`)
  if (kind === USER && (before.span === 'gate') !== (place.span === 'gate'))
    throw leak(place, `is of user ${id}, who also stands in another span`)
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

function leak({ reviewId, span }: Place, what: string): SpoilerError {
  return new SpoilerError('SPL_DATASET_LEAK', `checking the split: review ${reviewId} in ${span} ${what}`, {
    onError: 'stop',
    context: { reviewId, span },
  })
}
