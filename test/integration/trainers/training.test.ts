import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchVersion, listVersions } from '../../../connectors/model-registry.ts'
import { openS3ObjectStore } from '../../../connectors/s3-object-store.ts'
import { eachWord, lowerCase } from '../../../features/words.ts'
import { loadModelVersion } from '../../../inference/model-version.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { writeFitInputs } from '../../../trainers/baseline/fit-inputs.ts'
import { copyDataset } from '../../../trainers/dataset/copy-dataset.ts'
import { localFiles } from '../../../trainers/dataset/dataset-files.ts'
import { storedPlace } from '../../../trainers/dataset/dataset-place.ts'
import { type DatasetRow, SPANS } from '../../../trainers/dataset/dataset-row.ts'
import { openDataset } from '../../../trainers/dataset/open-dataset.ts'
import type { Report } from '../../../trainers/evaluation/report.ts'
import { bringPythonPackages } from '../../../trainers/python-packages.ts'
import { CONTROL, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { childrenOf, isAlive } from '../../support/processes.ts'
import { writeDataset } from '../../support/datasets.ts'
import { buildFromLogs, worldLogs } from '../../support/world-dataset.ts'

const SHIELD = join(import.meta.dirname, '../../../cli/main.ts')
const AGREEMENT = join(import.meta.dirname, '../../support/tfidf_agreement.py')
/** So many that the gate can tell a model from length: about 80 spoilers decide. */
const REVIEWS = 3_000
const FILM_AGE = spoilerV1.features.findIndex(({ name }) => name === 'film_age_days')

const resources = new AsyncDisposableStack()
const root = mkdtempSync(join(tmpdir(), 'training-it-'))
resources.defer(() => rmSync(root, { recursive: true, force: true }))
const sets = join(root, 'sets')
let pipeline: Pipeline
/** Ids of data sets: of a world, and of the same rows, changed. */
let honest: string
let scrambled: string
let poor: string

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry', 's3']))
  await pipeline.stack.ready('s3')
  pipeline.supervise([CONTROL], { TRAIN_AUTOMATICALLY: 'false' })
  const building = join(root, 'building')
  mkdirSync(building)
  const { id } = await buildFromLogs(worldLogs(REVIEWS), {}, { folder: building, sortFolder: root })
  honest = id
  await copyDataset(localFiles(building), localFiles(join(sets, honest)))
  scrambled = await changed(honest, scramble)
  poor = await changed(honest, thin)
  using store = openS3ObjectStore(pipeline.config)
  await store.ensureBucket()
  const place = storedPlace(store, pipeline.config.S3_PREFIX)
  for (const one of [honest, scrambled, poor]) await copyDataset(localFiles(join(sets, one)), place.files(one))
})
afterAll(() => resources.disposeAsync())

/** Every label goes to the row that stands a seventh of the data set further on; texts hold all kinds of line ends, a feature is constant. */
function scramble(rows: readonly DatasetRow[]): DatasetRow[] {
  return rows.map((row, i) => ({
    ...row,
    values: row.values.map((value, j) => (j === FILM_AGE ? 3_650 : value)),
    text: `${row.text}\u2028\u0085\r\n\u001e`,
    label: rows[(i + Math.floor(rows.length / 7)) % rows.length]?.label ?? false,
  }))
}

/** Little is left to learn from, and all to be judged on. */
function thin(rows: readonly DatasetRow[]): DatasetRow[] {
  return rows.filter(({ span }, i) => span !== 'fit' || i % 8 === 0)
}

async function changed(id: string, change: (rows: readonly DatasetRow[]) => DatasetRow[]): Promise<string> {
  const dataset = await openDataset(join(sets, id))
  const rows = (await Promise.all(SPANS.map((span) => Array.fromAsync(dataset.rows(span))))).flat()
  const folder = mkdtempSync(join(root, 'changing-'))
  const manifest = await writeDataset(folder, change(rows))
  await copyDataset(localFiles(folder), localFiles(join(sets, manifest.id)))
  return manifest.id
}

interface Ran {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** @param end What is sent as soon as something is so. */
async function shield(line: string, end?: { signal: NodeJS.Signals; when: (pid: number) => boolean }): Promise<Ran> {
  const child = spawn(process.execPath, [SHIELD, ...line.split(' ')], {
    env: pipeline.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const watching = setInterval(() => {
    if (child.killed || end?.when(child.pid ?? 0) !== true) return
    child.kill(end.signal) // once: Ctrl-C twice is for those who cannot wait
  }, 10)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const exitCode = await ended
  clearInterval(watching)
  return { exitCode, stdout, stderr }
}

interface Trained {
  readonly name: string
  readonly version: string
  readonly outcome: string
  readonly reason?: string
  readonly address: string
}

async function train(line: string): Promise<Trained> {
  const { exitCode, stdout, stderr } = await shield(`train --json ${line}`)
  expect(exitCode, stderr).toBe(0)
  return JSON.parse(stdout) as Trained
}

const decisions = async () => (await pipeline.records('modelDeployments')).map(({ value }) => value)
const workFolders = (): string[] =>
  readdirSync(pipeline.config.STATE_DIR).filter((name) => name.startsWith('training-'))

/** All that the fit reads is there. */
const isFitting = (): boolean =>
  workFolders().some((name) => existsSync(join(pipeline.config.STATE_DIR, name, 'inputs/settings.json')))

test('a better version is published whole, proves itself where it is fetched to, and is deployed once', async () => {
  const page = join(root, 'report.html')
  const trained = await train(`--dataset ${honest} --deploy --report ${page}`)
  expect(trained).toMatchObject({ name: 'baseline', outcome: 'deployed' })
  const [deployment, ...others] = await decisions()
  expect(others).toEqual([])
  expect(deployment).toMatchObject({ slot: 'champion', deploymentEpoch: 1, modelVersion: trained.version })
  using store = openS3ObjectStore(pipeline.config)
  const [stored] = await listVersions(store, pipeline.config.S3_PREFIX)
  expect([stored?.version, stored?.source]).toEqual([trained.version, deployment?.source])
  const folder = join(root, 'fetched')
  await fetchVersion(store, deployment?.source ?? '', folder)
  await using model = await loadModelVersion(folder)
  expect([model.version, model.tier]).toEqual([trained.version, 'baseline'])
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report
  const [own, prior, length] = report.scorers.map(({ prAuc }) => prAuc?.value ?? 0)
  expect(own).toBeGreaterThan(Math.max(prior ?? 1, length ?? 1) + 0.1)
  expect(readFileSync(page, 'utf8')).toContain(`data set ${honest}`)
  expect(readFileSync(page, 'utf8')).toContain('Passed.')
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain(`data set ${honest}`)

  const again = await train(`--dataset ${honest} --deploy`)
  expect(again).toMatchObject({
    version: trained.version,
    outcome: 'kept',
    reason: expect.stringContaining('it serves already') as string,
  })
  const local = await train(`--dataset ${honest} --in ${sets} --out ${join(root, 'models')}`)
  expect(local).toMatchObject({ version: trained.version, outcome: 'trained' })
  expect(readdirSync(local.address).toSorted()).toEqual(readdirSync(folder).toSorted())
  expect([await decisions(), workFolders()]).toEqual([[deployment], []])
})

test('what serves is compared with on the same rows, and goes on when it is not shown to be worse', async () => {
  const before = await decisions()
  const trained = await train(`--dataset ${poor} --deploy`)
  expect(trained.outcome).toBe('kept')
  expect(trained.reason).toMatch(/better-than-champion: PR-AUC -0\.\d+ \(.*\)/)
  expect(await decisions()).toEqual(before)
})

test('labels that were dealt out anew teach nothing: what was learned of them is not deployed', async () => {
  const before = await decisions()
  const { exitCode, stdout, stderr } = await shield(`train --json --dataset ${scrambled} --deploy`)
  if (exitCode === 0) expect(JSON.parse(stdout)).toMatchObject({ outcome: 'kept' })
  else expect(stderr).toMatch(/SPL_FIT_FAILED[^]*nothing in the rows to learn/)
  expect(await decisions()).toEqual(before)
})

test('Ctrl-C ends a fit at once; neither folder nor version is left', async () => {
  using store = openS3ObjectStore(pipeline.config)
  const before = await listVersions(store, pipeline.config.S3_PREFIX)
  const { exitCode, stderr } = await shield(`train --dataset ${honest}`, { signal: 'SIGINT', when: isFitting })
  expect([exitCode, stderr]).toEqual([130, expect.stringMatching(/Interrupted/)])
  expect([await listVersions(store, pipeline.config.S3_PREFIX), workFolders()]).toEqual([before, []])
})

test('a fit whose command was killed ends by itself; the next training cleans up behind it', async () => {
  let fitting: number[] = []
  const when = (pid: number): boolean => {
    fitting = isFitting() ? childrenOf(pid) : []
    return fitting.length > 0
  }
  expect((await shield(`train --dataset ${honest}`, { signal: 'SIGKILL', when })).exitCode).toBeNull()
  await until('the fit has ended', () => !fitting.some(isAlive))
  expect(workFolders()).toHaveLength(1)
  const hasFolder = (pid: number): boolean => workFolders().some((name) => name.startsWith(`training-${pid}-`))
  await shield(`train --dataset ${honest} --out ${root}`, { signal: 'SIGINT', when: hasFolder })
  expect(workFolders()).toEqual([])
})

function wordsOf(written: string): string[] {
  const lower = lowerCase(written).replaceAll('\u2019', "'")
  const words: string[] = []
  eachWord(lower, 0, lower.length, (start, end) => words.push(lower.slice(start, end)))
  return words
}

test('terms and their weights are those of scikit-learn', async () => {
  const signal = new AbortController().signal
  const folders = { inputs: join(root, 'inputs'), version: join(root, 'weights') }
  for (const folder of Object.values(folders)) mkdirSync(folder)
  const dataset = await openDataset(join(sets, honest))
  await writeFitInputs(dataset, folders, {}, { signal, onRows: () => undefined })
  const words: string[][] = []
  for await (const row of dataset.rows('fit')) words.push(wordsOf(row.text))
  const wordsFile = join(root, 'words.json')
  writeFileSync(wordsFile, JSON.stringify(words))
  const packages = await bringPythonPackages(signal, () => undefined)
  const args = ['-s', AGREEMENT, folders.inputs, join(folders.version, 'idf.f32'), wordsFile]
  const child = spawn('python3', args, {
    env: { ...pipeline.env, PYTHONPATH: packages },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { value, weight } = JSON.parse(await text(child.stdout)) as { value: number; weight: number }
  expect(words.length).toBeGreaterThan(500)
  expect(value).toBeLessThan(1e-6)
  expect(weight).toBeLessThan(1e-6)
})
