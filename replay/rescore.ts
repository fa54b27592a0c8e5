import type { Model } from '../inference/model.ts'
import { scoreRows, type ScoreResult, type Serving } from '../inference/score-row.ts'
import { OutputCollector } from '../platform/batch-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { type PartitionRange, readRanges } from '../platform/topic-reader.ts'
import type { ModelActivation, ReviewFeatures } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { batches, type RefoldDeps, type RemadeBatch } from './refold.ts'

/** Which model scores a row again, and under which epoch. @throws SpoilerError SPL_MODEL_INVALID when it cannot be had. */
export type ServingOf = (row: { readonly partition: number; readonly offset: number }) => Promise<Serving>

/** Each row by the version that scored it live. @param activations The whole ledger, in log order per partition. */
export function servingAsRecorded(
  activations: readonly ModelActivation[],
  load: (activation: ModelActivation) => Promise<Model>,
): ServingOf {
  const ofPartitions = Map.groupBy(activations, ({ partition }) => partition)
  return async ({ partition, offset }) => {
    const activation = ofPartitions.get(partition)?.findLast(({ fromOffset }) => fromOffset <= offset)
    if (activation === undefined) throw new RangeError(`review-features/${partition}/${offset} was never scored`)
    return { model: await load(activation), deploymentEpoch: activation.deploymentEpoch }
  }
}

/** Scores feature rows of one partition again. Nothing is written. */
export async function* rescore(
  range: PartitionRange,
  { config, codec, signal, servingOf }: RefoldDeps & { readonly servingOf: ServingOf },
): AsyncGenerator<RemadeBatch> {
  for await (const records of batches(readRanges(config, [range], signal))) {
    const output = new OutputCollector(codec, 'scorer')
    for (const [serving, ofServing] of await byServing(records, servingOf))
      await scoreInto(output, ofServing, { codec, serving })
    yield { records, outgoing: output.outgoing() }
  }
}

/** Neighbours of one model together, in log order. */
async function byServing(records: readonly InputRecord[], servingOf: ServingOf) {
  const groups: [Serving, InputRecord[]][] = []
  for (const record of records) {
    const serving = await servingOf(record)
    const last = groups.at(-1)
    const same = last?.[0].model === serving.model && last[0].deploymentEpoch === serving.deploymentEpoch
    if (last !== undefined && same) last[1].push(record)
    else groups.push([serving, [record]])
  }
  return groups
}

async function scoreInto(
  output: OutputCollector,
  records: readonly InputRecord[],
  { codec, serving }: { readonly codec: RecordCodec; readonly serving: Serving },
): Promise<void> {
  const rows: { readonly record: InputRecord; readonly row: StreamRecord<ReviewFeatures> }[] = []
  for (const record of records) {
    const decoded = await codec.decode<ReviewFeatures>('ReviewFeatures', record.value, false)
    const { topic, partition, offset, appendedAtMs } = record
    if ('poison' in decoded) output.reject(record, decoded.poison, decoded.cause)
    else
      rows.push({
        record,
        row: { key: null, value: decoded.value, position: { topic, partition, offset }, appendedAtMs },
      })
  }
  const results = await scoreRows(
    rows.map(({ row }) => row),
    serving,
  )
  for (const [i, { record }] of rows.entries()) put(output, record, results[i] as ScoreResult)
}

function put(output: OutputCollector, record: InputRecord, result: ScoreResult): void {
  if (result.kind === 'score') output.forward({ to: 'spoilerScores', value: result.score })
  else output.reject(record, result.code, result.cause, result.attempts)
}
