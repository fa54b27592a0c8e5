import { changelogTopic } from '../platform/changelog.ts'
import type { KafkaConfig } from '../platform/kafka-connection.ts'
import { PartitionReader } from '../platform/kafka-consumer.ts'
import type { OutgoingRecord } from '../platform/kafka-producer.ts'
import { FoldWorker } from '../platform/fold-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { scratchStateFiles } from '../platform/state-files.ts'
import { type PartitionRange, readRanges } from '../platform/topic-reader.ts'
import type { Processor } from '../schemas/processor.ts'

const BATCH_RECORDS = 500
/** The state begins empty, and nothing of it is logged. */
const NO_LOG = { low: 0, high: 0 } as const
const NO_CHANGELOG = { topicId: 'none', tombstonesKeptMs: Infinity } as const

export interface RefoldDeps {
  readonly config: KafkaConfig
  readonly codec: RecordCodec
  readonly signal: AbortSignal
  /** For state and for sorting; emptied by whoever made it. */
  readonly workFolder: string
}

/** What became of some records that follow one another. */
export interface RemadeBatch {
  readonly records: readonly InputRecord[]
  /** Encoded as the fold sends them, its changelog left out, in log order. */
  readonly outgoing: readonly OutgoingRecord[]
}

/**
 * Folds one partition of a recorded log again, from its first offset on, on a state of its own. Nothing is written.
 *
 * @param range From offset 0: the state of a fold follows from all that went before.
 * @param boundaries Offsets at which a batch ends.
 */
export async function* refold(
  processor: Processor<never, never>,
  range: PartitionRange,
  { boundaries, ...deps }: RefoldDeps & { readonly boundaries: readonly number[] },
): AsyncGenerator<RemadeBatch> {
  const { topic, partition } = range
  const changelog = changelogTopic(processor.name)
  using worker = new FoldWorker(processor, {
    codec: deps.codec,
    watermarks: () => Promise.resolve(NO_LOG),
    openReader: () => PartitionReader.open(deps.config, 'shield-replay'),
    changelogFacts: () => Promise.resolve(NO_CHANGELOG),
    states: scratchStateFiles(deps.workFolder),
    nowMs: Date.now,
    onRestored: () => undefined,
  })
  await worker.restore({ topic, partition })
  for await (const records of batches(readRanges(deps.config, [range], deps.signal), boundaries)) {
    const last = records.at(-1) as InputRecord
    const next = [{ topic, partition, offset: last.offset + 1 }]
    const { outgoing } = await worker.compute(records, next)
    worker.commit(next)
    yield { records, outgoing: outgoing.filter((record) => record.topic !== changelog) }
  }
}

/** Records of one partition, some hundred at a time. @param boundaries Offsets at which a batch ends. */
export async function* batches(
  records: AsyncIterable<InputRecord>,
  boundaries: readonly number[] = [],
): AsyncGenerator<readonly InputRecord[]> {
  let batch: InputRecord[] = []
  for await (const record of records) {
    const first = batch[0]
    const crosses = first !== undefined && boundaries.some((at) => first.offset < at && at <= record.offset)
    if (crosses || batch.length >= BATCH_RECORDS) {
      yield batch
      batch = []
    }
    batch.push(record)
  }
  if (batch.length > 0) yield batch
}
