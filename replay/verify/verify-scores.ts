import { activationAt } from '../../inference/canary.ts'
import type { Deployed } from '../../inference/deployment-log.ts'
import type { Model } from '../../inference/model.ts'
import { scoreRow } from '../../inference/score-row.ts'
import { ExternalSort, type SortedRecord } from '../../platform/external-sort.ts'
import { type PartitionRange, readRanges } from '../../platform/topic-reader.ts'
import type { ModelActivation, ReviewFeatures, SpoilerScore } from '../../schemas/generated.ts'
import type { StreamRecord } from '../../schemas/processor.ts'
import { positionText, topics } from '../../schemas/topics.ts'
import { fieldDifferences } from './field-differences.ts'
import type { ComparedRange, StageReport, ToldDifference, VerifyDeps } from './report.ts'

/** A version that has scored, as it can be had today. */
export interface LoadedVersion {
  readonly model: Model
  /** Largest difference of a probability under another runtime. */
  readonly tolerance: number
}

export interface VerifyScoresDeps extends VerifyDeps {
  /** Undefined for a version that nobody has any more. */
  readonly load: (version: Deployed) => Promise<LoadedVersion | undefined>
  /** Positions of rows that the scorer made dead letters of. */
  readonly givenUp: ReadonlySet<string>
  /** The whole ledger, in log order per partition. */
  readonly activations: readonly ModelActivation[]
}

type Row = StreamRecord<ReviewFeatures>

/**
 * Scores recorded feature rows again, each by the version that its live score names, and compares: bit for bit where
 * that score was made by the same runtime, else within the tolerance of the version.
 *
 * @param live Whole partitions of `spoiler-scores`.
 */
export async function verifyScores(
  { ranges, live }: { readonly ranges: readonly ComparedRange[]; readonly live: readonly PartitionRange[] },
  deps: VerifyScoresDeps,
): Promise<StageReport> {
  using sorted = new ExternalSort(deps.workFolder)
  await sortScores(live, sorted, deps)
  const scores = new ScoresByRow(sorted.sorted())
  const tally = new Tally(deps)
  const total = ranges.reduce((sum, { to }) => sum + to, 0)
  for (const { partition, from, to } of ranges.toSorted((a, b) => a.partition - b.partition)) {
    for await (const row of rowsOf({ topic: topics.reviewFeatures.name, partition, from, to }, deps)) {
      await tally.row(row, scores.of(row.position))
      deps.onProgress({ step: 'scoring again', done: tally.compared, total })
    }
  }
  return tally.report()
}

async function sortScores(
  live: readonly PartitionRange[],
  sorted: ExternalSort,
  { config, codec, signal, onProgress }: VerifyScoresDeps,
): Promise<void> {
  const total = live.reduce((sum, { to }) => sum + to, 0)
  let done = 0
  for await (const { value } of readRanges(config, live, signal)) {
    done += 1
    onProgress({ step: `reading ${topics.spoilerScores.name}`, done, total })
    const decoded = await codec.decode<SpoilerScore>('SpoilerScore', value, false)
    if (!('value' in decoded)) continue
    sorted.add(rowKey(decoded.value.position), codec.encode(SCORE_SUBJECT, decoded.value))
  }
}

const SCORE_SUBJECT = { subject: `${topics.spoilerScores.name}-value`, schema: 'SpoilerScore' } as const

/** Sorts as partition and offset do. */
function rowKey({ partition, offset }: { readonly partition: number; readonly offset: number }): string {
  return `${String(partition).padStart(6, '0')}/${String(offset).padStart(16, '0')}`
}

async function* rowsOf(range: PartitionRange, { config, codec, signal }: VerifyScoresDeps): AsyncGenerator<Row> {
  for await (const { topic, partition, offset, value, appendedAtMs } of readRanges(config, [range], signal)) {
    const decoded = await codec.decode<ReviewFeatures>('ReviewFeatures', value, false)
    if (!('value' in decoded)) continue // poison: the scorer made a letter of it
    yield { key: null, value: decoded.value, position: { topic, partition, offset }, appendedAtMs }
  }
}

/** Hands out sorted scores to rows that come in the same order. */
class ScoresByRow {
  readonly #sorted: Iterator<SortedRecord, undefined>
  #next: { readonly key: string; readonly bytes: Buffer } | undefined

  constructor(sorted: Iterator<SortedRecord, undefined>) {
    this.#sorted = sorted
    this.#advance()
  }

  of(position: SpoilerScore['position']): Buffer[] {
    const key = rowKey(position)
    const found: Buffer[] = []
    while (this.#next !== undefined && this.#next.key <= key) {
      if (this.#next.key === key) found.push(this.#next.bytes)
      this.#advance()
    }
    return found
  }

  #advance(): void {
    const { value } = this.#sorted.next()
    this.#next = value === undefined ? undefined : { key: value.key, bytes: Buffer.from(value.payload) }
  }
}

class Tally {
  readonly #deps: VerifyScoresDeps
  readonly #first: ToldDifference[] = []
  compared = 0
  #differing = 0
  #withinTolerance = 0
  #unproved = 0

  constructor(deps: VerifyScoresDeps) {
    this.#deps = deps
  }

  report(): StageReport {
    return {
      stage: 'scorer',
      compared: this.compared,
      differing: this.#differing,
      withinTolerance: this.#withinTolerance,
      unproved: this.#unproved,
      first: this.#first,
    }
  }

  async row(row: Row, live: readonly Buffer[]): Promise<void> {
    this.compared += 1
    const [bytes, ...more] = live
    if (bytes === undefined) {
      if (!this.#deps.givenUp.has(positionText(row.position))) this.#differs(row, 'missing')
      return
    }
    if (more.length > 0) this.#differs(row, 'unexpected')
    const decoded = await this.#deps.codec.decode<SpoilerScore>('SpoilerScore', bytes, false)
    if (!('value' in decoded)) return
    const score = decoded.value
    const version = await this.#deps.load(score)
    if (version === undefined) {
      this.#unproved += 1
      return
    }
    const result = await scoreRow(row, {
      model: version.model,
      deploymentEpoch: score.deploymentEpoch,
      slot: score.slot,
    })
    if (result.kind === 'reject') this.#differs(row, 'unexpected')
    else if (this.#deps.codec.encode(SCORE_SUBJECT, result.score).equals(bytes)) return
    else if (this.#isWithin(version, result.score, score)) this.#withinTolerance += 1
    else this.#differs(row, 'differs', fieldDifferences(result.score, score))
  }

  #differs(row: Row, kind: ToldDifference['kind'], fields: ToldDifference['fields'] = []): void {
    this.#differing += 1
    if (this.#first.length >= this.#deps.mostTold) return
    const { reviewId, revision } = row.value
    this.#first.push({
      name: `score of ${reviewId} revision ${revision}`,
      kind,
      at: positionText(row.position),
      fields,
    })
  }

  /** Only another runtime may come to other bits, and only by as much as the version says. */
  #isWithin({ model, tolerance }: LoadedVersion, made: SpoilerScore, live: SpoilerScore): boolean {
    const activation = activationAt(
      this.#deps.activations,
      { ...live.position, featureService: live.featureService },
      live.slot,
    )
    const recorded = activation?.runtimeFingerprint
    return recorded !== model.runtimeFingerprint && Math.abs(made.probability - live.probability) <= tolerance
  }
}
