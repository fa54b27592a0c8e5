import { beforeAll, expect, test } from 'vitest'
import { readRecords } from '../../platform/topic-reader.ts'
import { topics } from '../../schemas/topics.ts'
import { REAL_REVIEWS_ARE_THERE } from './load.ts'
import { planShort } from './plan.ts'
import { faultLine, type FaultReport, runFaults } from './run-faults.ts'
import type { FaultySystem } from './system.ts'

const SEED = 1
const EVENTS = 10_000
const NEWEST = 3

let report: FaultReport
let newest: readonly number[]

beforeAll(async () => {
  const faults = planShort(SEED)
  const onProgress = (line: string): void => void process.stdout.write(`${line}\n`)
  report = await runFaults({ seed: SEED, events: EVENTS, rate: 120, faults, onProgress }, async (system) => {
    newest = await newestOfEachPartition(system)
  })
})

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

async function newestOfEachPartition({ pipeline: { config } }: FaultySystem): Promise<number[]> {
  const counts = Array<number>(config.TOPIC_PARTITIONS).fill(0)
  const { name } = topics.spoilerScores
  for await (const { partition } of readRecords(config, name, { from: { last: NEWEST }, follow: false }))
    counts[partition] = (counts[partition] ?? 0) + 1
  return counts
}
