import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ChainWriter } from '../../connectors/chain-writer.ts'
import { type FencedRow, userRow } from '../../connectors/feast-rows.ts'
import type { ChainPlace } from '../../connectors/offline-chain.ts'
import { USER_VIEW } from '../../connectors/online-rows.ts'
import { type OnlineStore, openRedisOnlineStore } from '../../connectors/redis-online-store.ts'
import { startStack } from '../../local-stack/stack.ts'
import { parquetColumns } from '../../platform/parquet-columns.ts'
import type { UserFeatures } from '../../schemas/generated.ts'
import { MemoryObjectStore } from '../support/memory-object-store.ts'
import { checkChain, checkView } from '../support/oracle/check-stores.ts'
import type { Violation } from '../support/oracle/stage-check.ts'

const symptoms = (violations: readonly Violation[]): string[] => violations.map(({ symptom }) => symptom)

const resources = new AsyncDisposableStack()
let redis: OnlineStore

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-bugs-'))
  resources.defer(() => {
    rmSync(folder, { recursive: true })
  })
  const stack = resources.use(await startStack({ dataDir: folder, parts: ['redis'] }))
  const config = { REDIS_URL: stack.env.REDIS_URL, FEAST_PROJECT: 'store_bugs' }
  redis = resources.use(await openRedisOnlineStore(config, pino({ level: 'silent' })))
})
afterAll(() => resources.disposeAsync())

const COUNTERS = {
  buckets: [1],
  reviews: [2],
  labelled: [1],
  spoilers: [1],
  units: [900],
  ratings: [1],
  ratingSum: [8],
}

function features(userId: string, value: number): UserFeatures {
  return {
    userId,
    updatedAtMs: 1_000 + value,
    values: USER_VIEW.features.slice(1).map(() => value),
    counters: COUNTERS,
  }
}

const row = (userId: string, offset: number): FencedRow =>
  userRow(USER_VIEW, features(userId, offset), { lineage: 1, offset })

/** What a sink does that is killed behind its write: the last batches come again, from the committed offset on. */
async function redeliver(userId: string, write: OnlineStore['write']): Promise<string[]> {
  for (const offset of [1, 2, 3, 1, 2]) await write([row(userId, offset)])
  const newest = new Map([[userId, features(userId, 3)]])
  const violations = await checkView(redis, USER_VIEW, newest)
  await redis.remove([{ view: USER_VIEW, id: userId, ...((await redis.read(USER_VIEW, userId)) ?? row(userId, 3)) }])
  return symptoms(violations)
}

test('rows as they are written pass; without the fence in Redis the check finds a stale row', async () => {
  expect(await redeliver('fenced', (rows) => redis.write(rows))).toEqual([])
  const unfenced: OnlineStore['write'] = async (rows) => {
    for (const { view, id } of rows) {
      const stored = await redis.read(view, id)
      if (stored !== undefined) await redis.remove([{ view, id, lineage: stored.lineage, offset: stored.offset }])
    }
    return redis.write(rows)
  }
  expect(await redeliver('unfenced', unfenced)).toEqual(['stale row'])
})

test('offsets committed before the rows are written: the check finds the row that is missing', async () => {
  const killedBeforeItWrites: OnlineStore['write'] = () => Promise.resolve({ written: 0, stale: 0 })
  expect(await redeliver('missing', killedBeforeItWrites)).toEqual(['lost'])
})

const PLACE: ChainPlace = { prefix: 'offline', lineage: 1, topic: 'reviews', partition: 0 }
const SCHEMA = {
  name: 'Word',
  id: 7,
  columns: parquetColumns({ type: 'record', name: 'Word', fields: [{ name: 'word', type: 'string' }] }),
}

/** Two sinks that began at the same end: one has written its file, the other wakes up with fewer records in hand. */
async function zombieRotates(store: MemoryObjectStore, goesOn: 'owner' | 'zombie'): Promise<string[]> {
  const open = (first: number) =>
    new ChainWriter({ store, place: PLACE, schema: SCHEMA, first, availableFrom: first, nowMs: () => 0 })
  const append = (writer: ChainWriter, from: number, to: number): void => {
    for (let offset = from; offset < to; offset += 1) {
      const record = { topic: 'reviews', partition: 0, offset, key: null, value: null, appendedAtMs: 0, headers: [] }
      writer.append(record, { word: `word ${offset}` })
    }
  }
  const [owner, zombie] = [open(0), open(0)]
  append(owner, 0, 8)
  append(zombie, 0, 5)
  await owner.rotate()
  await zombie.rotate()
  const next = { owner, zombie }[goesOn]
  append(next, next.position, 10)
  await next.rotate()
  const offsets = Array.from({ length: 10 }, (_, offset) => offset)
  return symptoms(await checkChain(store, PLACE, offsets))
}

test('chains as they are written pass; a file name that is used again is found', async () => {
  for (const goesOn of ['owner', 'zombie'] as const)
    expect(await zombieRotates(new MemoryObjectStore(), goesOn)).toEqual([])
  const overwriting = new MemoryObjectStore()
  overwriting.onRequest = (request) => {
    if (request.startsWith('put ')) overwriting.objects.delete(request.slice('put '.length))
    return 'none'
  }
  expect(await zombieRotates(overwriting, 'owner')).toEqual(['chain broken'])
})

test('a file that was there is taken for the own one: the check finds files that overlap', async () => {
  const store = new MemoryObjectStore()
  const put = store.putIfAbsent.bind(store)
  store.putIfAbsent = async (key, body) => {
    await put(key, body)
    return 'written'
  }
  expect(await zombieRotates(store, 'zombie')).toEqual(['chain broken'])
})
