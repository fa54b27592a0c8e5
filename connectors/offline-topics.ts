import type { Decoded, RecordCodec } from '../platform/record-codec.ts'
import { avroSchemas } from '../schemas/generated.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import type { ChainSchema } from './chain-writer.ts'
import { parquetColumns } from '../platform/parquet-columns.ts'

/** Topics that the offline store keeps. */
export const OFFLINE_TOPICS = [
  'reviews',
  'reviewLabels',
  'movies',
  'userActivity',
  'movieActivity',
  'reviewFeatures',
  'spoilerScores',
] as const satisfies TopicId[]
export type OfflineTopic = (typeof OFFLINE_TOPICS)[number]

const OPEN_BRACE = 0x7b

/** What is written of the records of a topic. */
export function offlineSchema(id: OfflineTopic, codec: RecordCodec): ChainSchema {
  const { name, schema } = topics[id]
  return {
    name: schema,
    id: codec.idOf({ subject: `${name}-value` }) ?? null,
    columns: parquetColumns(avroSchemas[schema]),
  }
}

/**
 * A record as the schema of its topic has it. JSON takes the way through Avro: it gets the defaults of fields that it
 * leaves out, and is poison when it does not fit.
 *
 * @throws SpoilerError SPL_REGISTRY_UNAVAILABLE when a foreign schema id cannot be asked for.
 */
export async function offlineValue(
  codec: RecordCodec,
  id: OfflineTopic,
  bytes: Buffer | null,
): Promise<Decoded<Readonly<Record<string, unknown>>>> {
  const { name, schema, publicInput } = topics[id]
  const decoded = await codec.decode<Readonly<Record<string, unknown>>>(schema, bytes, publicInput)
  if ('poison' in decoded || bytes?.[0] !== OPEN_BRACE) return decoded
  try {
    const avro = codec.encode({ subject: `${name}-value`, schema }, decoded.value)
    return await codec.decode(schema, avro, false)
  } catch (cause) {
    return { poison: 'SPL_FIELD_INVALID', cause: (cause as Error).message }
  }
}
