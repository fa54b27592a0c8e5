import type { Review } from '../schemas/generated.ts'
import { labelEvent, movieEvent, reviewEvent, type EventSource, type ProducedEvent } from './event-source.ts'
import { ExternalSort } from '../platform/external-sort.ts'
import { readImdbMovie, readImdbReview, type ImdbReview } from './imdb-rows.ts'
import { delayedLabel, type LabelDelay } from './label-delay.ts'
import { LabelQueue } from './label-queue.ts'
import type { RejectLog } from './reject-log.ts'
import { parseRow, type Row } from './row-fields.ts'
import { nothingUsable, readRows } from './usable-rows.ts'

const DAY_MS = 86_400_000

export interface ImdbOptions {
  readonly reviewsFile: string
  readonly moviesFile: string
  /** Where the sort keeps its runs. */
  readonly workFolder: string
  /** Publish only the earliest reviews. */
  readonly limit?: number
  /** null publishes no labels. */
  readonly labelDelay: LabelDelay | null
  readonly rejects: RejectLog
  /** Called while the reviews are sorted, with the rows read so far. */
  readonly onSorting?: (rows: number) => void
  readonly signal?: AbortSignal
  /** Memory of a sorted run, in bytes. */
  readonly runBytes?: number
}

/**
 * The IMDB Spoiler Dataset (R. Misra) as events: movies, then reviews by date with their spoiler tags as delayed labels.
 * Constant memory: the reviews are sorted on disk, the labels in flight are those of one delay window.
 *
 * @throws SpoilerError SPL_INPUT_FILE_INVALID if a file cannot be read or holds no usable row.
 */
export async function openImdbSource(options: ImdbOptions): Promise<EventSource & Disposable> {
  using opening = new DisposableStack()
  const sort = opening.use(new ExternalSort(options.workFolder, options.runBytes))
  const { rows, firstDayMs } = await sortReviews(options, sort)
  const total = Math.min(rows, options.limit ?? Infinity)
  const progress = { reviews: 0 }
  const opened = opening.move()
  return {
    events: imdbEvents(options, sort, { firstDayMs, progress }),
    share: () => progress.reviews / total,
    rejects: options.rejects.counts,
    [Symbol.dispose]: () => opened.dispose(),
  }
}

/** Sorted by day, then by review id: so exact repeats stand side by side and count themselves without any memory. */
async function sortReviews(options: ImdbOptions, sort: ExternalSort): Promise<{ rows: number; firstDayMs: number }> {
  let rows = 0
  let firstDayMs = Infinity
  for await (const { value, bytes } of readRows(options.reviewsFile, readImdbReview, options)) {
    const { writtenAtMs, reviewId } = value.review
    sort.add(`${String(writtenAtMs / DAY_MS).padStart(7, '0')}${reviewId}`, bytes)
    firstDayMs = Math.min(firstDayMs, writtenAtMs)
    if (++rows % 1000 === 0) {
      options.signal?.throwIfAborted()
      options.onSorting?.(rows)
    }
  }
  if (rows === 0) throw nothingUsable(options.reviewsFile, options.rejects)
  return { rows, firstDayMs }
}

async function* imdbEvents(
  options: ImdbOptions,
  sort: ExternalSort,
  { firstDayMs, progress }: { firstDayMs: number; progress: { reviews: number } },
): AsyncGenerator<ProducedEvent> {
  let movies = 0
  // the data set does not say when its metadata was collected: it counts as known when the first review is written
  const readMovie = (row: Row): ReturnType<typeof readImdbMovie> => readImdbMovie(row, firstDayMs)
  for await (const { value, line, bytes } of readRows(options.moviesFile, readMovie, options)) {
    for (const reason of value.notes) options.rejects.add({ file: options.moviesFile, line, reason, bytes })
    movies++
    yield movieEvent(value.movie)
  }
  if (movies === 0) throw nothingUsable(options.moviesFile, options.rejects)
  const labels = new LabelQueue()
  for (const { review, isSpoiler } of withOrdinals(sort, options.limit ?? Infinity)) {
    for (const label of labels.release(review.writtenAtMs)) yield labelEvent(label)
    progress.reviews++
    yield reviewEvent(review)
    if (options.labelDelay) labels.push(delayedLabel(review, isSpoiler, options.labelDelay))
  }
  for (const label of labels.release(Infinity)) yield labelEvent(label)
}

/** The nth exact repeat of a review, in the order of the file, gets `-n` behind its id. */
function* withOrdinals(sort: ExternalSort, limit: number): Generator<ImdbReview> {
  let previousKey = ''
  let ordinal = 0
  let taken = 0
  for (const { key, payload } of sort.sorted()) {
    if (taken++ >= limit) return
    const read = readImdbReview((parseRow(payload) as { value: Row }).value)
    if (!read.ok) throw new TypeError(`a row that was valid before the sort is not after it: ${read.reason}`)
    ordinal = key === previousKey ? ordinal + 1 : 0
    previousKey = key
    yield ordinal === 0 ? read.value : { ...read.value, review: withOrdinal(read.value.review, ordinal) }
  }
}

function withOrdinal(review: Review, ordinal: number): Review {
  return { ...review, reviewId: `${review.reviewId}-${ordinal}` }
}
