// Beside the real Feast: minutes to install, so that `npm run test:feast` runs it and `npm test` does not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SourcedRecord } from '../../connectors/dataset-source.ts'
import type { ProducedEvent } from '../../producers/event-source.ts'
import { TWO_YEARS_MS, World } from '../../producers/world/world.ts'
import type { ReviewFeatures, ReviewLabel } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'
import { SeededRandom } from '../../stats/random.ts'
import { type DatasetRow, SPANS } from '../../trainers/dataset/dataset-row.ts'
import type { DatasetManifest } from '../../trainers/dataset/manifest.ts'
import { openDataset } from '../../trainers/dataset/open-dataset.ts'
import { type JoinedReview, labelBefore, ReviewJoin, type SeenRow } from '../../trainers/dataset/review-join.ts'
import { type Logs, partitioned } from '../support/memory-source.ts'
import { runPythonTool } from '../support/python-tool.ts'
import type { Log } from '../support/review-world.ts'
import { buildFromLogs, logsOf, WORLD_START } from '../support/world-dataset.ts'
import { type ArchivedRecord, archiveTopic, TOPICS_FOLDER } from './archive.ts'

const REVIEWS = 10_000
const DAY_MS = 86_400_000
const REVISED_AFTER_MS = 9 * DAY_MS
/** Several labels of a review may come in between: they get one append time. */
const APPENDED_EVERY_MS = 4 * DAY_MS

/** A review, and when it is asked what was known of it. */
interface Moment extends Pick<ReviewFeatures, 'userId' | 'reviewId'> {
  readonly atMs: number
}
interface KnownLabel {
  readonly isSpoiler: boolean
  readonly source: string
}
interface Known {
  readonly values: readonly number[] | null
  readonly label: KnownLabel | null
}
/** What Feast says; of a label also what nobody compares. */
interface Answer {
  readonly features: { readonly values: readonly number[] } | null
  readonly label: KnownLabel | null
}

let folder: string
let logs: Logs
let labels: ArchivedRecord<ReviewLabel>[]
let reviews: Map<string, JoinedReview>
let rowsOf: Map<string, ReviewFeatures[]>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'feast-'))
  const log = appendedInBulk()
  logs = logsOf(log)
  labels = partitioned(
    log.filter(({ position }) => position.topic === topics.reviewLabels.name),
    ({ value }) => (value as ReviewLabel).reviewId,
  ).map(({ value: { value, appendedAtMs }, ...at }) => ({ ...at, appendedAtMs, value: value as ReviewLabel }))
  reviews = joinedReviews()
  rowsOf = Map.groupBy(
    logs.reviewFeatures.map(({ value }) => value),
    ({ reviewId }) => reviewId,
  )
  await archive('true', { rows: logs.reviewFeatures, labels })
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/**
 * A world that was appended in one go every four days, as a bulk load does; of some reviews a second version comes later.
 */
function appendedInBulk(): Log {
  const world = new World({ ...WORLD_START, backMs: 2 * TWO_YEARS_MS, reviews: REVIEWS })
  const events = [...world.events()].flatMap((event, i): ProducedEvent[] => {
    if (event.topic !== 'reviews' || i % 20 > 0) return [event]
    const eventTimeMs = event.eventTimeMs + REVISED_AFTER_MS
    return [
      event,
      { ...event, eventTimeMs, value: { ...event.value, text: `${event.value.text} Still true.`, revision: 1 } },
    ]
  })
  const dated = events.map((event) => ({
    ...event,
    appendedAtMs: Math.ceil(event.eventTimeMs / APPENDED_EVERY_MS) * APPENDED_EVERY_MS,
  }))
  return dated
    .sort((a, b) => a.appendedAtMs - b.appendedAtMs)
    .map(({ topic, value, appendedAtMs }, offset) => {
      return { key: null, value, position: { topic: topics[topic].name, partition: 0, offset }, appendedAtMs }
    })
}

/** As a data set joins them; the folder of its sorts is gone afterwards. */
function joinedReviews(): Map<string, JoinedReview> {
  using join = new ReviewJoin(folder)
  for (const { value, ...at } of logs.reviewFeatures)
    join.addRow({ ...value, ...at, appendedAtMs: value.reviewAppendedAtMs })
  for (const { value } of logs.userActivity)
    if (value.label !== null) join.addLabel(value.label, value.sourceAppendedAtMs)
  return new Map(Array.from(join.reviews(), (review) => [review.row.reviewId, review]))
}

interface Archived {
  readonly rows: Logs['reviewFeatures']
  readonly labels: readonly ArchivedRecord<ReviewLabel>[]
}

async function archive(name: string, archived: Archived): Promise<void> {
  const rows = archived.rows.map((record) => ({ ...record, appendedAtMs: record.value.reviewAppendedAtMs }))
  await archiveTopic(join(folder, name), 'reviewFeatures', rows)
  await archiveTopic(join(folder, name), 'reviewLabels', archived.labels)
}

async function askFeast(name: string, moments: readonly Moment[]): Promise<Answer[]> {
  const [asked, out] = [join(folder, `${name}.moments`), join(folder, `${name}.answers`)]
  writeFileSync(asked, moments.map((moment) => `${JSON.stringify(moment)}\n`).join(''))
  await runPythonTool('feast', 'feast_join.py', [join(folder, name, TOPICS_FOLDER), asked, out])
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(moments.length)
  return lines.map((line) => JSON.parse(line) as Answer)
}

interface Compared {
  readonly different: string[]
  /** The newest labels of the review share an append time: Feast takes any of them, we the highest revision. */
  readonly ties: string[]
}

function compare(moments: readonly Moment[], ours: readonly Known[], theirs: readonly Answer[]): Compared {
  const compared: Compared = { different: [], ties: [] }
  moments.forEach(({ reviewId, atMs }, i) => {
    const [our, their] = [ours[i] as Known, theirs[i] as Answer]
    if (JSON.stringify(our.values) !== JSON.stringify(their.features?.values ?? null))
      compared.different.push(`values of ${reviewId} at ${atMs}`)
    const own = (reviews.get(reviewId) as JoinedReview).labels.filter(({ appendedAtMs }) => appendedAtMs <= atMs)
    const newestMs = Math.max(...own.map(({ appendedAtMs }) => appendedAtMs))
    const newest = own.filter(({ appendedAtMs }) => appendedAtMs === newestMs)
    if (newest.length > 1) {
      compared.ties.push(reviewId)
      if (newest.some((label) => isSame(label, their.label))) return
    }
    if (!isSame(our.label, their.label)) compared.different.push(`label of ${reviewId} at ${atMs}`)
  })
  return compared
}

function isSame(one: KnownLabel | null, other: KnownLabel | null): boolean {
  return one?.isSpoiler === other?.isSpoiler && one?.source === other?.source
}

/** Before which append time the labels of a row are known. */
function cutOff({ spans }: DatasetManifest, { appendedAtMs: atMs }: SeenRow): number {
  const own = spans.find(({ fromMs, untilMs }) => atMs >= (fromMs ?? 0) && atMs < (untilMs ?? Infinity))
  return own?.labelsUntilMs ?? WORLD_START.startMs + 30 * DAY_MS
}

test('the rows and labels of a data set are those that Feast joins at the cut-off of each span', async () => {
  const dataset = join(folder, 'dataset')
  const manifest = await buildFromLogs(logs, {}, { folder: dataset, sortFolder: folder })
  const { rows } = await openDataset(dataset)
  const kept = new Map<string, DatasetRow>()
  for (const span of SPANS) for await (const row of rows(span)) kept.set(row.reviewId, row)
  const moments = [...reviews.values()].map(({ row }) => {
    return { userId: row.userId, reviewId: row.reviewId, atMs: cutOff(manifest, row) - 1 } // at it is too late for us
  })
  const ours = moments.map((moment): Known => {
    const row = kept.get(moment.reviewId)
    if (row === undefined) return { ...knownAt(moment), label: null }
    return { values: row.values, label: { isSpoiler: row.label, source: row.labelSource } }
  })
  const { different, ties } = compare(moments, ours, await askFeast('true', moments))
  expect(different).toEqual([])
  expect(moments).toHaveLength(REVIEWS)
  expect(kept.size).toBe(manifest.counts.kept)
  expect(manifest.counts.leftOut.labelAfterCutoff, 'some labels came too late').toBeGreaterThan(10)
  report('at the cut-off of its span', moments, ties)
})

/** From before a review is there until most labels have come and been revised. */
function anyMoments(): Moment[] {
  const random = new SeededRandom(5)
  return [...reviews.values()].map(({ row: { userId, reviewId, appendedAtMs } }) => {
    return { userId, reviewId, atMs: appendedAtMs + Math.floor((random.uniform() * 50 - 5) * DAY_MS) }
  })
}

/** The newest row, and the newest label by the join of data sets. */
function knownAt({ reviewId, atMs }: Moment): Known {
  const rows = (rowsOf.get(reviewId) ?? []).filter(({ reviewAppendedAtMs }) => reviewAppendedAtMs <= atMs)
  const newest = rows.sort((a, b) => a.revision - b.revision).at(-1)
  const { labels: own } = reviews.get(reviewId) as JoinedReview
  return { values: newest?.values ?? null, label: labelBefore(own, atMs + 1) ?? null }
}

test('at 10,000 moments of their own the newest row and label of a review are those that Feast joins', async () => {
  const moments = anyMoments()
  const ours = moments.map(knownAt)
  const { different, ties } = compare(moments, ours, await askFeast('true', moments))
  expect(different).toEqual([])
  expect(moments).toHaveLength(REVIEWS)
  expect(ours.filter(({ values }) => values === null).length, 'moments before the review').toBeGreaterThan(100)
  expect(logs.reviewFeatures.length, 'some reviews have a second version').toBeGreaterThan(REVIEWS + 100)
  expect(ours.filter(({ label }) => label !== null).length, 'moments after a label').toBeGreaterThan(1_000)
  expect(ties.length, 'labels of one append time').toBeGreaterThan(0)
  expect(ties.length).toBeLessThan(REVIEWS / 100)
  report('at moments of their own', moments, ties)
})

test('one bit of a value and one label that Feast reads otherwise are found, and nothing else', async () => {
  const [row, ...otherRows] = logs.reviewFeatures as [SourcedRecord<ReviewFeatures>, ...SourcedRecord<ReviewFeatures>[]]
  const [label, ...otherLabels] = labels as [ArchivedRecord<ReviewLabel>, ...ArchivedRecord<ReviewLabel>[]]
  const [first, ...others] = row.value.values as [number, ...number[]]
  const values = [first === 0 ? Number.MIN_VALUE : first * (1 + Number.EPSILON), ...others]
  const isSpoiler = !label.value.isSpoiler
  await archive('changed', {
    rows: [{ ...row, value: { ...row.value, values } }, ...otherRows],
    labels: [{ ...label, value: { ...label.value, isSpoiler } }, ...otherLabels],
  })
  const moments = logs.reviewFeatures.map(({ value: { userId, reviewId, reviewAppendedAtMs } }) => {
    const isLabelled = reviewId === label.value.reviewId
    return { userId, reviewId, atMs: isLabelled ? label.appendedAtMs : reviewAppendedAtMs }
  })
  const { different } = compare(moments, moments.map(knownAt), await askFeast('changed', moments))
  expect(different).toEqual([
    `values of ${row.value.reviewId} at ${row.value.reviewAppendedAtMs}`,
    `label of ${label.value.reviewId} at ${label.appendedAtMs}`,
  ])
})

/** For docs/GUARANTEES.md. */
function report(asked: string, moments: readonly Moment[], ties: readonly string[]): void {
  process.stdout.write(
    `${moments.length} reviews ${asked}: 0 different, ${ties.length} with labels of one append time\n`,
  )
}
