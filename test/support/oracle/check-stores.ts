import { pino } from 'pino'
import type { FeatureView } from '../../../connectors/feast-rows.ts'
import { type ChainPlace, readChain } from '../../../connectors/offline-chain.ts'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { OFFLINE_TOPICS, type OfflineTopic } from '../../../connectors/offline-topics.ts'
import { MOVIE_VIEW, USER_VIEW } from '../../../connectors/online-rows.ts'
import { type OnlineStore, openRedisOnlineStore, type StoredRow } from '../../../connectors/redis-online-store.ts'
import { openS3ObjectStore } from '../../../connectors/s3-object-store.ts'
import type { MovieFeatures, UserFeatures } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { parquetRows } from '../parquet-rows.ts'
import type { Pipeline } from '../pipeline.ts'
import { digest, type Recorded } from './pipeline-oracle.ts'
import { checkStage, type Item, type Violation, violation } from './stage-check.ts'

type EntityRow = UserFeatures | MovieFeatures

/** Redis holds the newest row of every entity, value by value, and no other. */
export async function checkRedis(pipeline: Pipeline, recorded: Recorded): Promise<Violation[]> {
  await using store = await openRedisOnlineStore(pipeline.config, pino({ level: 'silent' }))
  return [
    ...(await checkView(store, USER_VIEW, recorded.userFeatures)),
    ...(await checkView(store, MOVIE_VIEW, recorded.movieFeatures)),
  ]
}

/** @param wanted Newest rows of the folds, by entity. */
export async function checkView(
  store: Pick<OnlineStore, 'read' | 'scan'>,
  view: FeatureView,
  wanted: ReadonlyMap<string, EntityRow>,
): Promise<Violation[]> {
  const stage = `redis ${view.name}`
  const missing: string[] = []
  const stale: string[] = []
  for (const [id, { updatedAtMs, values, counters }] of wanted) {
    const row = await store.read(view, id)
    if (row === undefined) missing.push(id)
    else if (digest(contentOf(row)) !== digest({ updatedAtMs, values, counters })) stale.push(id)
  }
  const foreign: string[] = []
  for await (const batch of store.scan([view])) for (const { id } of batch) if (!wanted.has(id)) foreign.push(id)
  return [
    ...violation(stage, 'lost', missing),
    ...violation(stage, 'stale row', stale),
    ...violation(stage, 'unexpected', foreign),
  ]
}

/** A row of the store as the fold's own record has it. */
function contentOf({ updatedAtMs, values: stored }: StoredRow) {
  const all = [...stored.values()]
  const counters = all.pop()
  const values = all.map((value) => ('value' in value ? value.value : null))
  const parsed: unknown = counters?.type === 'bytes' ? JSON.parse(Buffer.from(counters.value).toString('utf8')) : null
  return { updatedAtMs, values, counters: parsed }
}

/** Positions of records by topic. */
export type Positions = Readonly<
  Record<OfflineTopic, readonly { readonly partition: number; readonly offset: number }[]>
>

/** The chains have no gap and no overlap, and hold every committed record once, in the order of the log. */
export async function checkChains(pipeline: Pipeline, committed: Positions): Promise<Violation[]> {
  using store = openS3ObjectStore(pipeline.config)
  const { S3_PREFIX: prefix, LINEAGE: lineage, TOPIC_PARTITIONS } = pipeline.config
  const checks = OFFLINE_TOPICS.flatMap((id) =>
    Array.from({ length: TOPIC_PARTITIONS }, (_, partition) => {
      const offsets = committed[id].filter((position) => position.partition === partition).map(({ offset }) => offset)
      return checkChain(store, { prefix, lineage, topic: topics[id].name, partition }, offsets)
    }),
  )
  return (await Promise.all(checks)).flat()
}

/** @param offsets Of the committed records of the partition, in order. */
export async function checkChain(
  store: ObjectStore,
  place: ChainPlace,
  offsets: readonly number[],
): Promise<Violation[]> {
  const stage = `s3 ${place.topic}`
  const item = (offset: number): Item => ({ key: 'chain', identity: `${place.partition}/${offset}` })
  const archived: Item[] = []
  try {
    for await (const { key, sizeBytes } of readChain(store, place)) {
      const rows = await parquetRows(await store.read(key, 0, sizeBytes), ['__offset'])
      archived.push(...rows.map((row) => item(Number(row['__offset']))))
    }
  } catch (error) {
    return violation(stage, 'chain broken', [(error as Error).message])
  }
  return checkStage({ stage, expected: new Map([[0, offsets.map(item)]]), actual: archived })
}
