import type { DatasetSource, Located, When } from '../../connectors/dataset-source.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import type { FeatureService } from '../../schemas/feature-services.ts'
import { topics } from '../../schemas/topics.ts'
import type { DatasetFiles } from './dataset-files.ts'
import { type BuildProgress, type ProgressDeps, StepProgress } from './build-progress.ts'
import { type DatasetRow, type Span, SPANS, typesOf } from './dataset-row.ts'
import { DatasetWriter, sealDataset } from './dataset-writer.ts'
import { decideRows, type Decisions, rowKey } from './decide-rows.ts'
import { LabelClock } from './label-clock.ts'
import { LeakGuard } from './leak-guard.ts'
import type { DatasetContent, DatasetManifest, LeftOut, OffsetRange } from './manifest.ts'
import { RecordSort } from './record-sort.ts'
import { ReviewJoin } from './review-join.ts'
import type { planSpans, SplitOptions } from './split.ts'

/** The two logs that a data set joins: the rows as they were scored, and the labels as intake let them in. */
const ROWS = 'reviewFeatures'
const LABELS = 'userActivity'

/** All that decides what the data set is. */
export interface DatasetPlan {
  readonly lineage: number
  /** Rows of others are left out. */
  readonly service: FeatureService
  readonly rows: readonly OffsetRange[]
  readonly labels: readonly OffsetRange[]
  readonly maturityMs: number
  readonly split: SplitOptions
}

export interface BuildDeps extends ProgressDeps {
  readonly source: DatasetSource
  /** Nothing is in there yet. Until the manifest is, it is no data set. */
  readonly files: DatasetFiles
  /** For sorting more rows than fit into memory. */
  readonly sortFolder: string
  readonly nowMs: () => number
  /** Another one only in tests. */
  readonly plan?: typeof planSpans
}

export interface WantedTimes {
  /** Topic of the feature rows: that of the stream, or one that a replay has written. */
  readonly rowsTopic: string
  readonly from: When
  readonly to: When
  readonly labelsFrom: When
  readonly labelsUntil: When
}

/** Offset ranges of append times. @throws SpoilerError SPL_TOPIC_MISSING, SPL_DATASET_RANGE_MISSING */
export async function rangesOf(
  source: DatasetSource,
  { rowsTopic, from, to, labelsFrom, labelsUntil }: WantedTimes,
): Promise<Pick<DatasetPlan, 'rows' | 'labels'>> {
  const between = async (topic: string, begin: When, end: When): Promise<OffsetRange[]> => {
    const ends = await source.offsets(topic, end)
    const begins = await source.offsets(topic, begin)
    return ends.map((offset, partition) => {
      return { topic, partition, from: Math.min(begins[partition] ?? offset, offset), to: offset }
    })
  }
  // rows first: then the labels that came meanwhile are among the labels
  const rows = await between(rowsTopic, from, to)
  return { rows, labels: await between(topics[LABELS].name, labelsFrom, labelsUntil) }
}

/**
 * Joins the feature rows of a range with the newest labels before the cut-off, and writes them by span. Equal plans
 * give equal data sets, wherever the source has the records from.
 *
 * Memory does not grow with the number of rows: they are joined on disk, sorted, and written a file at a time.
 *
 * @throws SpoilerError SPL_DATASET_RANGE_MISSING before anything is read; SPL_DATASET_EMPTY, SPL_DATASET_LEAK,
 *   SPL_DISK_FULL.
 * @throws AbortError when the signal aborted first.
 */
export async function buildDataset(plan: DatasetPlan, deps: BuildDeps): Promise<DatasetManifest> {
  const located = { rows: await deps.source.locate(plan.rows), labels: await deps.source.locate(plan.labels) }
  using sorted = new RecordSort<StoredRow>(deps.sortFolder, typesOf(STORED), SORT_BYTES)
  // 1. the rows, to disk; without their texts they are joined with their labels, and it is decided what becomes of each
  const { read, otherFeatureService, ...joined } = await joinLogs(located, { sorted, plan, deps })
  using decisions = joined.decisions
  const superseded = read - otherFeatureService - decisions.reviews
  const leftOut: LeftOut = { otherFeatureService, superseded, ...decisions.leftOut }
  if (decisions.kept === 0) throw empty(read, leftOut)
  // 2. the rows that stay, in their order
  const written = await writeRows(sorted, { decisions, plan, deps })
  // 3. with the manifest it becomes a data set
  const content = contentOf(plan, { written, read, leftOut, schemaId: (topic) => deps.source.schemaId(topic) })
  return await sealDataset(deps.files, content, deps.nowMs())
}

/** Fields of a row that lie on disk until it is written. */
const STORED = [
  'reviewId',
  'userId',
  'movieId',
  'writtenAtMs',
  'appendedAtMs',
  'partition',
  'offset',
  'text',
  'values',
  'sentences',
] as const
type StoredRow = Pick<DatasetRow, (typeof STORED)[number]>
/** Memory for them before they go there. */
const SORT_BYTES = 32 * 1024 ** 2

const LOGGED_FIELDS = [
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

interface JoinLogs {
  readonly sorted: RecordSort<StoredRow>
  readonly plan: DatasetPlan
  readonly deps: BuildDeps
}
interface JoinedLogs {
  readonly read: number
  readonly otherFeatureService: number
  readonly decisions: Decisions
}

async function joinLogs(
  { rows, labels }: { readonly rows: Located; readonly labels: Located },
  { sorted, plan: { split, maturityMs, service }, deps }: JoinLogs,
): Promise<JoinedLogs> {
  const { sortFolder, plan } = deps
  using reviews = new ReviewJoin(sortFolder)
  using clock = new LabelClock(sortFolder)
  const counts = await readRows(rows, { sorted, reviews, service }, deps)
  await readLabels(labels, { reviews, clock }, deps)
  const decisions = await decideRows({ reviews, clock }, { split, maturityMs, sortFolder, ...(plan && { plan }) }, deps)
  return { ...counts, decisions }
}

interface ReadRows {
  readonly sorted: RecordSort<StoredRow>
  readonly reviews: ReviewJoin
  readonly service: FeatureService
}

async function readRows(
  located: Located,
  { sorted, reviews, service }: ReadRows,
  { source, ...deps }: BuildDeps,
): Promise<Pick<JoinedLogs, 'read' | 'otherFeatureService'>> {
  const passed = new Passed('feature rows', located, deps)
  let [read, otherFeatureService] = [0, 0]
  for await (const record of source.read(located, { topic: ROWS, fields: LOGGED_FIELDS }, deps.signal)) {
    const { partition, offset, value } = record
    await passed.record(record)
    read += 1
    if (value.featureService !== service.name) {
      otherFeatureService += 1
      continue
    }
    const row = { ...value, appendedAtMs: value.reviewAppendedAtMs, partition, offset }
    reviews.addRow(row)
    sorted.add(rowKey(row), row)
  }
  passed.end()
  return { read, otherFeatureService }
}

async function readLabels(
  located: Located,
  { reviews, clock }: { readonly reviews: ReviewJoin; readonly clock: LabelClock },
  { source, ...deps }: BuildDeps,
): Promise<void> {
  const passed = new Passed('labels', located, deps)
  const wanted = { topic: LABELS, fields: ['label', 'sourceAppendedAtMs'] } as const
  for await (const record of source.read(located, wanted, deps.signal)) {
    await passed.record(record)
    const { label, sourceAppendedAtMs } = record.value
    if (label === null) continue
    clock.add(record.partition, sourceAppendedAtMs, label.labelledAtMs)
    reviews.addLabel(label, sourceAppendedAtMs)
  }
  passed.end()
}

interface WriteRows {
  readonly decisions: Decisions
  readonly plan: DatasetPlan
  readonly deps: BuildDeps
}
interface Written {
  readonly spans: DatasetContent['spans']
  readonly files: DatasetContent['files']
}

async function writeRows(
  sorted: RecordSort<StoredRow>,
  { decisions, plan: { split }, deps }: WriteRows,
): Promise<Written> {
  const writer = new DatasetWriter(deps.files)
  const spans = SPANS.map((span) => ({ span, rows: 0, positives: 0, ...decisions.plan.times[span] }))
  const bySpan = new Map<Span, (typeof spans)[number]>(spans.map((span) => [span.span, span]))
  using guard = new LeakGuard({ by: split.by, spans }, deps.sortFolder)
  const progress = new StepProgress({ step: 'writing', total: decisions.kept }, deps)
  const staying = decisions.inOrder()
  let next = staying.next().value
  for (const { key, value } of sorted.inOrder()) {
    if (key !== next?.key) continue
    const row: DatasetRow = { ...value, ...next.value }
    guard.check(row)
    await writer.append(row)
    const counts = bySpan.get(row.span) as (typeof spans)[number]
    counts.rows += 1
    counts.positives += row.label ? 1 : 0
    await progress.advance()
    next = staying.next().value
  }
  guard.end()
  progress.end()
  return { spans, files: await writer.finish() }
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
    featureService: plan.service.name,
    features: plan.service.features.map(({ name }) => name),
    lineage: plan.lineage,
    rows: [...plan.rows],
    labels: [...plan.labels],
    schemas: ([ROWS, LABELS] as const).map((id) => {
      const [range] = id === ROWS ? plan.rows : plan.labels
      return { topic: range?.topic ?? topics[id].name, record: topics[id].schema, id: schemaId(id) }
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

/** Log positions that were passed: they also count what is no record, so that the end is reached. */
class Passed {
  readonly #progress: StepProgress
  readonly #next: Map<number, number>

  constructor(step: BuildProgress['step'], { ranges }: Located, deps: ProgressDeps) {
    const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    this.#progress = new StepProgress({ step, total }, deps)
    this.#next = new Map(ranges.map(({ partition, from }) => [partition, from]))
  }

  async record({ partition, offset }: { readonly partition: number; readonly offset: number }): Promise<void> {
    const positions = offset + 1 - (this.#next.get(partition) as number)
    this.#next.set(partition, offset + 1)
    await this.#progress.advance(positions)
  }

  end(): void {
    this.#progress.end()
  }
}
