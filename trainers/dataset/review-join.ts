import type { ReviewLabel } from '../../schemas/generated.ts'
import { type RecordFields, RecordSort, textsKey } from './record-sort.ts'

/** A feature row as far as the join needs it: not its text. */
export interface SeenRow {
  readonly userId: string
  readonly reviewId: string
  readonly movieId: string
  readonly revision: number
  readonly writtenAtMs: number
  readonly appendedAtMs: number
  readonly partition: number
  readonly offset: number
}

export interface KnownLabel {
  readonly isSpoiler: boolean
  readonly source: string
  readonly appendedAtMs: number
}

interface SeenLabel extends KnownLabel {
  readonly movieId: string
  readonly revision: number
}

/** A review that has a row. */
export interface JoinedReview {
  /** The row that counts. */
  readonly row: SeenRow
  /** One of each revision. */
  readonly labels: readonly (KnownLabel & { readonly revision: number })[]
  /** How many rows it has. */
  readonly rows: number
}

interface NewestRow {
  readonly key: string
  readonly row: SeenRow
  readonly rows: number
}

const ROW_FIELDS: RecordFields = {
  userId: 'string',
  reviewId: 'string',
  movieId: 'string',
  revision: 'int',
  writtenAtMs: 'long',
  appendedAtMs: 'long',
  partition: 'int',
  offset: 'long',
}
const LABEL_FIELDS: RecordFields = {
  movieId: 'string',
  revision: 'int',
  isSpoiler: 'boolean',
  source: 'string',
  appendedAtMs: 'long',
}

/**
 * The newest feature row of every review, and all its labels: a merge of two sorts on disk, without the texts. A review
 * is known by its user and its own id.
 *
 * Memory: the labels of one review.
 */
export class ReviewJoin implements Disposable {
  readonly #rows: RecordSort<SeenRow>
  readonly #labels: RecordSort<SeenLabel>

  /** @param folder For what does not fit into memory. */
  constructor(folder: string) {
    this.#rows = new RecordSort(folder, ROW_FIELDS)
    this.#labels = new RecordSort(folder, LABEL_FIELDS)
  }

  /** How many rows were added. */
  get rows(): number {
    return this.#rows.length
  }

  /** Of several rows of a review the highest revision counts, of equal ones the last. */
  addRow(row: SeenRow): void {
    this.#rows.add(keyOf(row), row)
  }

  /**
   * A label of a review that has no row is passed over, and one that names another movie: user-history refuses it too.
   * Of equal revisions the first counts.
   */
  addLabel(label: ReviewLabel, appendedAtMs: number): void {
    this.#labels.add(keyOf(label), { ...label, appendedAtMs })
  }

  /** By user, then by review. Call it after the last row and label, as often as wanted. */
  *reviews(): Generator<JoinedReview> {
    const labels = this.#labels.inOrder()
    let label = labels.next().value
    for (const { key, row, rows } of this.#newestRows()) {
      const own = new Map<number, SeenLabel>()
      for (; label !== undefined && label.key <= key; label = labels.next().value) {
        const { movieId, revision } = label.value
        if (label.key === key && movieId === row.movieId && !own.has(revision)) own.set(revision, label.value)
      }
      yield { row, labels: [...own.values()], rows }
    }
  }

  *#newestRows(): Generator<NewestRow> {
    let newest: NewestRow | undefined
    for (const { key, value } of this.#rows.inOrder()) {
      const before = newest?.key === key ? newest : undefined
      if (newest !== undefined && before === undefined) yield newest
      const row = before !== undefined && value.revision < before.row.revision ? before.row : value
      newest = { key, row, rows: (before?.rows ?? 0) + 1 }
    }
    if (newest !== undefined) yield newest
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]()
    this.#labels[Symbol.dispose]()
  }
}

/** The label of the highest revision among those that were appended before a time. */
export function labelBefore(labels: JoinedReview['labels'], untilMs: number): KnownLabel | undefined {
  let newest: JoinedReview['labels'][number] | undefined
  for (const label of labels) {
    if (label.appendedAtMs >= untilMs) continue
    if (newest === undefined || label.revision > newest.revision) newest = label
  }
  return newest
}

function keyOf({ userId, reviewId }: Pick<SeenRow, 'userId' | 'reviewId'>): string {
  return textsKey(userId, reviewId)
}
