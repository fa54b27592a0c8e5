import type { DatasetSource, When } from '../connectors/dataset-source.ts'
import type { KafkaConfig } from '../platform/kafka-connection.ts'
import { PartitionReader } from '../platform/kafka-consumer.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { type PartitionRange, readRanges } from '../platform/topic-reader.ts'
import { usageError } from '../producers/arguments.ts'
import { type EventTimes, eventTimeMs, rangesOfEventTimes } from '../replay/event-times.ts'
import { RECORDED_FOLDS, type RecordedFoldName } from '../replay/recorded-folds.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import { parseWhen } from './when.ts'

export type ReplayStage = RecordedFoldName | 'scorer'
/** In the order in which records pass them. */
export const REPLAY_STAGES = [
  'user-history',
  'movie-context',
  'scorer',
  'evaluator',
] as const satisfies readonly ReplayStage[]

/** A place in the input of a stage: by append time, or offsets by partition. */
export type Place = When | { readonly offsets: ReadonlyMap<number, number> }

export function inputOf(stage: ReplayStage): 'userActivity' | 'movieActivity' | 'reviewFeatures' | 'scoreActivity' {
  return stage === 'scorer' ? 'reviewFeatures' : RECORDED_FOLDS[stage].input
}

/** @throws SpoilerError SPL_USAGE */
export function parsePlace(text: string, nowMs: number): Place {
  if (!/^\d+:\d+(,\d+:\d+)*$/.test(text)) return parseWhen(text, nowMs)
  const pairs = text.split(',').map((pair) => pair.split(':').map(Number) as [number, number])
  return { offsets: new Map(pairs) }
}

export function parseStages(text: string): readonly ReplayStage[] {
  if (text === 'all') return REPLAY_STAGES
  const stage = REPLAY_STAGES.find((name) => name === text)
  if (stage === undefined) throw usageError(`"${text}" is no stage; there are ${REPLAY_STAGES.join(', ')} and all`)
  return [stage]
}

/** Which part of the input of each stage is meant. */
export interface AskedRange {
  readonly from: Place
  readonly to: Place
  /** Of these places, only what holds records of these event times. */
  readonly eventTimes?: EventTimes
}

interface RangeDeps {
  readonly config: KafkaConfig
  readonly codec: RecordCodec
  readonly source: DatasetSource
  readonly signal: AbortSignal
}

/**
 * Which offsets of a stage's input are meant, one range per partition. Event times are looked for by reading all.
 *
 * @throws SpoilerError SPL_TOPIC_MISSING
 */
export async function rangesOf(
  stage: ReplayStage,
  { from, to, eventTimes }: AskedRange,
  { config, codec, source, signal }: RangeDeps,
): Promise<PartitionRange[]> {
  const input = inputOf(stage)
  const whole = await wholePartitions(config, input)
  const begins = await offsetsOf(from, 'from', { input, source })
  const ends = await offsetsOf(to, 'to', { input, source })
  const ranges = whole.map(({ topic, partition, from: low, to: high }) => {
    const end = Math.min(ends.get(partition) ?? high, high)
    return { topic, partition, from: Math.min(Math.max(begins.get(partition) ?? low, low), end), to: end }
  })
  if (eventTimes === undefined) return ranges
  const timed = async function* () {
    for await (const { partition, offset, value } of readRanges(config, ranges, signal)) {
      const decoded = await codec.decode<never>(topics[input].schema, value, false)
      yield { partition, offset, eventTimeMs: 'value' in decoded ? eventTimeMs(input, decoded.value) : undefined }
    }
  }
  return rangesOfEventTimes(ranges, eventTimes, timed())
}

/** A partition that offsets do not name is meant whole. */
async function offsetsOf(
  place: Place,
  side: 'from' | 'to',
  { input, source }: { readonly input: TopicId; readonly source: DatasetSource },
): Promise<ReadonlyMap<number, number>> {
  if (typeof place === 'object' && 'offsets' in place) return place.offsets
  if ((side === 'from' && place === 'beginning') || (side === 'to' && place === 'now')) return new Map()
  return new Map((await source.offsets(topics[input].name, place)).entries())
}

/** Every partition from its first kept offset to its end, as they are now. */
export async function wholePartitions(config: KafkaConfig, id: TopicId): Promise<PartitionRange[]> {
  const topic = topics[id].name
  await using reader = await PartitionReader.open(config, 'shield-replay')
  const count = await reader.partitionCount(topic)
  if (count === 0)
    throw new SpoilerError('SPL_TOPIC_MISSING', `reading ${topic}: the broker has no such topic`, { onError: 'stop' })
  const partitions = Array.from({ length: count }, (_, partition) => partition)
  return await Promise.all(
    partitions.map(async (partition) => {
      const { low, high } = await reader.watermarks({ topic, partition })
      return { topic, partition, from: low, to: high }
    }),
  )
}
