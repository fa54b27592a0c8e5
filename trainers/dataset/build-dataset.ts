import { deserialize, serialize } from 'node:v8'
import type { DatasetSource, Located, When } from '../../connectors/dataset-source.ts'
import { ExternalSort } from '../../platform/external-sort.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { topics } from '../../schemas/topics.ts'
import type { DatasetFiles } from './dataset-files.ts'
import { type DatasetRow, type Span, SPANS } from './dataset-row.ts'
import { DatasetWriter, sealDataset } from './dataset-writer.ts'
import { decideRows, type Decisions } from './decide-rows.ts'
import { LeakGuard } from './leak-guard.ts'
import type { DatasetContent, DatasetManifest, LeftOut, OffsetRange } from './manifest.ts'
import { LabelClock, ReviewTable, type SeenRow } from './review-table.ts'
import type { planSpans, SplitOptions } from './split.ts'

/** The two logs that a data set joins: the rows as they were scored, and the labels as intake let them in. */
const ROWS = 'reviewFeatures'
const LABELS = 'userActivity'

/** All that decides what the data set is. */
export interface DatasetPlan {
  readonly lineage: number
  readonly rows: readonly OffsetRange[]
  readonly labels: readonly OffsetRange[]
  readonly maturityMs: number
  readonly split: SplitOptions
}

export interface BuildProgress {
  readonly step: 'feature rows' | 'labels' | 'writing'
  /** Log positions passed, or rows, and how many there are. */
  readonly done: number
  readonly total: number
}

export interface BuildDeps {
  readonly source: DatasetSource
  /** Nothing is in there yet. Until the manifest is, it is no data set. */
  readonly files: DatasetFiles
  /** For sorting more rows than fit into memory. */
  readonly sortFolder: string
  readonly nowMs: () => number
  readonly onProgress: (progress: BuildProgress) => void
  readonly signal: AbortSignal
  /** Another one only in tests. */
  readonly plan?: typeof planSpans
}

export interface WantedTimes {
  readonly from: When
  readonly to: When
  readonly labelsFrom: When
  readonly labelsUntil: When
}

/** Offset ranges of append times. @throws SpoilerError SPL_TOPIC_MISSING, SPL_DATASET_RANGE_MISSING */
export async function rangesOf(
  source: DatasetSource,
  { from, to, labelsFrom, labelsUntil }: WantedTimes,
): Promise<Pick<DatasetPlan, 'rows' | 'labels'>> {
  const between = async (topic: typeof ROWS | typeof LABELS, begin: When, end: When): Promise<OffsetRange[]> => {
    const ends = await source.offsets(topic, end)
    const begins = await source.offsets(topic, begin)
    return ends.map((offset, partition) => {
      return { topic: topics[topic].name, partition, from: Math.min(begins[partition] ?? offset, offset), to: offset }
    })
  }
  // rows first: then the labels that came meanwhile are among the labels
  const rows = await between(ROWS, from, to)
  return { rows, labels: await between(LABELS, labelsFrom, labelsUntil) }
}

/**
 * Joins the feature rows of a range with the newest labels before the cut-off, and writes them by span. Equal plans
 * give equal data sets, wherever the source has the records from.
 *
 * Memory: a {@link ReviewTable} and one byte a review; texts are sorted on disk and written a file at a time.
 *
 * @throws SpoilerError SPL_DATASET_RANGE_MISSING before anything is read; SPL_DATASET_EMPTY, SPL_DATASET_LEAK.
 * @throws AbortError when the signal aborted first.
 */
export async function buildDataset(plan: DatasetPlan, deps: BuildDeps): Promise<DatasetManifest> {
  const [rows, labels] = [await deps.source.locate(plan.rows), await deps.source.locate(plan.labels)]
  using sorted = new ExternalSort(deps.sortFolder)
  // 1. the rows: to disk, and without their texts into the table
  const { reviews, read, otherFeatureService } = await readRows(rows, sorted, deps)
  // 2. their labels
  const clock = await readLabels(labels, reviews, deps)
  // 3. what becomes of each
  const decisions = decideRows({ reviews, clock }, { ...plan, ...(deps.plan && { plan: deps.plan }) })
  const superseded = read - otherFeatureService - reviews.size
  const leftOut: LeftOut = { otherFeatureService, superseded, ...decisions.leftOut }
  const kept = read - Object.values(leftOut).reduce((sum, count) => sum + count, 0)
  if (kept === 0) throw empty(read, leftOut)
  // 4. the rows that stay, in their order
  const written = await writeRows(sorted, { reviews, decisions, plan, kept, deps })
  // 5. with the manifest it becomes a data set
  const content = contentOf(plan, { written, read, leftOut, schemaId: (topic) => deps.source.schemaId(topic) })
  return await sealDataset(deps.files, content, deps.nowMs())
}

/** What is kept on disk of a row. */
type StoredRow = Omit<DatasetRow, 'span' | 'label' | 'labelSource' | 'labelAppendedAtMs'>

const ROW_FIELDS = [
  'reviewId',
  'userId',
  'movieId',
  'revision',
  'writtenAtMs',
  'text',
  'featureService',
  'values',
  'sentences',
  'reviewAppendedAtMs',
] as const

async function readRows(
  located: Located,
  sorted: ExternalSort,
  { source, signal, onProgress }: BuildDeps,
): Promise<{ reviews: ReviewTable; read: number; otherFeatureService: number }> {
  const reviews = new ReviewTable()
  const passed = new Passed('feature rows', located, onProgress)
  let [read, otherFeatureService] = [0, 0]
  for await (const record of source.read(located, { topic: ROWS, fields: ROW_FIELDS }, signal)) {
    const { partition, offset, value } = record
    passed.record(record)
    read += 1
    if (value.featureService !== spoilerV1.name) {
      otherFeatureService += 1
      continue
    }
    const { revision, featureService: _, reviewAppendedAtMs: appendedAtMs, ...kept } = value
    const stored: StoredRow = { ...kept, appendedAtMs, partition, offset }
    reviews.addRow({ ...stored, revision })
    sorted.add(sortKey(stored), serialize(stored))
  }
  passed.end()
  return { reviews, read, otherFeatureService }
}

/** Sorts as numbers do, see compareRows. */
function sortKey({ appendedAtMs, partition, offset }: StoredRow): string {
  return [appendedAtMs, partition, offset].map((number) => String(number).padStart(16, '0')).join()
}

async function readLabels(
  located: Located,
  reviews: ReviewTable,
  { source, signal, onProgress }: BuildDeps,
): Promise<LabelClock> {
  const clock = new LabelClock()
  const passed = new Passed('labels', located, onProgress)
  const wanted = { topic: LABELS, fields: ['label', 'sourceAppendedAtMs'] } as const
  for await (const record of source.read(located, wanted, signal)) {
    passed.record(record)
    const { label, sourceAppendedAtMs } = record.value
    if (label === null) continue
    clock.add(record.partition, sourceAppendedAtMs, label.labelledAtMs)
    reviews.addLabel(label, sourceAppendedAtMs)
  }
  passed.end()
  return clock
}

interface WriteRows {
  readonly reviews: ReviewTable
  readonly decisions: Decisions
  readonly plan: DatasetPlan
  readonly kept: number
  readonly deps: BuildDeps
}
interface Written {
  readonly spans: DatasetContent['spans']
  readonly files: DatasetContent['files']
}

async function writeRows(sorted: ExternalSort, { reviews, decisions, plan, kept, deps }: WriteRows): Promise<Written> {
  const writer = new DatasetWriter(deps.files)
  const spans = SPANS.map((span) => ({ span, rows: 0, positives: 0, ...decisions.plan.times[span] }))
  const bySpan = new Map<Span, (typeof spans)[number]>(spans.map((span) => [span.span, span]))
  const guard = new LeakGuard({ by: plan.split.by, spans }, (row) => reviews.numberOf(row))
  let done = 0
  for (const { payload } of sorted.sorted()) {
    const stored = deserialize(payload) as StoredRow
    const review = reviews.numberOf(stored)
    const decision = isNewest(stored, reviews.row(review)) ? decisions.of(review) : undefined
    if (decision === undefined) continue
    const { span, label } = decision
    const { isSpoiler, source: labelSource, appendedAtMs: labelAppendedAtMs } = label
    const row = { ...stored, span, label: isSpoiler, labelSource, labelAppendedAtMs }
    guard.check(row)
    await writer.append(row)
    const counts = bySpan.get(span) as (typeof spans)[number]
    counts.rows += 1
    counts.positives += isSpoiler ? 1 : 0
    if (++done % PROGRESS_EVERY !== 0) continue
    deps.signal.throwIfAborted()
    deps.onProgress({ step: 'writing', done, total: kept })
  }
  deps.onProgress({ step: 'writing', done, total: kept })
  return { spans, files: await writer.finish() }
}

function isNewest(stored: StoredRow, { partition, offset }: SeenRow): boolean {
  return stored.partition === partition && stored.offset === offset
}

interface Outcome {
  readonly written: Written
  readonly read: number
  readonly leftOut: LeftOut
  readonly schemaId: (topic: typeof ROWS | typeof LABELS) => number
}

function contentOf(plan: DatasetPlan, { written, read, leftOut, schemaId }: Outcome): DatasetContent {
  const sum = (field: 'rows' | 'positives'): number => written.spans.reduce((total, span) => total + span[field], 0)
  return {
    format: 1,
    featureService: spoilerV1.name,
    features: spoilerV1.features.map(({ name }) => name),
    lineage: plan.lineage,
    rows: [...plan.rows],
    labels: [...plan.labels],
    schemas: ([ROWS, LABELS] as const).map((id) => {
      return { topic: topics[id].name, record: topics[id].schema, id: schemaId(id) }
    }),
    maturityMs: plan.maturityMs,
    split: plan.split,
    spans: written.spans,
    counts: { read, kept: sum('rows'), positives: sum('positives'), leftOut },
    files: written.files,
  }
}

function empty(read: number, leftOut: LeftOut): SpoilerError {
  const reasons = Object.entries(leftOut).map(([reason, count]) => `- ${reason}: ${count}`)
  const doing = [`joining ${read} feature rows with their labels; left out are`, ...reasons].join('\n')
  return new SpoilerError('SPL_DATASET_EMPTY', doing, { onError: 'stop', context: { read, leftOut } })
}

const PROGRESS_EVERY = 500

/** Log positions that were passed: they also count what is no record, so that the end is reached. */
class Passed {
  readonly #step: BuildProgress['step']
  readonly #onProgress: BuildDeps['onProgress']
  readonly #total: number
  readonly #next: Map<number, number>
  #records = 0
  #done = 0

  constructor(step: BuildProgress['step'], { ranges }: Located, onProgress: BuildDeps['onProgress']) {
    this.#step = step
    this.#onProgress = onProgress
    this.#total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    this.#next = new Map(ranges.map(({ partition, from }) => [partition, from]))
  }

  record({ partition, offset }: { readonly partition: number; readonly offset: number }): void {
    this.#done += offset + 1 - (this.#next.get(partition) as number)
    this.#next.set(partition, offset + 1)
    this.#records += 1
    if (this.#records % PROGRESS_EVERY === 0) this.#tell(this.#done)
  }

  end(): void {
    this.#tell(this.#total)
  }

  #tell(done: number): void {
    this.#onProgress({ step: this.#step, done, total: this.#total })
  }
}
