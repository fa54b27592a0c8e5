import type { ReviewLabel } from '../../schemas/generated.ts'

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

const NONE = -1
const FIRST_CAPACITY = 1024

/** Numbers, 8 bytes each. */
class NumberList {
  #values = new Float64Array(FIRST_CAPACITY)
  #length = 0

  get length(): number {
    return this.#length
  }
  at(index: number): number {
    return this.#values[index] as number
  }
  set(index: number, value: number): void {
    this.#values[index] = value
  }
  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length] = value
    this.#length += 1
  }
}

/**
 * The newest feature row of every review, and all its labels: what a join of two logs has to hold, without the texts.
 * Reviews are numbered from 0 in the order in which they come. A review is known by its user and its own id.
 *
 * Memory: about 230 bytes for a review with one label and ids of 20 characters, 48 more for each further label.
 */
export class ReviewTable {
  readonly #numbers = new Map<string, number>()
  readonly #keys: string[] = []
  readonly #movieIds: string[] = []
  readonly #knownMovies = new Map<string, string>()
  readonly #rows = {
    revision: new NumberList(),
    writtenAtMs: new NumberList(),
    appendedAtMs: new NumberList(),
    partition: new NumberList(),
    offset: new NumberList(),
    /** Newest label; each label points to the one before. */
    label: new NumberList(),
  }
  readonly #labels = {
    revision: new NumberList(),
    appendedAtMs: new NumberList(),
    isSpoiler: new NumberList(),
    source: new NumberList(),
    before: new NumberList(),
  }
  readonly #sources: string[] = []

  get size(): number {
    return this.#keys.length
  }

  /** Of several rows of a review the highest revision counts, of equal ones the last. */
  addRow(row: SeenRow): void {
    const key = keyOf(row)
    const known = this.#numbers.get(key)
    if (known === undefined) {
      this.#numbers.set(key, this.#keys.length)
      this.#keys.push(key)
      this.#movieIds.push(this.#movieId(row.movieId))
      for (const field of ROW_FIELDS) this.#rows[field].push(row[field])
      this.#rows.label.push(NONE)
    } else if (row.revision >= this.#rows.revision.at(known)) {
      this.#movieIds[known] = this.#movieId(row.movieId)
      for (const field of ROW_FIELDS) this.#rows[field].set(known, row[field])
    }
  }

  /**
   * Call it once all rows are there. A label of a review that has no row is passed over, and one that names another
   * movie: user-history refuses it too. Of equal revisions the first counts.
   */
  addLabel(label: ReviewLabel, appendedAtMs: number): void {
    const review = this.#numbers.get(keyOf(label))
    if (review === undefined || label.movieId !== this.#movieIds[review]) return
    for (const known of this.#labelsOf(review)) if (this.#labels.revision.at(known) === label.revision) return
    const { revision, appendedAtMs: appended, isSpoiler, source, before } = this.#labels
    before.push(this.#rows.label.at(review))
    this.#rows.label.set(review, revision.length)
    revision.push(label.revision)
    appended.push(appendedAtMs)
    isSpoiler.push(label.isSpoiler ? 1 : 0)
    source.push(this.#sourceNumber(label.source))
  }

  /** @throws RangeError for a review that has no row. */
  numberOf(review: Pick<SeenRow, 'userId' | 'reviewId'>): number {
    const number = this.#numbers.get(keyOf(review))
    if (number === undefined) throw new RangeError(`review ${review.reviewId} was not read`)
    return number
  }

  /** The row that counts. */
  row(review: number): SeenRow {
    const [userId = '', reviewId = ''] = (this.#keys[review] as string).split(SEPARATOR)
    const movieId = this.#movieIds[review] as string
    const field = (name: (typeof ROW_FIELDS)[number]): number => this.#rows[name].at(review)
    return {
      userId,
      reviewId,
      movieId,
      revision: field('revision'),
      writtenAtMs: field('writtenAtMs'),
      appendedAtMs: field('appendedAtMs'),
      partition: field('partition'),
      offset: field('offset'),
    }
  }

  hasLabel(review: number): boolean {
    return this.#rows.label.at(review) !== NONE
  }

  /** The label of the highest revision among those that were appended before a time. */
  labelBefore(review: number, untilMs: number): KnownLabel | undefined {
    let newest: number | undefined
    for (const label of this.#labelsOf(review)) {
      if (this.#labels.appendedAtMs.at(label) >= untilMs) continue
      if (newest === undefined || this.#labels.revision.at(label) > this.#labels.revision.at(newest)) newest = label
    }
    if (newest === undefined) return undefined
    const { appendedAtMs, isSpoiler, source } = this.#labels
    return {
      isSpoiler: isSpoiler.at(newest) === 1,
      source: this.#sources[source.at(newest)] as string,
      appendedAtMs: appendedAtMs.at(newest),
    }
  }

  *#labelsOf(review: number): Generator<number> {
    for (let label = this.#rows.label.at(review); label !== NONE; label = this.#labels.before.at(label)) yield label
  }

  /** One string for all reviews of a movie. */
  #movieId(movieId: string): string {
    const known = this.#knownMovies.get(movieId)
    if (known === undefined) this.#knownMovies.set(movieId, movieId)
    return known ?? movieId
  }

  #sourceNumber(source: string): number {
    const known = this.#sources.indexOf(source)
    return known >= 0 ? known : this.#sources.push(source) - 1
  }
}

const ROW_FIELDS = ['revision', 'writtenAtMs', 'appendedAtMs', 'partition', 'offset'] as const
/** Ids hold no control characters: intake refuses them. */
const SEPARATOR = '\u0000'

function keyOf({ userId, reviewId }: Pick<SeenRow, 'userId' | 'reviewId'>): string {
  return `${userId}${SEPARATOR}${reviewId}`
}

/**
 * How far the labels had come, in event time, at a time of the log. One clock of all partitions, since a label of any
 * of them shows that its publishers had come so far.
 *
 * Memory: 16 bytes for each label that is younger than all before it in its partition.
 */
export class LabelClock {
  readonly #steps = new Map<number, { readonly appendedAtMs: NumberList; readonly labelledAtMs: NumberList }>()

  /** Labels of a partition come in the order of its log. */
  add(partition: number, appendedAtMs: number, labelledAtMs: number): void {
    const steps = this.#steps.get(partition) ?? { appendedAtMs: new NumberList(), labelledAtMs: new NumberList() }
    this.#steps.set(partition, steps)
    const last = steps.labelledAtMs.length - 1
    if (last >= 0 && labelledAtMs <= steps.labelledAtMs.at(last)) return
    // a broker whose clock was set back must not make the list unsorted
    steps.appendedAtMs.push(last < 0 ? appendedAtMs : Math.max(appendedAtMs, steps.appendedAtMs.at(last)))
    steps.labelledAtMs.push(labelledAtMs)
  }

  /** Largest event time of a label appended before a time; -Infinity where there is none. */
  before(untilMs: number): number {
    const newest = [...this.#steps.values()].map(({ appendedAtMs, labelledAtMs }) => {
      const count = countBelow(appendedAtMs, untilMs)
      return count === 0 ? -Infinity : labelledAtMs.at(count - 1)
    })
    return Math.max(-Infinity, ...newest)
  }
}

/** How many numbers of a sorted list are smaller. */
function countBelow(sorted: NumberList, limit: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted.at(middle) < limit) low = middle + 1
    else high = middle
  }
  return low
}
