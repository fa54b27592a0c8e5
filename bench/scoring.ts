import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Model } from '../inference/model.ts'
import { loadModelVersion, openModelVersion } from '../inference/model-version.ts'
import type { ReviewFeatures } from '../schemas/generated.ts'
import { linearVersion } from '../test/support/linear-versions.ts'
import { startPipeline } from '../test/support/pipeline.ts'
import { featureRows } from './feature-rows.ts'
import { quantile } from './process-usage.ts'
import { only, untilRead } from './running-pipeline.ts'

const BARE = join(import.meta.dirname, 'bare-loop.ts')
/** As a stream task hands them over. */
const BATCH = 500
/** Each rate is the median of so many, taken in turn, so that other work on the machine meets all alike. */
const ROUNDS = 5

interface Rates {
  /** Terms and session in a loop, one process. */
  readonly bare1: number
  /** The same in two processes at once, half of the rows each. */
  readonly bare2: number
  /** A model in this process: with contributions, calibration, spans and reasons. */
  readonly inProcess: number
  readonly pool1: number
  readonly pool2: number
}

export interface Scoring {
  readonly rows: number
  /** Rows a second. */
  readonly rates: Rates
  /** The scorer from review-features to spoiler-scores, by MODEL_PROCESSES; rows a second. */
  readonly scorer: Readonly<Record<string, number>>
}

/**
 * Rate of scoring with a linear head, against a bare loop over the same rows.
 *
 * @param folder Version to be served; the tests' own by default.
 */
export async function scoring(reviews: number, folder?: string): Promise<Scoring> {
  await using own = await linearVersion()
  const version = folder ?? own.folder
  const rows = featureRows(reviews)
  const rates = await ratesOf(version, rows)
  const scorer: Record<string, number> = {}
  for (const processes of [1, 2]) scorer[processes] = await scorerRate(version, rows, processes)
  return { rows: rows.length, rates, scorer }
}

async function ratesOf(folder: string, rows: readonly ReviewFeatures[]): Promise<Rates> {
  const work = mkdtempSync(join(tmpdir(), 'bench-scoring-'))
  const file = join(work, 'rows.jsonl')
  writeFileSync(file, rows.map(({ text, values }) => `${JSON.stringify({ text, values })}\n`).join(''))
  await using here = await loadModelVersion(folder)
  await using pool1 = await openModelVersion(folder, { processes: 1 })
  await using pool2 = await openModelVersion(folder, { processes: 2 })
  const contenders = {
    bare1: () => bareSeconds(folder, file, [[0, rows.length]]),
    bare2: () => {
      const half = Math.floor(rows.length / 2)
      return bareSeconds(folder, file, [
        [0, half],
        [half, rows.length],
      ])
    },
    inProcess: () => modelSeconds(here, rows),
    pool1: () => modelSeconds(pool1, rows),
    pool2: () => modelSeconds(pool2, rows),
  }
  const measured = await inTurn(contenders)
  rmSync(work, { recursive: true })
  const rateOf = (seconds: readonly number[]): number => Math.round(rows.length / quantile(seconds, 0.5))
  return Object.fromEntries(Object.entries(measured).map(([name, seconds]) => [name, rateOf(seconds)])) as never
}

async function inTurn(contenders: Readonly<Record<string, () => Promise<number>>>): Promise<Record<string, number[]>> {
  const seconds: Record<string, number[]> = {}
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, run] of Object.entries(contenders)) (seconds[name] ??= []).push(await run())
  return seconds
}

/** The slowest of the processes; each measures its own loop. */
async function bareSeconds(folder: string, file: string, parts: readonly (readonly number[])[]): Promise<number> {
  const runs = parts.map((part) => promisify(execFile)(process.execPath, [BARE, folder, file, ...part.map(String)]))
  const outputs = await Promise.all(runs)
  return Math.max(...outputs.map(({ stdout }) => Number(stdout))) / 1000
}

async function modelSeconds(model: Model, rows: readonly ReviewFeatures[]): Promise<number> {
  const startedMs = performance.now()
  for (let first = 0; first < rows.length; first += BATCH)
    await Promise.all(rows.slice(first, first + BATCH).map((row) => model.score(row)))
  return (performance.now() - startedMs) / 1000
}

/** A backlog of the rows, many times over, worked off by the scorer; from its first tenth to its end. */
async function scorerRate(folder: string, rows: readonly ReviewFeatures[], processes: number): Promise<number> {
  await using pipeline = await startPipeline(['kafka', 'registry'])
  for (const row of rows) await pipeline.publisher.publish('reviewFeatures', row)
  await pipeline.publisher.flush()
  const env = { MODEL_DIR: folder, MODEL_PROCESSES: String(processes) }
  const supervisor = pipeline.supervise(only('scorer'), env)
  const wait = { process: 'scorer', task: 'scorer' }
  const warm = Math.floor(rows.length / 10)
  const startedMs = await untilRead(supervisor, { ...wait, records: warm })
  const endedMs = await untilRead(supervisor, { ...wait, records: rows.length })
  return Math.round(((rows.length - warm) * 1000) / (endedMs - startedMs))
}
