import type { KafkaConfig } from '../platform/kafka-connection.ts'
import { PartitionReader } from '../platform/kafka-consumer.ts'
import type { OutgoingRecord } from '../platform/kafka-producer.ts'
import { FoldWorker } from '../platform/fold-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { scratchStateFiles } from '../platform/state-files.ts'
import { type PartitionRange, readRanges } from '../platform/topic-reader.ts'
import type { Processor } from '../schemas/processor.ts'
import type { FoldStart } from './fold-starts.ts'

const BATCH_RECORDS = 500
/** Of a fold: an entry that changes several times in a batch is encoded and written once. */
const REFOLD_RECORDS = 2_000

export interface RefoldDeps {
  readonly config: KafkaConfig
  readonly codec: RecordCodec
  readonly signal: AbortSignal
  /** For state and for sorting; emptied by whoever made it. */
  readonly workFolder: string
  /** Most records of a batch; some thousand by default. */
  readonly batchRecords?: number
}

/** What became of some records that follow one another. */
export interface RemadeBatch {
  readonly records: readonly InputRecord[]
  /** Encoded as the fold sends them, without a changelog, in log order. */
  readonly outgoing: readonly OutgoingRecord[]
}

/**
 * Folds one partition of a recorded log again, on a state of its own. Nothing is written.
 *
 * @param range Its `from` counts for nothing: the fold begins at `start`, since its state follows from all before.
 * @param boundaries Offsets at which a batch ends.
 */
export async function* refold(
  processor: Processor<never, never>,
  range: PartitionRange,
  { boundaries, start, ...deps }: RefoldDeps & { readonly boundaries: readonly number[]; readonly start: FoldStart },
): AsyncGenerator<RemadeBatch> {
  const { topic, partition, to } = range
  const { file, snapshot } = start.state ?? {}
  // nothing of the state is logged: the changelog ends where the snapshot's did
  const high = snapshot?.position.changelogOffset ?? 0
  const topicId = snapshot?.state.topicId ?? 'none'
  using worker = new FoldWorker(processor, {
    codec: deps.codec,
    watermarks: () => Promise.resolve({ low: 0, high }),
    openReader: () => PartitionReader.open(deps.config, 'shield-replay'),
    changelogFacts: () => Promise.resolve({ topicId, tombstonesKeptMs: Infinity }),
    states: file === undefined ? scratchStateFiles(deps.workFolder) : { open: () => Promise.resolve(file) },
    isLogged: false,
    nowMs: Date.now,
    onRestored: () => undefined,
  })
  await worker.restore({ topic, partition })
  const wanted = { topic, partition, from: start.offset, to }
  for await (const records of batches(
    readRanges(deps.config, [wanted], deps.signal),
    boundaries,
    deps.batchRecords ?? REFOLD_RECORDS,
  )) {
    const last = records.at(-1) as InputRecord
    const next = [{ topic, partition, offset: last.offset + 1 }]
    const { outgoing } = await worker.compute(records, next)
    worker.commit(next)
    yield { records, outgoing }
  }
}

/** Records of one partition, some at a time. @param boundaries Offsets at which a batch ends. */
export async function* batches(
  records: AsyncIterable<InputRecord>,
  boundaries: readonly number[] = [],
  most = BATCH_RECORDS,
): AsyncGenerator<readonly InputRecord[]> {
  let batch: InputRecord[] = []
  for await (const record of records) {
    const first = batch[0]
    const crosses = first !== undefined && boundaries.some((at) => first.offset < at && at <= record.offset)
    if (crosses || batch.length >= most) {
      yield batch
      batch = []
    }
    batch.push(record)
  }
  if (batch.length > 0) yield batch
}
