import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InputRecord } from '../../../platform/input-record.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { readRecords, readTopic } from '../../../platform/topic-reader.ts'
import { type Replayed, replayName } from '../../../replay/replay-into.ts'
import { topics } from '../../../schemas/topics.ts'
import { ForeignClient } from '../../support/foreign-client.ts'
import { COMPONENTS, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { shield, startShield } from '../../support/shield.ts'

const REVIEWS = 1_500
const FOLDS_AND_SCORER = COMPONENTS.filter(({ name }) => name !== 'sinks')
const OUTPUTS = [topics.movieActivity.name, topics.reviewFeatures.name, topics.spoilerScores.name]

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
/** What is live when nothing moves any more. */
let live: ReadonlyMap<string, readonly InputRecord[]>

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry'], { TOPIC_PARTITIONS: '2' }))
  pipeline.supervise(FOLDS_AND_SCORER)
  for (let n = 0; n < REVIEWS; n += 1) {
    const ids = { reviewId: `r${n}`, userId: `u${n % 40}`, movieId: `m${n % 9}` }
    await pipeline.publisher.publish('reviews', { ...EXAMPLE.review, ...ids })
    if (n % 3 === 0) await pipeline.publisher.publish('reviewLabels', { ...EXAMPLE.label, ...ids })
  }
  await pipeline.publisher.flush()
  await until('all is scored', async () => (await pipeline.records('spoilerScores')).length >= REVIEWS)
  await until('all labels are folded', async () => {
    const activity = await pipeline.records('movieActivity')
    return activity.filter(({ value }) => value.label !== null).length >= REVIEWS / 3
  })
  live = await recordsOf(OUTPUTS)
})
afterAll(() => resources.disposeAsync())

const replay = (...args: string[]) => shield(pipeline, ['replay', ...args])

test('every stage is made again into topics of its own, bit for bit, and what is live stays as it is', async () => {
  const { exitCode, stdout, stderr } = await replay('--into', 'again', '--json')
  expect(exitCode, stderr).toBe(0)
  const { stages } = JSON.parse(stdout) as { readonly stages: readonly Replayed[] }
  expect(stages.map(({ stage }) => stage)).toEqual(['user-history', 'movie-context', 'scorer', 'evaluator'])
  const again = await recordsOf(OUTPUTS.map((name) => replayName('again', name)))
  for (const name of OUTPUTS) expect(contentOf(again.get(replayName('again', name)))).toEqual(contentOf(live.get(name)))
  expect(await recordsOf(OUTPUTS)).toEqual(live)
})

test('a replay that is killed goes on where it was, and nothing is there twice', async () => {
  const topic = replayName('killed', topics.reviewFeatures.name)
  const args = ['replay', '--into', 'killed', '--stage', 'movie-context']
  const child = startShield(pipeline, [...args, '--max-rate', '300'])
  const ended = new Promise((resolve) => child.on('exit', resolve))
  await until('some of it is written', async () => (await committed(topic)).length > 100)
  child.kill('SIGKILL')
  await ended
  const before = (await committed(topic)).length
  expect(before).toBeLessThan(REVIEWS)

  const second = await shield(pipeline, [...args, '--json'])
  expect(second.exitCode, second.stderr).toBe(0)
  expect(contentOf(await committed(topic))).toEqual(contentOf(live.get(topics.reviewFeatures.name)))
  const third = await shield(pipeline, [...args, '--json'])
  const { stages } = JSON.parse(third.stdout) as { readonly stages: readonly Replayed[] }
  expect(stages).toMatchObject([{ replayed: 0, outputs: 0 }])
})

test('of a range only its outputs are written, with all that went before behind them', async () => {
  const from = 400
  const { exitCode, stderr } = await replay(
    '--into',
    'range',
    '--stage',
    'movie-context',
    '--from',
    `0:${from},1:${from}`,
  )
  expect(exitCode, stderr).toBe(0)
  const { config, codec } = pipeline
  const wanted: string[] = []
  for await (const { record, decoded } of readTopic(config, codec, 'reviewFeatures', {
    from: 'beginning',
    follow: false,
  }))
    if ('value' in decoded && decoded.value.movieActivityPosition.offset >= from) wanted.push(identity(record))
  expect(wanted.length).toBeGreaterThan(0)
  expect(wanted.length).toBeLessThan(REVIEWS)
  expect(contentOf(await committed(replayName('range', topics.reviewFeatures.name)))).toEqual(wanted.toSorted())
})

test('a range of event time is what was written then, wherever it stands', async () => {
  const at = new Date(EXAMPLE.review.writtenAtMs + 1).toISOString()
  const stage = ['--stage', 'scorer', '--json']
  const later = await replay('--verify', ...stage, '--from-event-time', at)
  expect(JSON.parse(later.stdout), later.stderr).toMatchObject({ stages: [{ compared: 0 }] })
  const before = await replay('--verify', ...stage, '--to-event-time', at)
  expect(JSON.parse(before.stdout), before.stderr).toMatchObject({ stages: [{ compared: REVIEWS, differing: 0 }] })
})

test('a log that has lost its beginning is refused with its partition and offset; scores need none', async () => {
  await using client = await ForeignClient.connect(pipeline.config.KAFKA_BROKERS)
  const cut = [{ partition: 0, offset: '10' }]
  await client.admin.fetchTopicOffsets(topics.userActivity.name) // the client learns its partitions
  await client.admin.deleteTopicRecords({ topic: topics.userActivity.name, partitions: cut })
  const folds = await replay('--verify', '--stage', 'user-history')
  expect(folds.exitCode).toBe(1)
  expect(folds.stderr).toContain('SPL_REPLAY_RANGE')
  expect(folds.stderr).toContain('user-activity/0 again from offset 10: its log begins at offset 10')
  const scores = await replay('--verify', '--stage', 'scorer', '--json')
  expect(scores.exitCode, scores.stderr).toBe(0)
  expect(JSON.parse(scores.stdout)).toMatchObject({ stages: [{ stage: 'scorer', compared: REVIEWS, differing: 0 }] })
})

test('what cannot be meant is refused with what can', async () => {
  const refused = async (message: string, ...args: string[]): Promise<void> => {
    const { exitCode, stderr } = await replay(...args)
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain(message)
  }
  await Promise.all([
    refused("option '--verify' cannot be used with option '--into", '--verify', '--into', 'x'),
    refused('say --verify to compare, or --into NAME to write'),
    refused('is no name of a replay', '--into', 'No name'),
  ])
})

/** None of a topic that is not there yet. */
async function committed(topic: string): Promise<InputRecord[]> {
  try {
    return await Array.fromAsync(readRecords(pipeline.config, topic, { from: 'beginning', follow: false }))
  } catch (error) {
    if (error instanceof SpoilerError && error.code === 'SPL_TOPIC_MISSING') return []
    throw error
  }
}

async function recordsOf(names: readonly string[]): Promise<Map<string, InputRecord[]>> {
  const found = new Map<string, InputRecord[]>()
  for (const name of names) found.set(name, (await committed(name)).toSorted(byPosition))
  return found
}

function byPosition(a: InputRecord, b: InputRecord): number {
  return a.partition - b.partition || a.offset - b.offset
}

/** Whatever the order of partitions and batches. */
function contentOf(records: readonly InputRecord[] = []): string[] {
  return records.map(identity).toSorted()
}

function identity({ key, value }: InputRecord): string {
  return `${key?.toString() ?? ''} ${value?.toString('base64') ?? ''}`
}
