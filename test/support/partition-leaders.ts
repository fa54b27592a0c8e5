import { alterPartitionReassignmentsV0, type Broker, createAPI, metadataV12, Writer } from '@platformatic/kafka'
import { request } from '../../platform/open-transactions.ts'

const PREFERRED = 0
const ANSWER_WITHIN_MS = 10_000

/** Who leads a partition, and who could. */
export interface Leadership {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  /** The preferred leader is the first. */
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

/** ElectLeaders, which the library lacks, of all partitions; how it went shows in the metadata. */
const electLeadersV2 = createAPI<[type: number], undefined>(
  43,
  2,
  (type: number) =>
    Writer.create()
      .appendInt8(type)
      .appendArray(null, () => undefined)
      .appendInt32(ANSWER_WITHIN_MS)
      .appendTaggedFields(),
  () => undefined,
)

/** All partitions, those of internal topics too. @throws Error when one has no leader. */
export async function leadershipOf(broker: Broker): Promise<Leadership[]> {
  const { topics } = await request(broker, (connection) => metadataV12.api.async(connection, null))
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({
      topic: name ?? '',
      partition: partitionIndex,
      leader: leaderId,
      replicas: replicaNodes,
      inSync: isrNodes,
    })),
  )
}

/** Gives each partition to its preferred leader, if that one is in sync. */
export async function electPreferredLeaders(broker: Broker): Promise<void> {
  await request(broker, (connection) => electLeadersV2.async(connection, PREFERRED))
}

/** Makes the second replica of each partition its preferred leader, and the first one the last. */
export async function rotatePreferredLeaders(broker: Broker): Promise<void> {
  const byTopic = Map.groupBy(await leadershipOf(broker), ({ topic }) => topic)
  const wanted = [...byTopic].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ partition, replicas: [first = 0, ...others] }) => ({
      partitionIndex: partition,
      replicas: [...others, first],
    })),
  }))
  await request(broker, (connection) =>
    alterPartitionReassignmentsV0.api.async(connection, ANSWER_WITHIN_MS, false, wanted),
  )
}
