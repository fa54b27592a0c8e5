import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { ChainableCommander } from 'ioredis'
import type { Logger } from 'pino'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { parseRedisKey, redisKey } from './feast-keys.ts'
import type { FeatureView, Fence, FencedRow } from './feast-rows.ts'
import { decodeTimestamp, decodeValue, encodeTimestamp, encodeValue } from './feast-values.ts'
import type { FeatureValue } from './feast-values.ts'

export interface WriteCount {
  readonly written: number
  /** Rows that stood behind what Redis already had, or behind another row of the same call. */
  readonly stale: number
}

/** What is stored of one entity in one view. */
export interface StoredRow extends Fence {
  readonly updatedAtMs: number
  /** By feature name; a feature that was never written is `unset`. */
  readonly values: ReadonlyMap<string, FeatureValue>
}

/** That a row is there, without its values. */
export interface RowReference extends Fence {
  readonly view: FeatureView
  readonly id: string
}

/**
 * Feast's Redis online store, written by compare-and-set on (lineage, log offset). Every method throws SpoilerError
 * SPL_REDIS_UNAVAILABLE (retry) when Redis does not answer, or refuses: what was not confirmed may be written again,
 * since a row that is already there does no harm.
 */
export interface OnlineStore extends AsyncDisposable {
  /** One pipeline; a row becomes visible whole, and only if its fence is greater than the stored one. */
  write(rows: readonly FencedRow[]): Promise<WriteCount>
  /** @returns undefined if there is no such row. */
  read(view: FeatureView, id: string): Promise<StoredRow | undefined>
  /** The rows of these views, in batches, as SCAN gives them: what stands there throughout is seen at least once. */
  scan(views: readonly FeatureView[]): AsyncIterable<readonly RowReference[]>
  /** Removes rows that still have the fence of their reference; other views of the same hash stay. @returns how many. */
  remove(rows: readonly RowReference[]): Promise<number>
  /** Resolves when Redis answers. */
  health(): Promise<void>
}

/** Longest wait for one answer: a paused server must not hold the component for ever. */
const COMMAND_TIMEOUT_MS = 5_000
const RECONNECT_MAX_MS = 2_000
const SCAN_COUNT = 1_000

const WRITE = script(`
-- KEYS[1] hash of the entity; ARGV: 1 fence field, 2 lineage, 3 offset, 4.. field, value, ...
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored then
  local lineage, offset = string.match(stored, '^(%d+):(%d+)$')
  if not lineage then return redis.error_reply('ERR ' .. ARGV[1] .. ' is no fence: ' .. stored) end
  lineage, offset = tonumber(lineage), tonumber(offset)
  local newLineage, newOffset = tonumber(ARGV[2]), tonumber(ARGV[3])
  if newLineage < lineage or (newLineage == lineage and newOffset <= offset) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. ARGV[3], unpack(ARGV, 4))
return 1`)

const REMOVE = script(`
-- KEYS[1] hash of the entity; ARGV: 1 fence field, 2 its expected value, 3.. fields of the view
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1], unpack(ARGV, 3))
return 1`)

/** Connects, and proves it with a PING. The connection heals by itself; meanwhile every call fails at once. */
export async function openRedisOnlineStore(
  { REDIS_URL, FEAST_PROJECT: project }: Pick<Config, 'REDIS_URL' | 'FEAST_PROJECT'>,
  log: Logger,
): Promise<OnlineStore> {
  await using opening = new AsyncDisposableStack()
  const client = opening.adopt(
    new Redis(REDIS_URL, {
      lazyConnect: true,
      // Nothing is queued or sent again behind our back: the caller hears of a failure and decides.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.min(RECONNECT_MAX_MS, 50 * 2 ** Math.min(attempt, 10)),
    }),
    (c) => c.disconnect(),
  )
  client.on('error', (error: Error) => log.warn({ error }, 'redis connection'))
  await answered('connecting to Redis', async () => {
    await client.connect()
    await client.ping()
  })
  const opened = opening.move()
  return {
    write: (rows) => write(client, project, rows),
    read: (view, id) => read(client, project, { view, id }),
    scan: (views) => scan(client, project, views),
    remove: (rows) => remove(client, project, rows),
    health: async () => {
      await answered('asking Redis', () => client.ping())
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function write(client: Redis, project: string, rows: readonly FencedRow[]): Promise<WriteCount> {
  const newest = newestOfEach(rows)
  if (newest.length === 0) return { written: 0, stale: 0 }
  const replies = await runScript(client, WRITE, (call) => {
    for (const row of newest) call(hashKey(project, row), writeArguments(row))
  })
  const written = replies.filter((reply) => reply === 1).length
  return { written, stale: rows.length - written }
}

/** Of several rows of one entity in a batch only the newest would stay: the others need not travel (hot movies). */
function newestOfEach(rows: readonly FencedRow[]): FencedRow[] {
  const newest = new Map<string, FencedRow>()
  for (const row of rows) {
    const key = `${row.view.name}/${row.id}`
    const other = newest.get(key)
    if (other === undefined || isNewer(row, other)) newest.set(key, row)
  }
  return [...newest.values()]
}

function isNewer(fence: Fence, than: Fence): boolean {
  return fence.lineage === than.lineage ? fence.offset > than.offset : fence.lineage > than.lineage
}

function writeArguments({ view, lineage, offset, updatedAtMs, values }: FencedRow): (Buffer | number)[] {
  // Lua counts in doubles: beyond 2^53 two offsets could compare as equal.
  if (![lineage, offset].every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new RangeError(`no fence: lineage ${lineage}, offset ${offset}`)
  if (values.length !== view.fields.length)
    throw new RangeError(`${view.name}: ${values.length} values, ${view.fields.length} features`)
  const pairs = view.fields.flatMap((field, i) => [field, encodeValue(values[i] ?? { type: 'unset' })])
  return [view.fenceField, lineage, offset, view.timestampField, encodeTimestamp(updatedAtMs), ...pairs]
}

async function read(
  client: Redis,
  project: string,
  row: Pick<RowReference, 'view' | 'id'>,
): Promise<StoredRow | undefined> {
  const { view } = row
  const fields = [view.fenceField, view.timestampField, ...view.fields]
  const [fence, timestamp, ...values] = await answered('reading rows of Redis', () =>
    client.hmgetBuffer(hashKey(project, row), ...fields),
  )
  if (fence == null || timestamp == null) return undefined
  const byName = view.features.map((name, i) => [name, decodeValue(values[i] ?? Buffer.alloc(0))] as const)
  return { ...parseFence(fence), updatedAtMs: decodeTimestamp(timestamp), values: new Map(byName) }
}

async function* scan(
  client: Redis,
  project: string,
  views: readonly FeatureView[],
): AsyncGenerator<readonly RowReference[]> {
  const pattern = `*${project.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`)}`
  let cursor = '0'
  do {
    const from = cursor
    const [next, keys] = await answered('scanning Redis', () =>
      client.scanBuffer(from, 'MATCH', pattern, 'COUNT', SCAN_COUNT),
    )
    const references = keys.flatMap((key) => referencesOf(parseRedisKey(project, key), views))
    yield await fenced(client, project, references)
    cursor = next.toString()
  } while (cursor !== '0')
}

function referencesOf(
  entity: Readonly<Record<string, string>> | undefined,
  views: readonly FeatureView[],
): Pick<RowReference, 'view' | 'id'>[] {
  const [only, ...others] = Object.entries(entity ?? {})
  if (only === undefined || others.length > 0) return []
  const [joinKey, id] = only
  return views.filter((view) => view.joinKey === joinKey).map((view) => ({ view, id }))
}

/** Completes references by the stored fence; rows that have none are not ours and are left out. */
async function fenced(
  client: Redis,
  project: string,
  rows: readonly Pick<RowReference, 'view' | 'id'>[],
): Promise<RowReference[]> {
  if (rows.length === 0) return []
  const pipeline = client.pipeline()
  for (const row of rows) pipeline.hget(hashKey(project, row), row.view.fenceField)
  const fences = await answered('scanning Redis', () => replies(pipeline))
  return rows.flatMap((row, i) => {
    const fence = fences[i]
    return typeof fence === 'string' ? [{ ...row, ...parseFence(Buffer.from(fence)) }] : []
  })
}

async function remove(client: Redis, project: string, rows: readonly RowReference[]): Promise<number> {
  if (rows.length === 0) return 0
  const removed = await runScript(client, REMOVE, (call) => {
    for (const row of rows) {
      const { view, lineage, offset } = row
      call(hashKey(project, row), [view.fenceField, `${lineage}:${offset}`, view.timestampField, ...view.fields])
    }
  })
  return removed.filter((reply) => reply === 1).length
}

function hashKey(project: string, { view, id }: Pick<RowReference, 'view' | 'id'>): Buffer {
  return redisKey(project, { [view.joinKey]: id })
}

function parseFence(stored: Buffer): Fence {
  const [lineage, offset] = stored.toString().split(':').map(Number)
  return { lineage: lineage ?? Number.NaN, offset: offset ?? Number.NaN }
}

function script(lua: string): { readonly lua: string; readonly sha: string } {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

type ScriptCall = (key: Buffer, args: readonly (Buffer | number | string)[]) => void

/** One pipeline of calls. The script goes ahead of them each time: then a restarted server never lacks it. */
async function runScript(
  client: Redis,
  { lua, sha }: ReturnType<typeof script>,
  calls: (call: ScriptCall) => void,
): Promise<unknown[]> {
  const pipeline = client.pipeline()
  pipeline.script('LOAD', lua)
  calls((key, args) => pipeline.evalsha(sha, 1, key, ...args))
  const [, ...results] = await answered('writing rows to Redis', () => replies(pipeline))
  return results
}

/** @throws the first error among the replies: nothing of the batch may count as done then. */
async function replies(pipeline: ChainableCommander): Promise<unknown[]> {
  const results = (await pipeline.exec()) ?? []
  const failed = results.find(([error]) => error !== null)
  if (failed?.[0]) throw failed[0]
  return results.map(([, reply]) => reply)
}

async function answered<T>(doing: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SpoilerError('SPL_REDIS_UNAVAILABLE', `${doing}: ${reason}`, { onError: 'retry', cause })
  }
}
