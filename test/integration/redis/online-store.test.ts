import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { redisKey } from '../../../connectors/feast-keys.ts'
import { movieRow, movieView, PLOT_VIEW, plotRow, userRow, userView } from '../../../connectors/feast-rows.ts'
import type { FencedRow } from '../../../connectors/feast-rows.ts'
import { rebuildOnlineStore } from '../../../connectors/redis-online-store-rebuild.ts'
import { openRedisOnlineStore } from '../../../connectors/redis-online-store.ts'
import type { OnlineStore } from '../../../connectors/redis-online-store.ts'
import { startStack } from '../../../local-stack/stack.ts'
import type { LocalStack } from '../../../local-stack/stack.ts'
import { openTcpProxy } from '../../support/tcp-proxy.ts'

const PROJECT = 'spoiler*test'
const COUNTERS = {
  buckets: [1],
  reviews: [2],
  labelled: [1],
  spoilers: [1],
  units: [900],
  ratings: [1],
  ratingSum: [8],
}
const USERS = userView(['spoiler_rate', 'reviews'])
const MOVIES = movieView(['spoiler_rate'])
const VIEWS = [USERS, MOVIES, PLOT_VIEW]
const UNAVAILABLE = { code: 'SPL_REDIS_UNAVAILABLE', onError: 'retry' }

const resources = new AsyncDisposableStack()
let stack: LocalStack
let port: number
let direct: Redis
let store: OnlineStore

function open(toPort: number): Promise<OnlineStore> {
  const config = { REDIS_URL: `redis://127.0.0.1:${toPort}`, FEAST_PROJECT: PROJECT }
  return openRedisOnlineStore(config, pino({ level: 'silent' }))
}

beforeAll(async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'online-store-'))
  const dataDir = resources.adopt(temporary, (folder) => rm(folder, { recursive: true }))
  stack = resources.use(await startStack({ dataDir, parts: ['redis'] }))
  port = stack.ports.redis
  direct = resources.adopt(new Redis(port, '127.0.0.1'), (client) => client.disconnect())
  direct.on('error', () => undefined) // one test kills the server
  store = resources.use(await open(port))
})
afterAll(() => resources.disposeAsync())
beforeEach(() => direct.flushall())

const user = (id: string, offset: number, lineage = 1): FencedRow =>
  userRow(USERS, { userId: id, updatedAtMs: 1_000, values: [0.5, offset], counters: COUNTERS }, { lineage, offset })
const movie = (id: string, offset: number): FencedRow =>
  movieRow(MOVIES, { movieId: id, updatedAtMs: 2_000, values: [offset], counters: COUNTERS }, { lineage: 1, offset })
const plot = (id: string, offset: number): FencedRow => {
  const known = { title: `title ${offset}`, genres: [], durationMinutes: null, releasedAtMs: -1, plotTerms: ['a'] }
  return plotRow({ movieId: id, updatedAtMs: -3_000, endingTerms: [], ...known }, { lineage: 1, offset })
}

/** What a row shows: its fence, and the second value, which equals the offset that it was written with. */
async function stored(id: string): Promise<unknown> {
  const row = await store.read(USERS, id)
  return row && { lineage: row.lineage, offset: row.offset, value: row.values.get('reviews') }
}

async function* rowsOf(...rows: FencedRow[]): AsyncGenerator<FencedRow> {
  await Promise.resolve()
  yield* rows
}

test('a row is read as it was written, whole', async () => {
  expect(await store.write([user('u1', 7)])).toEqual({ written: 1, stale: 0 })
  expect(await store.read(USERS, 'u1')).toEqual({
    lineage: 1,
    offset: 7,
    updatedAtMs: 1_000,
    values: new Map([
      ['spoiler_rate', { type: 'double', value: 0.5 }],
      ['reviews', { type: 'double', value: 7 }],
      ['counters', { type: 'bytes', value: Buffer.from(JSON.stringify(COUNTERS)) }],
    ]),
  })
  expect(await store.read(USERS, 'u2')).toBeUndefined()
})

test('the two views of a movie share its hash, and each has its own fence', async () => {
  expect(await store.write([movie('m1', 9), plot('m1', 2)])).toEqual({ written: 2, stale: 0 })
  expect(await direct.keys('*')).toHaveLength(1)
  expect(await direct.hlen(redisKey(PROJECT, { movie_id: 'm1' }))).toBe(
    MOVIES.fields.length + PLOT_VIEW.fields.length + 4,
  )
  expect(await store.read(PLOT_VIEW, 'm1')).toMatchObject({ offset: 2, updatedAtMs: -3_000 })
  // Feast finds each by the view's own fields: bytes of a double 9.0
  const [value] = await direct.hmgetBuffer(redisKey(PROJECT, { movie_id: 'm1' }), ...MOVIES.fields)
  expect(value?.toString('hex')).toBe('290000000000002240')
})

test.each([
  { name: 'an equal offset', row: user('u1', 10), wins: false },
  { name: 'a lower offset', row: user('u1', 9), wins: false },
  { name: 'an offset that is lower as a number and higher as text', row: user('u1', 2), wins: false },
  { name: 'a higher offset that is lower as text', row: user('u1', 100), wins: true },
  { name: 'a higher lineage at offset 0', row: user('u1', 0, 2), wins: true },
  { name: 'a lower lineage at a high offset', row: user('u1', 2 ** 53 - 1, 0), wins: false },
])('over offset 10 of lineage 1: $name wins: $wins', async ({ row, wins }) => {
  await store.write([user('u1', 10)])
  expect(await store.write([row])).toEqual(wins ? { written: 1, stale: 0 } : { written: 0, stale: 1 })
  const winner = wins ? row : user('u1', 10)
  expect(await stored('u1')).toEqual({ lineage: winner.lineage, offset: winner.offset, value: winner.values[1] })
})

test('offsets next to 2^53 are told apart', async () => {
  await store.write([user('u1', 2 ** 53 - 1)])
  expect(await store.write([user('u1', 2 ** 53 - 2)])).toEqual({ written: 0, stale: 1 })
  await expect(store.write([user('u1', 2 ** 53)])).rejects.toThrow(RangeError)
})

test('redelivery and any order of writes end in the newest row of each entity', async () => {
  const fence = fc.record({ lineage: fc.nat({ max: 2 }), offset: fc.nat({ max: 120 }), id: fc.constantFrom('a', 'b') })
  const property = fc.asyncProperty(fc.array(fc.array(fence, { maxLength: 8 }), { maxLength: 6 }), async (batches) => {
    await direct.flushall()
    const rows = batches.map((batch) => batch.map(({ id, offset, lineage }) => user(id, offset, lineage)))
    for (const batch of rows) await store.write(batch)
    for (const id of ['a', 'b']) {
      const own = rows.flat().filter((row) => row.id === id)
      const newest = own.toSorted((x, y) => y.lineage - x.lineage || y.offset - x.offset)[0]
      const { lineage, offset, values } = newest ?? {}
      expect(await stored(id)).toEqual(newest && { lineage, offset, value: values?.[1] })
    }
  })
  await fc.assert(property, { seed: 21, numRuns: 60 })
})

test('a server that lost its scripts is written to all the same', async () => {
  await store.write([user('u1', 1)])
  await direct.script('FLUSH')
  expect(await store.write([user('u1', 2)])).toEqual({ written: 1, stale: 0 })
})

test.each(['cut before request', 'cut before reply'] as const)(
  'connection %s: the caller is told to retry, and the retry loses nothing',
  async (fault) => {
    await using proxy = await openTcpProxy(port)
    await using flaky = await open(proxy.port)
    proxy.setFault(fault)
    await expect(flaky.write([user('u1', 1), user('u2', 2)])).rejects.toMatchObject(UNAVAILABLE)
    await expect(flaky.health()).rejects.toMatchObject(UNAVAILABLE)
    proxy.setFault('none')
    await expect.poll(() => flaky.health().then(() => 'up'), { timeout: 10_000 }).toBe('up')
    const { written, stale } = await flaky.write([user('u1', 1), user('u2', 2)])
    expect(written + stale).toBe(2)
    expect(await stored('u1')).toMatchObject({ offset: 1 })
    expect(await stored('u2')).toMatchObject({ offset: 2 })
  },
)

test('a server that goes silent does not hold the caller for ever', async () => {
  await using proxy = await openTcpProxy(port)
  await using mute = await open(proxy.port)
  proxy.setFault('swallow replies')
  await expect(mute.write([user('u1', 1)])).rejects.toMatchObject(UNAVAILABLE)
})

test('opening towards nothing says so, and holds nothing open', async () => {
  await using proxy = await openTcpProxy(port)
  proxy.setFault('refuse')
  await expect(open(proxy.port)).rejects.toMatchObject(UNAVAILABLE)
})

test('a server that is killed and comes back is written to again, and still refuses what is stale', async () => {
  await store.write([user('u1', 5)])
  await direct.call('WAITAOF', '1', '0', '5000') // on disk
  await stack.kill('redis')
  await expect(store.write([user('u1', 6)])).rejects.toMatchObject(UNAVAILABLE)
  await stack.start('redis')
  await expect.poll(() => store.health().then(() => 'up', String), { timeout: 10_000 }).toBe('up')
  expect(await store.write([user('u1', 4), user('u2', 1)])).toEqual({ written: 1, stale: 1 })
  expect(await stored('u1')).toMatchObject({ offset: 5 })
})

test('a server that refuses to write is unavailable, not a loss', async () => {
  const [, memory] = (await direct.config('GET', 'maxmemory')) as [string, string]
  await direct.config('SET', 'maxmemory', '1')
  await expect(store.write([user('u1', 1)])).rejects.toMatchObject(UNAVAILABLE)
  await direct.config('SET', 'maxmemory', memory)
  expect(await store.write([user('u1', 1)])).toEqual({ written: 1, stale: 0 })
})

test('a field that is no fence of ours is not overwritten', async () => {
  await direct.hset(redisKey(PROJECT, { user_id: 'u1' }), '_offset:user_features', 'yesterday')
  await expect(store.write([user('u1', 1)])).rejects.toThrow('is no fence: yesterday')
})

test('a rebuild refills an empty store', async () => {
  const rows = () => rowsOf(user('u1', 1), user('u1', 3), movie('m1', 4), plot('m1', 2))
  const count = await rebuildOnlineStore(store, { views: VIEWS, openRows: rows, removeMissing: true, batchRows: 1 })
  expect(count).toEqual({ written: 4, stale: 0, removed: 0 })
  expect(await stored('u1')).toMatchObject({ offset: 3 })
})

test('a rebuild removes what the topics do not have, and nothing else', async () => {
  await store.write([user('gone', 1), user('kept', 1), movie('m1', 1), plot('m1', 1)])
  const foreign = redisKey('other', { user_id: 'gone' })
  const suffixed = redisKey(`my_${PROJECT}`, { user_id: 'gone' })
  const written = redisKey(PROJECT, { review_id: 'by Feast itself' })
  for (const key of [foreign, suffixed, written]) await direct.hset(key, '_ts:user_features', '')
  // Written while the rebuild reads: one entity that is new, one that the topics had lost.
  const openRows = async function* (): AsyncGenerator<FencedRow> {
    await store.write([user('new', 1), movie('m1', 5)])
    yield* [user('kept', 1), plot('m1', 1)]
  }
  const count = await rebuildOnlineStore(store, { views: VIEWS, openRows, removeMissing: true })
  expect(count).toEqual({ written: 0, stale: 2, removed: 1 })
  const there = async (id: string) => (await store.read(USERS, id)) !== undefined
  expect([await there('gone'), await there('kept'), await there('new')]).toEqual([false, true, true])
  expect(await store.read(MOVIES, 'm1')).toMatchObject({ offset: 5 })
  for (const key of [foreign, suffixed, written]) expect(await direct.exists(key)).toBe(1)
})

test('a removed row leaves the other view of its hash alone', async () => {
  await store.write([movie('m1', 1), plot('m1', 1)])
  await rebuildOnlineStore(store, { views: VIEWS, openRows: () => rowsOf(plot('m1', 1)), removeMissing: true })
  expect(await store.read(MOVIES, 'm1')).toBeUndefined()
  expect(await direct.hlen(redisKey(PROJECT, { movie_id: 'm1' }))).toBe(PLOT_VIEW.fields.length + 2)
})

test('a rebuild that is not asked to removes nothing', async () => {
  await store.write([user('gone', 1)])
  await rebuildOnlineStore(store, { views: VIEWS, openRows: () => rowsOf(), removeMissing: false })
  expect(await stored('gone')).toMatchObject({ offset: 1 })
})
