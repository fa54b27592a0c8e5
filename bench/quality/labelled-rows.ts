import { join } from 'node:path'
import { readByteLines } from '../../producers/byte-lines.ts'
import type { ProducedEvent } from '../../producers/event-source.ts'
import { openImdbSource } from '../../producers/imdb-source.ts'
import { openRejectLog } from '../../producers/reject-log.ts'
import type { Review } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'
import { chain } from '../../test/support/fold-chain.ts'
import type { Log } from '../../test/support/review-world.ts'
import type { DatasetRow } from '../../trainers/dataset/dataset-row.ts'

const DAY_MS = 86_400_000
/** Of data without dates. */
const SOME_TIME_MS = Date.UTC(2011, 0, 1)
/** What announces a spoiler, where that is what the label was made of. */
const ANNOUNCEMENT = /spoil\w*/gi

/** A labelled review that has no span yet. */
export type LabelledRow = Omit<DatasetRow, 'span'>

/** A review or sentence of data that knows neither author nor time. */
interface Text {
  readonly id: string
  readonly movieId: string
  readonly text: string
  readonly rating: number | null
  readonly isSpoiler: boolean
}

/** The reviews of one film, in the order of their dates, with the author's own spoiler tag: as the log would have them. */
export async function imdbRows(data: string, workFolder: string): Promise<LabelledRow[]> {
  using rejects = openRejectLog(join(workFolder, 'rejects.jsonl'))
  using source = await openImdbSource({
    reviewsFile: join(data, 'imdb_spoiler_one_movie.jsonl.xz'),
    moviesFile: join(data, 'imdb_movie_details_one_movie.jsonl'),
    workFolder,
    labelDelay: { meanMs: 3 * DAY_MS, spreadMs: DAY_MS },
    rejects,
  })
  const events: ProducedEvent[] = []
  for await (const event of source.events) events.push(event)
  const labels = new Map<string, boolean>()
  for (const { topic, value } of events) if (topic === 'reviewLabels') labels.set(value.reviewId, value.isSpoiler)
  return rowsOf(logOf(events), labels)
}

/**
 * Reviews of about 7,000 films. Those whose author warns of a spoiler are taken for spoilers, those that do not hold
 * the word for others, which they are not all; the rest is left out. Nothing in the texts announces a spoiler any more.
 */
export async function declaredRows(data: string): Promise<LabelledRow[]> {
  const declared = new Set<string>()
  for (const line of await linesOf(join(data, 'acl_author_declared.tsv'))) {
    const [id = '', , label] = line.split('\t')
    if (label === 'declared_spoiler') declared.add(id)
  }
  const texts = new Map<string, Text>()
  for (const line of await linesOf(join(data, 'aclimdb_50k.jsonl.xz'))) {
    const { review_id: id, movie_id: movieId, review_text: raw, rating } = JSON.parse(line) as AclReview
    const isSpoiler = declared.has(id)
    const text = raw.replace(ANNOUNCEMENT, ' ')
    if (isSpoiler || text === raw) texts.set(raw, { id, movieId, text, rating, isSpoiler })
  }
  return textRows([...texts.values()])
}

interface AclReview {
  readonly review_id: string
  readonly movie_id: string
  readonly review_text: string
  readonly rating: number
}

interface MarkedSentence {
  readonly id: string | number
  readonly text: string
  readonly is_spoiler: boolean
  readonly split?: 'train' | 'test'
}

/** Sentences, each as if it were a review. A text counts once, in the part in which it stands first. */
export async function sentenceRows(file: string): Promise<Readonly<Record<'train' | 'test', LabelledRow[]>>> {
  const texts = new Map<string, Text & { readonly split: 'train' | 'test' }>()
  for (const line of await linesOf(file)) {
    const { id, text, is_spoiler: isSpoiler, split = 'train' } = JSON.parse(line) as MarkedSentence
    if (texts.has(text) || text.trim() === '') continue
    texts.set(text, { id: `s${id}`, movieId: 'unknown', text, rating: null, isSpoiler, split })
  }
  const of = (wanted: 'train' | 'test'): LabelledRow[] =>
    textRows([...texts.values()].filter(({ split }) => split === wanted))
  return { train: of('train'), test: of('test') }
}

function textRows(texts: readonly Text[]): LabelledRow[] {
  const labels = new Map(texts.map(({ id, isSpoiler }) => [id, isSpoiler]))
  const events = texts.map(({ id, movieId, text, rating }, i): ProducedEvent => {
    const eventTimeMs = SOME_TIME_MS + i * 1_000
    const review: Review = {
      reviewId: id,
      userId: `author of ${id}`,
      movieId,
      text,
      summary: null,
      rating,
      writtenAtMs: eventTimeMs,
      revision: 0,
    }
    return { topic: 'reviews', value: review, eventTimeMs }
  })
  return rowsOf(logOf(events), labels)
}

function logOf(events: readonly ProducedEvent[]): Log {
  return events.map(({ topic, value, eventTimeMs }, offset) => {
    return {
      key: null,
      value,
      position: { topic: topics[topic].name, partition: 0, offset },
      appendedAtMs: eventTimeMs,
    }
  })
}

/** Feature rows as the folds make them. */
function rowsOf(log: Log, labels: ReadonlyMap<string, boolean>): LabelledRow[] {
  return chain(log).rows.flatMap(({ reviewAppendedAtMs: appendedAtMs, ...row }, offset) => {
    const label = labels.get(row.reviewId)
    if (label === undefined) return []
    return [{ ...row, appendedAtMs, partition: 0, offset, label, labelSource: 'data', labelAppendedAtMs: appendedAtMs }]
  })
}

async function linesOf(file: string): Promise<string[]> {
  const lines: string[] = []
  for await (const batch of readByteLines(file)) for (const { bytes } of batch) lines.push(bytes.toString('utf8'))
  return lines
}
