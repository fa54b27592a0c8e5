import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ChainWriter } from '../../connectors/chain-writer.ts'
import type { SourcedRecord } from '../../connectors/dataset-source.ts'
import { parquetColumns } from '../../platform/parquet-columns.ts'
import { avroSchemas } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'
import { MemoryObjectStore } from '../support/memory-object-store.ts'

const PREFIX = 'offline'
/** So that a chain has several files. */
const FILE_RECORDS = 2_000
/** Folder of the topics in an archive. */
export const TOPICS_FOLDER = join(PREFIX, 'lineage=1')

export type ArchivedRecord<V> = SourcedRecord<V> & { readonly appendedAtMs: number }

/** Writes records of a topic as the offline store does, chain by chain, into files of a folder. */
export async function archiveTopic<V extends object>(
  folder: string,
  id: 'reviewFeatures' | 'reviewLabels',
  records: readonly ArchivedRecord<V>[],
): Promise<void> {
  const { name: topic, schema: name } = topics[id]
  const schema = { name, id: null, columns: parquetColumns(avroSchemas[name]) }
  const store = new MemoryObjectStore()
  for (const partition of new Set(records.map((record) => record.partition))) {
    const place = { prefix: PREFIX, lineage: 1, topic, partition }
    const writer = new ChainWriter({ store, place, schema, first: 0, availableFrom: 0, nowMs: () => 0 })
    for (const { offset, appendedAtMs, value } of records.filter((record) => record.partition === partition)) {
      const input = { topic, partition, offset, key: null, value: null, appendedAtMs, headers: [] }
      writer.append(input, value as Readonly<Record<string, unknown>>)
      if (writer.records >= FILE_RECORDS) await writer.rotate()
    }
    if (writer.records > 0) await writer.rotate()
  }
  for (const [key, body] of store.objects) {
    mkdirSync(dirname(join(folder, key)), { recursive: true })
    writeFileSync(join(folder, key), body)
  }
}
