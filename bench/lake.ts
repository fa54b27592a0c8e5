import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { openS3ObjectStore } from '../connectors/s3-object-store.ts'
import { logEnds, objectsFolder } from '../test/support/archived.ts'
import { joinSql } from '../test/support/dataset-join.ts'
import { duckdbRows } from '../test/support/duckdb.ts'
import { OFFLINE_STORE, type Pipeline, startPipeline, statusOf, until } from '../test/support/pipeline.ts'
import type { DatasetManifest } from '../trainers/dataset/manifest.ts'
import { type Building, buildDataset } from './dataset-build.ts'
import { cpuMs, ProcessWatch } from './process-usage.ts'
import { only, publishAll, untilRead, worldEvents } from './running-pipeline.ts'

const ARCHIVED = ['reviews', 'reviewLabels', 'movies', 'userActivity', 'movieActivity', 'reviewFeatures'] as const

/** From the start of the process on. */
interface Archiving {
  readonly records: number
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly megabytes: number
  readonly megabytesPerSecond: number
  readonly cpuMicrosPerRecord: { readonly sink: number; readonly gateway: number }
  readonly peakRssMb: number
}

interface Lake {
  readonly reviews: number
  readonly archiving: Archiving
  readonly builds: { readonly fromLog: Building; readonly duckdb: Omit<Building, 'peakRssMb'> }
  /** Rate of ours divided by that of DuckDB, which gets the bounds of the spans for nothing and hashes nothing. */
  readonly buildRatio: number
}

/** A backlog of all six topics to S3 as Parquet; then a data set of it, by us and by DuckDB. */
export async function lake(reviews: number): Promise<Lake> {
  await using pipeline = await startPipeline(['kafka', 'registry', 'redis', 's3'])
  await pipeline.stack.ready('s3')
  const counts = await publishAll(pipeline, worldEvents(reviews, true))
  const folds = pipeline.supervise(only('folds'))
  const records = reviews + (counts['movies'] ?? 0) + (counts['reviewLabels'] ?? 0)
  await untilRead(folds, { process: 'folds', task: 'movie-context', records: reviews + (counts['movies'] ?? 0) })
  await untilRead(folds, { process: 'folds', task: 'intake', records })
  const folded = async (): Promise<boolean> => (await pipeline.records('reviewFeatures')).length >= reviews
  await until('every review has its row', folded, 600_000)
  await folds[Symbol.asyncDispose]()
  const archiving = await archive(pipeline)
  const { manifest, building } = await buildDataset(pipeline)
  const duckdb = await joinByDuckdb(pipeline, manifest)
  const builds = { fromLog: building, duckdb }
  return { reviews, archiving, builds, buildRatio: building.rowsPerSecond / duckdb.rowsPerSecond }
}

async function archive(pipeline: Pipeline): Promise<Archiving> {
  const { records, behind } = await logEnds(pipeline, ARCHIVED)
  using store = openS3ObjectStore(pipeline.config)
  await store.ensureBucket()
  const gateway = pipeline.stack.pid('s3') as number
  const gatewayBefore = cpuMs(gateway)
  const startMs = performance.now()
  const sink = pipeline.supervise([OFFLINE_STORE])
  using watch = new ProcessWatch(() => statusOf(sink, OFFLINE_STORE.name).pid)
  await untilRead(sink, { process: OFFLINE_STORE.name, task: OFFLINE_STORE.name, records })
  await sink[Symbol.asyncDispose]() // it writes what it has
  if ((await behind()) > 0) throw new Error('the sink stopped before everything was on S3')
  const seconds = (performance.now() - startMs) / 1000
  const megabytes = sizeBytes(objectsFolder(pipeline)) / 1e6
  const perRecord = (ms: number): number => (ms * 1000) / records
  return {
    records,
    seconds,
    recordsPerSecond: records / seconds,
    megabytes,
    megabytesPerSecond: megabytes / seconds,
    cpuMicrosPerRecord: {
      sink: perRecord(watch.cpuMs),
      gateway: perRecord(cpuMs(gateway) - gatewayBefore),
    },
    peakRssMb: watch.peakRssMb,
  }
}

function sizeBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

async function joinByDuckdb(pipeline: Pipeline, manifest: DatasetManifest): Promise<Lake['builds']['duckdb']> {
  const folder = mkdtempSync(join(tmpdir(), 'duckdb-'))
  try {
    const before = process.cpuUsage()
    const startMs = performance.now()
    const file = join(folder, 'joined.parquet')
    await duckdbRows(`copy (${joinSql(pipeline, manifest)}) to '${file}' (format parquet, compression zstd)`)
    const seconds = (performance.now() - startMs) / 1000
    const { user, system } = process.cpuUsage(before)
    const [joined] = await duckdbRows(`select count(*)::int as kept from '${file}'`)
    const { read: rows, kept } = manifest.counts
    if (joined?.['kept'] !== kept) throw new Error(`DuckDB keeps ${String(joined?.['kept'])} rows, we ${kept}`)
    return { rows, seconds, rowsPerSecond: rows / seconds, cpuSeconds: (user + system) / 1e6 }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
