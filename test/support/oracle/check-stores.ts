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
import { archivedFiles } from '../archived.ts'
import { duckdbRows } from '../duckdb.ts'
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

/** The chains have no gap and no overlap, and hold every committed record once. */
export async function checkChains(pipeline: Pipeline, committed: Positions): Promise<Violation[]> {
  using store = openS3ObjectStore(pipeline.config)
  const found: Violation[] = []
  for (const id of OFFLINE_TOPICS) {
    const stage = `s3 ${topics[id].name}`
    const broken: string[] = []
    let files = 0
    for (let partition = 0; partition < pipeline.config.TOPIC_PARTITIONS; partition += 1) {
      const place = { ...placesOf(pipeline), topic: topics[id].name, partition }
      files += await filesOf(store, place).catch((error: unknown) => broken.push((error as Error).message))
    }
    const sql = `select __partition as p, __offset as o from ${archivedFiles(pipeline, id)}`
    const rows = files === 0 ? [] : await duckdbRows(sql)
    const expected = committed[id].map(({ partition, offset }) => archived(partition, offset))
    const actual = rows.map(({ p, o }) => archived(Number(p), Number(o)))
    found.push(...violation(stage, 'chain broken', broken))
    found.push(...checkStage({ stage, expected: new Map([[0, expected]]), actual }))
  }
  return found
}

function placesOf({ config }: Pipeline): Pick<ChainPlace, 'prefix' | 'lineage'> {
  return { prefix: config.S3_PREFIX, lineage: config.LINEAGE }
}

/** How many files a chain has. @throws SpoilerError SPL_CHAIN_BROKEN */
async function filesOf(store: ObjectStore, place: ChainPlace): Promise<number> {
  return (await Array.fromAsync(readChain(store, place))).length
}

function archived(partition: number, offset: number): Item {
  const identity = `${partition}/${offset}`
  return { key: identity, identity }
}
