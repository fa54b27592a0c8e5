import type { MovieActivity, ReviewFeatures, ScoreActivity, UserActivity } from '../schemas/generated.ts'
import type { TopicId, ValueOf } from '../schemas/topics.ts'
import type { PartitionRange } from '../platform/topic-reader.ts'

/** Inputs of stages. */
type Timed = Extract<TopicId, 'userActivity' | 'movieActivity' | 'reviewFeatures' | 'scoreActivity'>

/** When what a record tells of happened, Unix milliseconds; undefined for a movie's metadata, which have no such time. */
const EVENT_TIME: { readonly [T in Timed]: (value: ValueOf<T>) => number | undefined } = {
  userActivity: ({ review, label }: UserActivity) => review?.writtenAtMs ?? label?.labelledAtMs,
  movieActivity: ({ review, label }: MovieActivity) => review?.review.writtenAtMs ?? label?.label.labelledAtMs,
  reviewFeatures: ({ writtenAtMs }: ReviewFeatures) => writtenAtMs,
  scoreActivity: ({ score, label }: ScoreActivity) => score?.writtenAtMs ?? label?.labelledAtMs,
}

export function eventTimeMs<T extends Timed>(topic: T, value: ValueOf<T>): number | undefined {
  return EVENT_TIME[topic](value)
}

/** From an instant up to another, exclusive; Unix milliseconds. */
export interface EventTimes {
  readonly fromMs: number
  readonly toMs: number
}

interface TimedRecord {
  readonly partition: number
  readonly offset: number
  readonly eventTimeMs: number | undefined
}

/**
 * The smallest ranges of offsets that hold every record of some event times, since logs are not in their order: others
 * that stand in between come along. A partition without any gets an empty range at its end.
 *
 * @param records All of the ranges, each partition in order.
 */
export async function rangesOfEventTimes(
  ranges: readonly PartitionRange[],
  { fromMs, toMs }: EventTimes,
  records: AsyncIterable<TimedRecord>,
): Promise<PartitionRange[]> {
  const found = new Map<number, { readonly from: number; to: number }>()
  for await (const { partition, offset, eventTimeMs: timeMs } of records) {
    if (timeMs === undefined || timeMs < fromMs || timeMs >= toMs) continue
    const known = found.get(partition)
    if (known === undefined) found.set(partition, { from: offset, to: offset + 1 })
    else known.to = offset + 1
  }
  return ranges.map((range) => ({ ...range, from: range.to, ...found.get(range.partition) }))
}
