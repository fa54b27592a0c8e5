import { join } from 'node:path'
import { chainEnd, type ChainPlace } from '../../connectors/offline-chain.ts'
import type { OfflineTopic } from '../../connectors/offline-topics.ts'
import { openS3ObjectStore } from '../../connectors/s3-object-store.ts'
import { readRecords } from '../../platform/topic-reader.ts'
import { topics } from '../../schemas/topics.ts'
import { type Pipeline, until } from './pipeline.ts'

/** The posix backend keeps an object as a file of its name. */
export function objectsFolder({ config: { S3_BUCKET, S3_PREFIX, STATE_DIR } }: Pipeline): string {
  return join(STATE_DIR, 'stack/s3/objects', S3_BUCKET, S3_PREFIX)
}

/** Files of a topic, as DuckDB takes them. */
export function archivedFiles(pipeline: Pipeline, topic: OfflineTopic): string {
  const files = join(objectsFolder(pipeline), 'lineage=1', topics[topic].name, '*/*.parquet')
  return `read_parquet('${files}', hive_partitioning=false)`
}

interface LogEnds {
  readonly records: number
  /** How many partitions the chains do not hold up to there yet. */
  readonly behind: () => Promise<number>
}

/** The ends that the logs of some topics have now. */
export async function logEnds(pipeline: Pipeline, ids: readonly OfflineTopic[]): Promise<LogEnds> {
  const { config } = pipeline
  const { S3_PREFIX: prefix } = config
  const ends = new Map<string, { readonly place: ChainPlace; readonly end: number }>()
  let records = 0
  for (const id of ids)
    for await (const { topic, partition, offset } of readRecords(config, topics[id].name, {
      from: 'beginning',
      follow: false,
    })) {
      ends.set(`${topic}/${partition}`, { place: { prefix, lineage: 1, topic, partition }, end: offset + 1 })
      records += 1
    }
  const behind = async (): Promise<number> => {
    using store = openS3ObjectStore(pipeline.config)
    const reached = await Promise.all(
      [...ends.values()].map(async ({ place, end }) => (await chainEnd(store, place)) >= end),
    )
    return reached.filter((whole) => !whole).length
  }
  return { records, behind }
}

/** Waits until the chains of the topics hold every record that the logs have now. @returns How many those are. */
export async function untilArchived(pipeline: Pipeline, ids: readonly OfflineTopic[]): Promise<number> {
  const { records, behind } = await logEnds(pipeline, ids)
  await until('all records are on S3', async () => (await behind()) === 0)
  return records
}
