import type { DatasetSource, SourcedRecord } from '../../connectors/dataset-source.ts'
import type { ReviewFeatures, UserActivity } from '../../schemas/generated.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { topics } from '../../schemas/topics.ts'
import { seedOf } from '../../stats/random.ts'
import type { DatasetPlan } from '../../trainers/dataset/build-dataset.ts'

export interface Logs {
  readonly reviewFeatures: readonly SourcedRecord<ReviewFeatures>[]
  readonly userActivity: readonly SourcedRecord<UserActivity>[]
}

/** Values as a topic of some partitions keeps them; every third offset is the marker of a transaction. */
export function partitioned<V>(values: readonly V[], keyOf: (value: V) => string, partitions = 2): SourcedRecord<V>[] {
  const next = Array.from({ length: partitions }, () => 0)
  return values.map((value) => {
    const partition = seedOf(keyOf(value)) % partitions
    const offset = next[partition] as number
    next[partition] = offset + (offset % 3 === 1 ? 2 : 1)
    return { partition, offset, value }
  })
}

/** Both logs in memory. Order between partitions is the other way round: nothing may rest on it. */
export function memorySource(logs: Logs): DatasetSource {
  const endsOf = (records: readonly SourcedRecord<unknown>[]): number[] =>
    [0, 1].map((partition) => Math.max(0, ...records.filter((r) => r.partition === partition).map((r) => r.offset + 1)))
  return {
    offsets: (topic, when) =>
      Promise.resolve(
        when === 'beginning'
          ? [0, 0]
          : endsOf(topic === topics.userActivity.name ? logs.userActivity : logs.reviewFeatures),
      ),
    locate: (ranges) => Promise.resolve({ ranges, inLog: ranges, inChains: [] }),
    read: async function* ({ ranges }, { topic }) {
      await Promise.resolve()
      for (const { partition, from, to } of ranges.toReversed())
        for (const record of logs[topic as keyof Logs])
          if (record.partition === partition && record.offset >= from && record.offset < to) yield record as never
    },
    schemaId: (topic) => (topic === 'userActivity' ? 2 : 1),
  }
}

/** Everything in both logs; split by time. */
export async function planOfAll(logs: Logs, plan: Partial<DatasetPlan> = {}): Promise<DatasetPlan> {
  const source = memorySource(logs)
  const rangesOf = async (topic: string) =>
    (await source.offsets(topic, 'now')).map((to, partition) => ({ topic, partition, from: 0, to }))
  return {
    lineage: 1,
    service: spoilerV1,
    rows: await rangesOf(topics.reviewFeatures.name),
    labels: await rangesOf(topics.userActivity.name),
    maturityMs: 0,
    split: { by: 'time', seed: 1, shares: { fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 } },
    ...plan,
  }
}
