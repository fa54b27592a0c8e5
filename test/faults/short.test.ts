import { beforeAll, expect, test } from 'vitest'
import { readRecords } from '../../platform/topic-reader.ts'
import type { StageReport } from '../../replay/verify/report.ts'
import { topics } from '../../schemas/topics.ts'
import { NextVersion } from '../support/next-version.ts'
import { shield, type ShieldRun } from '../support/shield.ts'
import { REAL_REVIEWS_ARE_THERE } from './load.ts'
import { planShort } from './plan.ts'
import { faultLine, type FaultReport, runFaults } from './run-faults.ts'
import type { FaultySystem } from './system.ts'

const SEED = 1
const EVENTS = 10_000
const NEWEST = 3
/** Two minutes and a half on a machine that does nothing else. */
const RUN_WITHIN_MS = 900_000

let report: FaultReport
let newest: readonly number[]
let again: ShieldRun
let changed: ShieldRun

beforeAll(async () => {
  const faults = planShort(SEED, 1)
  const onProgress = (line: string): void => void process.stdout.write(`${line}\n`)
  const options = { seed: SEED, events: EVENTS, rate: 120, brokers: 1, faults, onProgress } as const
  report = await runFaults(options, async (system) => {
    newest = await newestOfEachPartition(system)
    again = await shield(system.pipeline, ['replay', '--verify', '--json'])
    using other = new NextVersion()
    other.edit('features/feature-row.ts', (text) => text.replace('PRIOR_LABELS = 8', 'PRIOR_LABELS = 9'))
    const telling = ['replay', '--verify', '--json', '--differences', '3']
    changed = await shield(system.pipeline, telling, other.script('cli/main.ts'))
  })
}, RUN_WITHIN_MS)

test('10,000 events, every component killed, a zombie, a broker killed: all as the oracle says, nothing lost, doubled or reordered, Redis and S3 as the logs', () => {
  expect(report.violations).toEqual([])
  expect(report.published).toBeGreaterThanOrEqual(EVENTS)
  expect(report.scores).toBe(report.reviews)
  expect(report.poison).toBeGreaterThan(0)
})

test('each fault was done, and everything recovered from it by itself', () => {
  expect(report.faults.map(({ kind }) => kind).toSorted()).toEqual(['broker kill', 'freeze', 'kill', 'kill', 'kill'])
  for (const fault of report.faults) expect(fault.caughtUpAfterMs, faultLine(fault)).toBeTypeOf('number')
  expect(report.offsetSamples).toBeGreaterThan(report.faults.length)
})

test('a broker that is away is waited for: the offline store, to which nothing else happened, was not started anew', () => {
  expect(report.restarts['s3-offline-store']).toBe(0)
})

test.skipIf(!REAL_REVIEWS_ARE_THERE)('the real reviews of a film are among what was published', () => {
  expect(report.realEvents).toBe(865)
})

test('markers of transactions take offsets; whoever asks for the last records gets records', () => {
  expect(newest.every((count) => count === NEWEST)).toBe(true)
})

test('shield replay --verify: what the folds and the scorer made is made again, bit for bit', () => {
  expect(again.exitCode, again.stderr).toBe(0)
  const { reviews: compared } = report
  expect(stagesOf(again)).toMatchObject([
    { stage: 'user-history', differing: 0 },
    { stage: 'movie-context', compared, differing: 0 },
    { stage: 'scorer', compared, differing: 0, withinTolerance: 0, unproved: 0 },
    { stage: 'evaluator', differing: 0 },
  ])
  const [histories, , , evaluations] = stagesOf(again)
  expect(histories?.compared).toBeGreaterThan(compared)
  expect(evaluations?.compared).toBeGreaterThan(0)
})

test('shield replay --verify: with one constant of a fold changed it ends with 1 and names records and fields', () => {
  expect(changed.exitCode, changed.stderr).toBe(1)
  const [histories, contexts, scores] = stagesOf(changed)
  expect([histories?.differing, scores?.differing]).toEqual([0, 0])
  expect(contexts?.differing).toBeGreaterThan(0)
  expect(contexts?.first).toHaveLength(3)
  for (const { kind, fields } of contexts?.first ?? []) {
    expect(kind).toBe('differs')
    expect(fields[0]?.path).toMatch(/^values\.\d+$/)
  }
})

function stagesOf({ stdout }: ShieldRun): readonly StageReport[] {
  return (JSON.parse(stdout) as { readonly stages: readonly StageReport[] }).stages
}

async function newestOfEachPartition({ pipeline: { config } }: FaultySystem): Promise<number[]> {
  const counts = Array<number>(config.TOPIC_PARTITIONS).fill(0)
  const { name } = topics.spoilerScores
  for await (const { partition } of readRecords(config, name, { from: { last: NEWEST }, follow: false }))
    counts[partition] = (counts[partition] ?? 0) + 1
  return counts
}
