import { readTopic } from '../../../platform/topic-reader.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import type { TopicId } from '../../../schemas/topics.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Recorded } from './pipeline-oracle.ts'

const PUBLIC_INPUTS = ['reviews', 'reviewLabels', 'movies'] as const satisfies readonly TopicId[]

/** Reads every topic that the oracle compares, committed records only. */
export async function recordPipeline(pipeline: Pipeline): Promise<Recorded> {
  const publicInputs: StreamRecord<unknown>[] = []
  for (const topic of PUBLIC_INPUTS) publicInputs.push(...(await decodable(pipeline, topic)))
  const userRows = (await pipeline.records('userFeatures')).map(({ value }) => [value.userId, value] as const)
  const movieRows = (await pipeline.records('movieFeatures')).map(({ value }) => [value.movieId, value] as const)
  return {
    publicInputs,
    userActivity: await pipeline.records('userActivity'),
    movieActivity: await pipeline.records('movieActivity'),
    reviewFeatures: await pipeline.records('reviewFeatures'),
    spoilerScores: await pipeline.records('spoilerScores'),
    userFeatures: new Map(userRows),
    movieFeatures: new Map(movieRows),
  }
}

/** Poison is not the folds' business: it is counted in `dead-letters`. */
async function decodable({ config, codec }: Pipeline, id: TopicId): Promise<StreamRecord<unknown>[]> {
  const records: StreamRecord<unknown>[] = []
  for await (const { record, decoded } of readTopic(config, codec, id, { from: 'beginning', follow: false })) {
    if ('poison' in decoded) continue
    const { topic, partition, offset, key, appendedAtMs } = record
    const position = { topic, partition, offset }
    records.push({ key: key?.toString() ?? null, value: decoded.value, position, appendedAtMs })
  }
  return records
}
