import { answeringActivation } from '../inference/canary.ts'
import type { Model } from '../inference/model.ts'
import { scoreRows, type ScoreResult, type Serving } from '../inference/score-row.ts'
import { OutputCollector } from '../platform/batch-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { type PartitionRange, readRanges } from '../platform/topic-reader.ts'
import type { ModelActivation, ReviewFeatures } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { positionText } from '../schemas/topics.ts'
import { batches, type RefoldDeps, type RemadeBatch } from './refold.ts'

/** Which model scores a row again, and for which slot. @throws SpoilerError SPL_MODEL_INVALID when it cannot be had. */
export type ServingOf = (row: StreamRecord<ReviewFeatures>) => Promise<Serving>

/** Each row by the version that scored it live. @param activations The whole ledger, in log order per partition. */
export function servingAsRecorded(
  activations: readonly ModelActivation[],
  load: (activation: ModelActivation) => Promise<Model>,
): ServingOf {
  const ofPartitions = Map.groupBy(activations, ({ partition }) => partition)
  return async ({ position, value: { featureService, reviewId } }) => {
    const ledger = ofPartitions.get(position.partition) ?? []
    // a row that no version could read stands in no ledger: whichever refuses it says the same
    const activation = answeringActivation(ledger, { ...position, featureService, reviewId }) ?? ledger[0]
    if (activation === undefined) throw new RangeError(`${positionText(position)} was never scored`)
    const { deploymentEpoch, slot } = activation
    return { model: await load(activation), deploymentEpoch, slot }
  }
}

/** Scores feature rows of one partition again. Nothing is written. */
export async function* rescore(
  range: PartitionRange,
  { config, codec, signal, servingOf }: RefoldDeps & { readonly servingOf: ServingOf },
): AsyncGenerator<RemadeBatch> {
  for await (const records of batches(readRanges(config, [range], signal))) {
    const output = new OutputCollector(codec, 'scorer')
    const rows = await readRows(records, codec, output)
    for (const [serving, ofServing] of await byServing(rows, servingOf)) await scoreInto(output, ofServing, serving)
    yield { records, outgoing: output.outgoing() }
  }
}

interface ReadRow {
  readonly record: InputRecord
  readonly row: StreamRecord<ReviewFeatures>
}

/** What cannot be read becomes a dead letter. */
async function readRows(records: readonly InputRecord[], codec: RecordCodec, output: OutputCollector) {
  const rows: ReadRow[] = []
  for (const record of records) {
    const decoded = await codec.decode<ReviewFeatures>('ReviewFeatures', record.value, false)
    const { topic, partition, offset, appendedAtMs } = record
    const position = { topic, partition, offset }
    if ('poison' in decoded) output.reject(record, decoded.poison, decoded.cause)
    else rows.push({ record, row: { key: null, value: decoded.value, position, appendedAtMs } })
  }
  return rows
}

/** Neighbours of one model together, in log order. */
async function byServing(rows: readonly ReadRow[], servingOf: ServingOf) {
  const groups: [Serving, ReadRow[]][] = []
  for (const read of rows) {
    const serving = await servingOf(read.row)
    const last = groups.at(-1)
    const same = last?.[0].model === serving.model && last[0].deploymentEpoch === serving.deploymentEpoch
    if (last !== undefined && same && last[0].slot === serving.slot) last[1].push(read)
    else groups.push([serving, [read]])
  }
  return groups
}

async function scoreInto(output: OutputCollector, rows: readonly ReadRow[], serving: Serving): Promise<void> {
  const results = await scoreRows(
    rows.map(({ row }) => row),
    [serving],
  )
  for (const [i, { record }] of rows.entries()) put(output, record, results[i] as ScoreResult)
}

function put(output: OutputCollector, record: InputRecord, result: ScoreResult): void {
  if (result.kind === 'score') output.forward({ to: 'spoilerScores', value: result.score })
  else output.reject(record, result.code, result.cause, result.attempts)
}
