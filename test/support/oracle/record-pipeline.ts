import { readTopic } from '../../../platform/topic-reader.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import type { TopicId } from '../../../schemas/topics.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Poisoned, Recorded } from './pipeline-oracle.ts'

const PUBLIC_INPUTS = ['reviews', 'reviewLabels', 'movies'] as const satisfies readonly TopicId[]

/** Reads every topic that the oracle compares, committed records only. */
export async function recordPipeline(pipeline: Pick<Pipeline, 'config' | 'codec' | 'records'>): Promise<Recorded> {
  const publicInputs: StreamRecord<unknown>[] = []
  const poison: Poisoned[] = []
  for (const topic of PUBLIC_INPUTS) await readPublic(pipeline, topic, { publicInputs, poison })
  const userRows = (await pipeline.records('userFeatures')).map(({ value }) => [value.userId, value] as const)
  const movieRows = (await pipeline.records('movieFeatures')).map(({ value }) => [value.movieId, value] as const)
  return {
    publicInputs,
    poison,
    deadLetters: await pipeline.records('deadLetters'),
    userActivity: await pipeline.records('userActivity'),
    movieActivity: await pipeline.records('movieActivity'),
    reviewFeatures: await pipeline.records('reviewFeatures'),
    spoilerScores: await pipeline.records('spoilerScores'),
    userFeatures: new Map(userRows),
    movieFeatures: new Map(movieRows),
  }
}

interface PublicRecords {
  readonly publicInputs: StreamRecord<unknown>[]
  readonly poison: Poisoned[]
}

async function readPublic(
  { config, codec }: Pick<Pipeline, 'config' | 'codec'>,
  id: TopicId,
  found: PublicRecords,
): Promise<void> {
  for await (const { record, decoded } of readTopic(config, codec, id, { from: 'beginning', follow: false })) {
    const { topic, partition, offset, key, appendedAtMs } = record
    const position = { topic, partition, offset }
    if ('poison' in decoded) found.poison.push({ position, code: decoded.poison })
    else found.publicInputs.push({ key: key?.toString() ?? null, value: decoded.value, position, appendedAtMs })
  }
}
