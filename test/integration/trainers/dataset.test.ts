import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../../connectors/s3-object-store.ts'
import { World } from '../../../producers/world/world.ts'
import { topics } from '../../../schemas/topics.ts'
import { localPlace } from '../../../trainers/dataset/dataset-place.ts'
import type { DatasetManifest } from '../../../trainers/dataset/manifest.ts'
import { verifyDataset } from '../../../trainers/dataset/verify-dataset.ts'
import { objectsFolder, untilArchived } from '../../support/archived.ts'
import { joinSql } from '../../support/dataset-join.ts'
import { duckdbRows } from '../../support/duckdb.ts'
import { COMPONENTS, OFFLINE_STORE, type Pipeline, publishEvent, startPipeline, until } from '../../support/pipeline.ts'
import { shield as runShield, type ShieldRun, startShield } from '../../support/shield.ts'

const REVIEWS = 3_000
const PARTITIONS = 2

const resources = new AsyncDisposableStack()
const folder = mkdtempSync(join(tmpdir(), 'dataset-it-'))
resources.defer(() => rmSync(folder, { recursive: true, force: true }))
let pipeline: Pipeline

beforeAll(async () => {
  pipeline = resources.use(
    await startPipeline(['kafka', 'registry', 'redis', 's3'], {
      TOPIC_PARTITIONS: String(PARTITIONS),
      OFFLINE_FILE_MS: '500',
      OFFLINE_FILE_RECORDS: '700',
    }),
  )
  await pipeline.stack.ready('s3')
  pipeline.supervise([...COMPONENTS.filter(({ name }) => name === 'folds'), OFFLINE_STORE])
  const world = new World({ seed: 7, rate: 100, speed: 864_000, startMs: Date.UTC(2024, 0, 1), reviews: REVIEWS })
  let published = 0
  for (const event of world.events()) {
    await publishEvent(pipeline.publisher, event)
    published += 1
    // append times are the broker's: records that are sent together get one, and spans are cut between append times
    if (published % 50 === 0) await pipeline.publisher.flush()
  }
  await pipeline.publisher.flush()
  await until(
    'all reviews have a feature row',
    async () => (await pipeline.records('reviewFeatures')).length >= REVIEWS,
  )
  await untilArchived(pipeline, ['reviewFeatures', 'userActivity'])
})
afterAll(() => resources.disposeAsync())

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '')
const shield = (line: string): Promise<ShieldRun> => runShield(pipeline, words(line))

async function build(line: string): Promise<DatasetManifest & { readonly outcome: string }> {
  const { exitCode, stdout, stderr } = await shield(`dataset build --json ${line}`)
  expect(exitCode, stderr).toBe(0)
  return JSON.parse(stdout) as DatasetManifest & { outcome: string }
}

test('DuckDB makes the same join of the archived topics: the same rows, labels and spans, in the same order', async () => {
  for (const options of ['', '--maturity 1d --shares 40/20/20/20']) {
    const manifest = await build(options)
    expect(manifest.counts.read).toBe(REVIEWS)
    expect(Object.values(manifest.spans).every(({ rows, positives }) => positives > 0 && positives < rows)).toBe(true)
    const files = manifest.files.map(({ name }) => `'${join(objectsFolder(pipeline), 'datasets', manifest.id, name)}'`)
    const written = await duckdbRows(`select * from read_parquet([${files.join()}])`)
    const joined = await duckdbRows(joinSql(pipeline, manifest))
    expect(written).toHaveLength(manifest.counts.kept)
    expect(written).toEqual(joined)
  }
})

test('equal ranges give the same id, on S3 and in a folder; ls, show and verify know it', async () => {
  const first = await build('--split movie --seed 3')
  const again = await build(`--like ${first.id}`)
  expect([again.id, again.outcome]).toEqual([first.id, 'exists'])
  const { id } = await build(`--split movie --seed 3 --out ${folder}`)
  expect(id).toBe(first.id)
  const listed = JSON.parse((await shield('dataset ls --json')).stdout) as { datasets: DatasetManifest[] }
  expect(listed.datasets.map((one) => one.id)).toContain(id)
  expect((await shield(`dataset show ${id} --in ${folder}`)).stdout).toMatch(/split +by movie, seed 3/)
  const verified = await shield('dataset verify')
  expect(verified.exitCode, verified.stdout).toBe(0)
  rmSync(join(folder, id, 'gate-00000.parquet'))
  const damaged = await shield(`dataset verify --in ${folder}`)
  expect([damaged.exitCode, damaged.stdout]).toEqual([1, expect.stringMatching(/gate-00000\.parquet/)])
})

const buildFolders = (): string[] =>
  readdirSync(pipeline.config.STATE_DIR).filter((name) => name.startsWith('dataset-building-'))
const hasParquet = (directory: string): boolean =>
  existsSync(directory) && readdirSync(directory, { recursive: true }).some((name) => String(name).endsWith('.parquet'))

/** Ends a build as soon as something is so. */
async function endWhen(signal: NodeJS.Signals, condition: () => boolean, line: string): Promise<number | null> {
  const child = startShield(pipeline, words(line))
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const watching = setInterval(() => {
    if (condition()) child.kill(signal)
  }, 1)
  const exitCode = await ended
  clearInterval(watching)
  return exitCode
}

test('a build that is killed leaves nothing that is taken for a data set; the next one does not mind', async () => {
  const out = join(folder, 'killed')
  const building = (): string | undefined => buildFolders().map((name) => join(pipeline.config.STATE_DIR, name))[0]
  const moments: readonly (() => boolean)[] = [
    () => building() !== undefined,
    () => hasParquet(building() ?? folder),
    () => hasParquet(out),
  ]
  for (const reached of moments) {
    await endWhen('SIGKILL', reached, `dataset build --split random --out ${out}`)
    const left = await localPlace(out).ids()
    for (const id of left) await verifyDataset(localPlace(out).files(id), new AbortController().signal)
  }
  const whole = await build(`--split random --out ${join(folder, 'whole')}`)
  expect((await build(`--split random --out ${out}`)).id).toBe(whole.id)
  expect(await localPlace(out).ids()).toEqual([whole.id])
  expect(buildFolders()).toEqual([])
})

test('Ctrl-C ends a build at once and leaves no folder behind', async () => {
  const out = join(folder, 'interrupted')
  expect(await endWhen('SIGINT', () => buildFolders().length > 0, `dataset build --out ${out}`)).toBe(130)
  expect([buildFolders(), await localPlace(out).ids()]).toEqual([[], []])
})

test('records that the log has given up come from S3: the same id; without either it fails at once and says which', async () => {
  const fromLog = await build('--seed 5')
  const halfOf = (ranges: DatasetManifest['rows']) =>
    ranges.map(({ partition, to }) => ({ partition, offset: String(to >> 1) }))
  const admin = new Kafka({ brokers: [pipeline.config.KAFKA_BROKERS], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    for (const id of ['reviewFeatures', 'userActivity'] as const) await admin.fetchTopicOffsets(topics[id].name)
    await admin.deleteTopicRecords({ topic: topics.reviewFeatures.name, partitions: halfOf(fromLog.rows) })
    await admin.deleteTopicRecords({ topic: topics.userActivity.name, partitions: halfOf(fromLog.labels) })
  } finally {
    await admin.disconnect()
  }
  expect((await pipeline.records('reviewFeatures')).length).toBeLessThan(REVIEWS)
  for (const options of [`--seed 5 --out ${join(folder, 'both')}`, `--like ${fromLog.id}`])
    expect((await build(options)).id).toBe(fromLog.id)

  using store = openS3ObjectStore(pipeline.config)
  const prefix = `${pipeline.config.S3_PREFIX}/lineage=1/review-features/1/`
  for await (const { key } of store.list(prefix)) await store.remove(key)
  const { exitCode, stderr } = await shield(`dataset build --seed 5 --out ${join(folder, 'none')}`)
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/SPL_DATASET_RANGE_MISSING[^]*review-features\/1 offsets 0 to \d+; the log holds \d+ to \d+/)
  expect(stderr).not.toMatch(/review-features\/0|user-activity/)
})
