import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RECORDED_FOLDS } from '../../../replay/recorded-folds.ts'
import { type Replayed, replayName } from '../../../replay/replay-into.ts'
import type { StageReport } from '../../../replay/verify/report.ts'
import { readRecords, readTopic } from '../../../platform/topic-reader.ts'
import { topics } from '../../../schemas/topics.ts'
import { objectsFolder } from '../../support/archived.ts'
import { ForeignClient } from '../../support/foreign-client.ts'
import { COMPONENTS, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { EXAMPLE } from '../../support/review-world.ts'
import { shield } from '../../support/shield.ts'

const PARTITIONS = 2

const resources = new AsyncDisposableStack()
let pipeline: Pipeline

beforeAll(async () => {
  const settings = { TOPIC_PARTITIONS: String(PARTITIONS), SNAPSHOT_MS: '300' }
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 's3'], settings))
  await pipeline.stack.ready('s3')
  const folds = pipeline.supervise(COMPONENTS.filter(({ name }) => name === 'folds'))
  let reviews = 0
  const publishSome = async (): Promise<void> => {
    for (const end = reviews + 50; reviews < end; reviews += 1) {
      const ids = { reviewId: `r${reviews}`, userId: `u${reviews % 40}`, movieId: `m${reviews % 9}` }
      await pipeline.publisher.publish('reviews', { ...EXAMPLE.review, ...ids })
      if (reviews % 3 === 0) await pipeline.publisher.publish('reviewLabels', { ...EXAMPLE.label, ...ids })
    }
    await pipeline.publisher.flush()
  }
  await until('each partition of each fold has snapshots', async () => {
    await publishSome() // snapshots are due by append time: without records there are none
    const kept = Object.keys(RECORDED_FOLDS).flatMap((fold) => [0, 1].map((partition) => snapshotsOf(fold, partition)))
    return kept.every((found) => found.length >= 3)
  })
  await publishSome()
  await until('all is folded', async () => (await pipeline.records('reviewFeatures')).length >= reviews)
  await until('all labels are folded', async () => {
    const activity = await pipeline.records('movieActivity')
    return activity.filter(({ value }) => value.label !== null).length >= reviews / 3
  })
  await folds[Symbol.asyncDispose]() // nothing is kept or folded from here on
})
afterAll(() => resources.disposeAsync())

const replay = (...args: string[]) => shield(pipeline, ['replay', ...args])

/** Offsets and folders, oldest first. */
function snapshotsOf(fold: string, partition: number): { readonly offset: number; readonly folder: string }[] {
  const place = join(objectsFolder(pipeline), 'snapshots', fold)
  try {
    const [topicId = ''] = readdirSync(place)
    const folder = join(place, topicId, String(partition))
    const whole = readdirSync(folder).filter((name) => readdirSync(join(folder, name)).includes('snapshot.json'))
    return whole.toSorted().map((name) => ({ offset: Number(name.split('-')[0]), folder: join(folder, name) }))
  } catch {
    return [] // no snapshot yet
  }
}

/** Of each partition the offset of the last record before the newest snapshot, and the one at which a fold then begins. */
function middle(fold: string): { readonly from: number[]; readonly begins: number[] } {
  const kept = [0, 1].map((partition) => snapshotsOf(fold, partition).map(({ offset }) => offset))
  return { from: kept.map((own) => (own.at(-1) ?? 0) - 1), begins: kept.map((own) => own.at(-2) ?? 0) }
}

const placeOf = (offsets: readonly number[]): string => offsets.map((offset, i) => `${i}:${offset}`).join(',')

test('what is made from the middle of a log on is what was live, bit for bit', async () => {
  const { from, begins } = middle('movie-context')
  const { exitCode, stdout, stderr } = await replay(
    ...['--into', 'middle', '--stage', 'movie-context', '--from', placeOf(from), '--json'],
  )
  expect(exitCode, stderr).toBe(0)
  for (const [partition, offset] of begins.entries())
    expect(stderr).toContain(`movie-activity/${partition} is folded from offset ${offset}, by a snapshot`)
  const { stages } = JSON.parse(stdout) as { readonly stages: readonly Replayed[] }
  expect(stages[0]?.replayed).toBeGreaterThan(0)
  const wanted: string[] = []
  for await (const { record, decoded } of readTopic(pipeline.config, pipeline.codec, 'reviewFeatures', {
    ...{ from: 'beginning', follow: false },
  })) {
    if (!('value' in decoded)) continue
    const { partition, offset } = decoded.value.movieActivityPosition
    if (offset >= (from[partition] ?? 0)) wanted.push(record.value?.toString('base64') ?? '')
  }
  const made: string[] = []
  const topic = replayName('middle', topics.reviewFeatures.name)
  for await (const { value } of readRecords(pipeline.config, topic, { from: 'beginning', follow: false }))
    made.push(value?.toString('base64') ?? '')
  expect(made.toSorted()).toEqual(wanted.toSorted())
  expect(made.length).toBeGreaterThan(0)
})

test.each(['user-history', 'movie-context'] as const)('%s is verified from the middle of its log on', async (stage) => {
  const { from, begins } = middle(stage)
  const report = await verified(stage, from)
  expect(Object.values(report.snapshots ?? {})).toEqual(begins)
  expect(report).toMatchObject({ differing: 0 })
  expect(report.compared).toBeGreaterThan(0)
})

test('a log that has lost its beginning is replayed from a snapshot, and from nowhere else', async () => {
  const kept = [0, 1].map((partition) => snapshotsOf('user-history', partition).at(-2)?.offset ?? 0)
  await using client = await ForeignClient.connect(pipeline.config.KAFKA_BROKERS)
  const name = topics.userActivity.name
  await client.admin.fetchTopicOffsets(name) // the client learns its partitions
  const cut = kept.map((offset, partition) => ({ partition, offset: String(offset - 1) }))
  await client.admin.deleteTopicRecords({ topic: name, partitions: cut })

  const refused = await replay('--verify', '--stage', 'user-history')
  expect(refused.exitCode).toBe(1)
  expect(refused.stderr).toContain('SPL_REPLAY_RANGE')
  expect(refused.stderr).toContain(`its log begins at offset ${(kept[0] ?? 0) - 1}`)
  expect(refused.stderr).toContain(`Begin at it: --from 0:${kept[0]}`)

  expect(await verified('user-history', kept)).toMatchObject({ differing: 0, snapshots: { 0: kept[0], 1: kept[1] } })
})

test('a damaged snapshot is left out, and the next older one serves', async () => {
  const [newest, older] = snapshotsOf('movie-context', 0).toReversed()
  if (newest === undefined || older === undefined) expect.unreachable()
  const part = join(newest.folder, '00000.zst')
  truncateSync(part, statSync(part).size - 10)
  const from = `0:${newest.offset}`
  const { exitCode, stdout, stderr } = await replay('--verify', '--stage', 'movie-context', '--from', from, '--json')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/left out: /)
  const { stages } = JSON.parse(stdout) as { readonly stages: readonly [StageReport] }
  expect(stages[0]).toMatchObject({ differing: 0, snapshots: { 0: older.offset } })
})

test('`shield snapshots` lists them, and says which of them the code of today can begin at', async () => {
  const { exitCode, stdout, stderr } = await shield(pipeline, ['snapshots', '--json'])
  expect(exitCode, stderr).toBe(0)
  const { snapshots } = JSON.parse(stdout) as { readonly snapshots: readonly Record<string, unknown>[] }
  const newest = snapshotsOf('user-history', 1).at(-1)
  expect(snapshots).toContainEqual(
    expect.objectContaining({ fold: 'user-history', partition: 1, offset: newest?.offset, madeBy: 'this code' }),
  )
})

async function verified(stage: string, from: readonly number[]): Promise<StageReport> {
  const { exitCode, stdout, stderr } = await replay('--verify', '--stage', stage, '--from', placeOf(from), '--json')
  expect(exitCode, `${stderr}${stdout}`).toBe(0)
  const { stages } = JSON.parse(stdout) as { readonly stages: readonly [StageReport] }
  return stages[0]
}
