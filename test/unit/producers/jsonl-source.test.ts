import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { ProducedEvent } from '../../../producers/event-source.ts'
import { parseMapping } from '../../../producers/field-mapping.ts'
import { openJsonlSource, type JsonlOptions } from '../../../producers/jsonl-source.ts'
import { openRejectLog } from '../../../producers/reject-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'jsonl-source-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ACL = join(import.meta.dirname, '../../../../shared/data/aclimdb_50k.jsonl.xz')
const ACL_MAP = 'reviewId=review_id,movieId=movie_id,text=review_text,rating=rating'

function sourceOf(map: string, options: Partial<JsonlOptions> & Pick<JsonlOptions, 'file'>) {
  const rejects = openRejectLog(join(folder, 'rejects.jsonl'))
  const clock = { startMs: 1_000_000, stepMs: 1000 }
  const source = openJsonlSource({ mapping: parseMapping(map), clock, labelDelay: null, rejects, ...options })
  return { source, rejects: rejects.counts }
}

async function read(map: string, rows: readonly object[], options: Partial<JsonlOptions> = {}) {
  const file = join(folder, 'rows.jsonl')
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { source, rejects } = sourceOf(map, { file, ...options })
  return { events: await Array.fromAsync(source.events), rejects: Object.fromEntries(rejects) }
}

function valuesOf(events: readonly ProducedEvent[]): unknown[] {
  return events.map(({ value }) => value)
}

test('every target can be mapped', async () => {
  const map = 'reviewId=id,userId=who,movieId=film,text=body,summary=head,rating=stars,writtenAt=at,isSpoiler=spoils'
  const row = { id: 5, who: 'u', film: 'f/', body: 't', head: 'h', stars: '7', at: '2020-05-01T10:00:00Z', spoils: 1 }
  const { events } = await read(map, [row], { labelDelay: { meanMs: 10, spreadMs: 0 } })
  const writtenAtMs = Date.UTC(2020, 4, 1, 10)
  const ids = { reviewId: '5', userId: 'u', movieId: 'f' }
  expect(valuesOf(events)).toEqual([
    { ...ids, text: 't', summary: 'h', rating: 7, writtenAtMs, revision: 0 },
    { ...ids, isSpoiler: true, source: 'self-declared', labelledAtMs: writtenAtMs + 10, revision: 0 },
  ])
})

test('what is not mapped has a default: user from the review id, id from line and text, time from the clock', async () => {
  const rows = [
    { m: 'a', t: 'same' },
    { m: 'a', t: 'same' },
  ]
  const { events } = await read('movieId=m,text=t', rows)
  const again = await read('movieId=m,text=t,userId=hash(reviewId)', rows)
  expect(again.events).toEqual(events)
  const reviews = events.filter((event) => event.topic === 'reviews').map(({ value }) => value)
  expect(reviews.map(({ writtenAtMs, rating, summary }) => [writtenAtMs, rating, summary])).toEqual([
    [1_000_000, null, null],
    [1_001_000, null, null],
  ])
  expect(new Set(reviews.flatMap(({ reviewId, userId }) => [reviewId, userId])).size).toBe(4)
})

test.each([
  ['milliseconds', 1_588_327_200_000, Date.UTC(2020, 4, 1, 10)],
  ['a date', '1 May 2020', Date.UTC(2020, 4, 1)],
  ['an instant with offset', '2020-05-01T12:00:00+02:00', Date.UTC(2020, 4, 1, 10)],
])('writtenAt takes %s', async (_name, at, expected) => {
  const { events } = await read('movieId=m,text=t,writtenAt=at', [{ m: 'a', t: 'b', at }])
  expect(events[0]?.eventTimeMs).toBe(expected)
})

test('rows that do not fit the mapping are refused by line, labels that are missing are no labels', async () => {
  const rows = [{ t: 'x' }, { m: 'a', t: 'x', s: 'maybe' }, { m: 'a', t: 'x' }, { m: 'a', t: 'x', at: 'noon', s: true }]
  const { events, rejects } = await read('movieId=m,text=t,isSpoiler=s', rows, {
    labelDelay: { meanMs: 1, spreadMs: 0 },
  })
  expect(rejects).toEqual({ 'm is missing': 1, 's is neither true nor false': 1 })
  expect(events.map(({ topic }) => topic)).toEqual(['reviews', 'reviews', 'reviewLabels'])
  const timed = await read('movieId=m,text=t,writtenAt=at', [...rows.slice(3), { m: 'a', t: 'x', at: 5 }])
  expect(timed.rejects).toEqual({ 'at is no instant': 1 })
})

test('a mapping that fits no row is an error that shows the first one', async () => {
  await expect(read('movieId=m,text=nothing', [{ m: 'a', t: 'x' }])).rejects.toMatchObject({
    code: 'SPL_INPUT_FILE_INVALID',
    message: expect.stringMatching(/line 1: nothing is missing/) as string,
  })
})

test.each([
  ['an unknown target', 'movieId=m,text=t,stars=s', /knows no "stars"/],
  ['a missing target', 'text=t', /needs movieId=FIELD/],
  ['a target without field', 'movieId=m,text=', /text names no field/],
  ['a target named twice', 'movieId=m,text=t,text=u', /names text twice/],
])('%s is refused as usage', (_name, map, message) => {
  expect(() => parseMapping(map)).toThrow(
    expect.objectContaining({ code: 'SPL_USAGE', message: expect.stringMatching(message) as string }),
  )
})

test.skipIf(!existsSync(ACL))('the 50,000 aclImdb reviews come through, each with its own id and user', async () => {
  const { source, rejects } = sourceOf(ACL_MAP, { file: ACL })
  const ids = new Set<string>()
  const users = new Set<string>()
  for await (const event of source.events) {
    if (event.topic !== 'reviews') throw new Error(`unexpected ${event.topic}`)
    ids.add(event.value.reviewId)
    users.add(event.value.userId)
  }
  expect([ids.size, users.size, rejects.size]).toEqual([50_000, 50_000, 0])
  expect(source.share()).toBe(1)
  const first = sourceOf(ACL_MAP, { file: ACL, limit: 3 }).source
  expect(await Array.fromAsync(first.events)).toHaveLength(3)
})
