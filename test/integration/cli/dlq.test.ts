import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ForeignClient } from '../../support/foreign-client.ts'
import { COMPONENTS, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { shield, shieldBytes } from '../../support/shield.ts'

interface Line {
  readonly id: string
  readonly state: string
  readonly code: string
}

const resources = new AsyncDisposableStack()
const folder = mkdtempSync(join(tmpdir(), 'dlq-'))
resources.defer(() => rmSync(folder, { recursive: true }))
let pipeline: Pipeline
let client: ForeignClient

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry'], { TOPIC_PARTITIONS: '2' }))
  client = resources.use(await ForeignClient.connect(pipeline.config.KAFKA_BROKERS))
  pipeline.supervise(COMPONENTS.filter(({ name }) => name === 'folds'))
})
afterAll(() => resources.disposeAsync())

const dlq = (...args: string[]) => shield(pipeline, ['dlq', ...args])

async function letters(...args: string[]): Promise<Line[]> {
  const { stdout } = await dlq('ls', '--json', ...args)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

/** Publishes a record, and waits until it is a dead letter. @returns its id. */
async function deadLetter(topic: string, value: object | Buffer, key = 'u1'): Promise<string> {
  const before = (await pipeline.records('deadLetters')).length
  await client.publish({ topic, key, value: Buffer.isBuffer(value) ? value : JSON.stringify(value) })
  await until('it is a dead letter', async () => (await pipeline.records('deadLetters')).length > before)
  const [newest] = await letters('--limit', '1')
  return (newest as Line).id
}

const rowsOf = async (reviewId: string): Promise<number> =>
  (await pipeline.records('reviewFeatures')).filter(({ value }) => value.reviewId === reviewId).length

test('a mended record is rehearsed, and goes back once, however often and by how many it is replayed', async () => {
  const id = await deadLetter('reviews', { ...EXAMPLE.review, reviewId: 'eleven', rating: 11 })
  const asItWas = await dlq('replay', id, '--dry-run')
  expect([asItWas.exitCode, asItWas.stdout]).toEqual([1, expect.stringMatching(/refused: SPL_RATING_INVALID/)])
  const mended = await dlq('replay', id, '--set', 'rating=7', '--dry-run')
  expect([mended.exitCode, mended.stdout]).toEqual([0, expect.stringMatching(/taken; writes user-activity \(u1\)/)])
  expect(await rowsOf('eleven')).toBe(0)

  const replay = ['replay', '--code', 'SPL_RATING_INVALID', '--set', 'rating=7', '--reason', 'it was seven', '--json']
  await Promise.all([dlq(...replay), dlq(...replay)]) // the later one may fence the earlier one, which then fails
  await dlq(...replay)
  await until('the review has its row', async () => (await rowsOf('eleven')) > 0)
  const again = await dlq('replay', id)
  expect([again.exitCode, again.stdout]).toEqual([0, expect.stringMatching(/No open letter/)])
  const published = (await pipeline.records('reviews')).filter(({ value }) => value.reviewId === 'eleven')
  expect(published.map(({ value }) => value.rating)).toEqual([11, 7])
  expect((await dlq('show', id)).stdout).toMatch(/state +replayed[^]*it was seven[^]*edit +rating: 11 -> 7/)
  expect(await letters()).toEqual([])
})

test('only the failed step is repeated: a label that the history refused enters there', async () => {
  const ids = { userId: 'u2', reviewId: 'mismatch' }
  await client.publish({ topic: 'reviews', key: 'u2', value: JSON.stringify({ ...EXAMPLE.review, ...ids }) })
  await until('the review has its row', async () => (await rowsOf('mismatch')) > 0)
  const id = await deadLetter('review-labels', { ...EXAMPLE.label, ...ids, movieId: 'another' }, 'u2')
  expect(id).toMatch(/^user-history:user-activity\//)
  const before = (await pipeline.records('reviewLabels')).length
  expect((await dlq('replay', id, '--dry-run')).exitCode).toBe(1)
  const { stdout } = await dlq('replay', id, '--set', 'label.movieId=m1')
  expect(stdout).toBe('1 replayed\n')
  const labels = async () => (await pipeline.records('movieActivity')).filter(({ value }) => value.label !== null)
  await until('the label reached the movie', async () => (await labels()).length === 1)
  expect((await pipeline.records('reviewLabels')).length).toBe(before)
})

test('bytes that nobody can read come out as they were, and go back as a file says', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0a, 0x80])
  const id = await deadLetter('reviews', bytes)
  const { stdout } = await shieldBytes(pipeline, ['dlq', 'show', id, '--bytes'])
  expect(stdout).toEqual(bytes)
  const refused = await dlq('replay', id, '--set', 'rating=7')
  expect([refused.exitCode, refused.stdout]).toEqual([1, expect.stringMatching(/cannot be read[^]*1 refused/)])
  const file = join(folder, 'mended.json')
  writeFileSync(file, JSON.stringify({ ...EXAMPLE.review, reviewId: 'from a file' }))
  expect((await dlq('replay', id, '--value-from', file)).stdout).toBe('1 replayed\n')
  await until('the review has its row', async () => (await rowsOf('from a file')) > 0)
})

test('what is dropped is no longer open, and stays; letters are chosen, never swept up', async () => {
  const id = await deadLetter('reviews', {})
  const none = await dlq('drop')
  expect([none.exitCode, none.stderr]).toEqual([2, expect.stringMatching(/SPL_USAGE[^]*--all/)])
  expect((await dlq('drop', id, '--reason', 'a test', '--by', 'ada')).stdout).toBe('1 dropped\n')
  expect(await letters()).toEqual([])
  expect(await letters('--state', 'dropped')).toMatchObject([{ id, code: 'SPL_FIELD_MISSING' }])
  expect((await dlq('show', 'reviews/9/9')).stderr).toMatch(/there is no dead letter "reviews\/9\/9"/)
})
