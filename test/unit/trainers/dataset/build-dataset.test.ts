import fc from 'fast-check'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ReviewFeatures, ReviewLabel, UserActivity } from '../../../../schemas/generated.ts'
import { buildDataset, type DatasetPlan } from '../../../../trainers/dataset/build-dataset.ts'
import { localFiles } from '../../../../trainers/dataset/dataset-files.ts'
import { type DatasetRow, SPANS } from '../../../../trainers/dataset/dataset-row.ts'
import type { DatasetManifest, SplitBy } from '../../../../trainers/dataset/manifest.ts'
import { openDataset } from '../../../../trainers/dataset/open-dataset.ts'
import { planSpans } from '../../../../trainers/dataset/split.ts'
import { type Logs, memorySource, partitioned, planOfAll } from '../../../support/memory-source.ts'
import { anyInputs, logOf } from '../../../support/review-world.ts'
import { buildFromLogs, logsOf, worldLogs } from '../../../support/world-dataset.ts'

const DAY_MS = 86_400_000
const SPLITS: readonly SplitBy[] = ['time', 'movie', 'cold-user', 'random']
const SHARES = { fit: 0.5, stop: 0.2, calibrate: 0.15, gate: 0.15 }

const root = mkdtempSync(join(tmpdir(), 'build-dataset-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newFolder = (): string => join(root, String((folders += 1)))

interface Built {
  readonly manifest: DatasetManifest
  readonly rows: readonly DatasetRow[]
}

async function build(
  logs: Logs,
  wanted: Partial<DatasetPlan> = {},
  deps: { readonly folder?: string; readonly plan?: typeof planSpans; readonly signal?: AbortSignal } = {},
): Promise<Built> {
  const { folder = newFolder(), ...others } = deps
  const manifest = await buildFromLogs(logs, wanted, { folder, sortFolder: root, ...others })
  return { manifest, rows: await rowsIn(folder) }
}

async function rowsIn(folder: string): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = []
  const dataset = await openDataset(folder)
  for (const span of SPANS) for await (const row of dataset.rows(span)) rows.push(row)
  return rows
}

/** The join as it would be written with everything in memory: newest row, then newest label of the same movie. */
function naiveJoin({ reviewFeatures, userActivity }: Logs, untilMs: (row: ReviewFeatures) => number) {
  const newest = new Map<string, ReviewFeatures>()
  for (const { value } of reviewFeatures) {
    const key = `${value.userId} ${value.reviewId}`
    if (value.revision >= (newest.get(key)?.revision ?? 0)) newest.set(key, value)
  }
  const labels = userActivity.flatMap(({ value }) => (value.label === null ? [] : [{ ...value, label: value.label }]))
  return [...newest.values()].flatMap((row) => {
    const own = labels.filter(
      ({ label, sourceAppendedAtMs }) =>
        label.userId === row.userId &&
        label.reviewId === row.reviewId &&
        label.movieId === row.movieId &&
        sourceAppendedAtMs < untilMs(row),
    )
    const highest = Math.max(...own.map(({ label }) => label.revision))
    const known = own.find(({ label }) => label.revision === highest)
    return known === undefined ? [] : [{ row, label: known.label.isSpoiler, at: known.sourceAppendedAtMs }]
  })
}

describe('the join', () => {
  const world = worldLogs(1_500)

  test.each(SPLITS)('split by %s: rows are the logged ones, each with the label known in its span', async (by) => {
    const { manifest, rows } = await build(world, { split: { by, seed: 3, shares: SHARES }, maturityMs: 3 * DAY_MS })
    const until = new Map(manifest.spans.map(({ span, labelsUntilMs }) => [span, labelsUntilMs ?? Infinity]))
    const spans = new Map(rows.map((row) => [`${row.userId} ${row.reviewId}`, row.span]))
    const joined = naiveJoin(world, ({ userId, reviewId }) => {
      const span = spans.get(`${userId} ${reviewId}`)
      return span === undefined ? Infinity : (until.get(span) as number)
    })
    const expected = new Map(joined.map((one) => [`${one.row.userId} ${one.row.reviewId}`, one]))
    for (const { userId, reviewId, text, values, label, labelAppendedAtMs, appendedAtMs } of rows) {
      const one = expected.get(`${userId} ${reviewId}`)
      expect({ text, values, label, labelAppendedAtMs, appendedAtMs }).toEqual({
        text: one?.row.text,
        values: one?.row.values,
        label: one?.label,
        labelAppendedAtMs: one?.at,
        appendedAtMs: one?.row.reviewAppendedAtMs,
      })
    }
    expect(rows.length).toBeGreaterThan(500)
    for (const { span, rows: count, positives } of manifest.spans) {
      const own = rows.filter((row) => row.span === span)
      expect([count, positives]).toEqual([own.length, own.filter(({ label }) => label).length])
      expect(count).toBeGreaterThan(0)
    }
  })

  test('every row of the range is kept or counted under one reason', async () => {
    for (const by of SPLITS) {
      const split = { by, seed: 3, shares: SHARES }
      const { manifest, rows } = await build(world, { split, maturityMs: 3 * DAY_MS })
      const { read, kept, leftOut } = manifest.counts
      expect(kept).toBe(rows.length)
      expect(kept + Object.values(leftOut).reduce((sum, count) => sum + count, 0)).toBe(read)
      expect(read).toBe(world.reviewFeatures.length)
      const inTime = by === 'time' || by === 'cold-user'
      expect(leftOut.unlabelled).toBeGreaterThan(0)
      expect([leftOut.immature > 0, leftOut.labelAfterCutoff > 0]).toEqual([inTime, inTime])
      expect(leftOut.userKnown > 0).toBe(by === 'cold-user')
    }
  })

  test('whatever comes in which order, also revisions and labels of other movies, is joined as in memory', async () => {
    await fc.assert(
      fc.asyncProperty(anyInputs, async (inputs) => {
        const logs = logsOf(logOf(inputs))
        const joined = naiveJoin(logs, () => Infinity)
        if (joined.length === 0) return
        const { rows } = await build(logs, { split: { by: 'random', seed: 1, shares: SHARES } })
        const nameOf = (one: { userId: string; reviewId: string }): string => `${one.userId} ${one.reviewId}`
        const found = rows.map((row) => [nameOf(row), row.label, row.labelAppendedAtMs, row.text] as const)
        const expected = joined.map(({ row, label, at }) => [nameOf(row), label, at, row.text] as const)
        expect(found.toSorted()).toEqual(expected.toSorted())
      }),
      { seed: 20_261_121, numRuns: 60 },
    )
  })
})

test('equal plans give the same id, whatever comes first; another seed, range or maturity gives another', async () => {
  const logs = worldLogs(400)
  const split = { by: 'random', seed: 1, shares: SHARES } as const
  const { manifest } = await build(logs, { split })
  expect((await build(logs, { split })).manifest.id).toBe(manifest.id)
  const [range = { topic: '', partition: 0, from: 0, to: 0 }, ...others] = manifest.rows
  const different: Partial<DatasetPlan>[] = [
    { split: { ...split, seed: 2 } },
    { split, maturityMs: 1 },
    { split, rows: [{ ...range, to: range.to - 50 }, ...others] },
  ]
  for (const plan of different) expect((await build(logs, plan)).manifest.id).not.toBe(manifest.id)
})

describe('what must never come to be', () => {
  const logs = worldLogs(300)
  const everyOther = (key: (row: { appendedAtMs: number }) => number): typeof planSpans => {
    return (split, times) => ({ ...planSpans(split, times), spanOf: (row) => (key(row) % 2 === 0 ? 'fit' : 'gate') })
  }

  test('a split by movie that shares movies is caught, and leaves no data set', async () => {
    const folder = newFolder()
    const split = { by: 'movie', seed: 1, shares: SHARES } as const
    const building = build(logs, { split }, { folder, plan: everyOther(({ appendedAtMs }) => appendedAtMs) })
    await expect(building).rejects.toMatchObject({
      code: 'SPL_DATASET_LEAK',
      message: expect.stringMatching(/movie/) as string,
    })
    await expect(openDataset(folder)).rejects.toMatchObject({ code: 'SPL_DATASET_INVALID' })
  })

  test('a split by time whose spans overlap is caught', async () => {
    const building = build(logs, {}, { plan: everyOther(({ appendedAtMs }) => appendedAtMs) })
    await expect(building).rejects.toThrow(/SPL_DATASET_LEAK.*outside the times/)
  })

  test('a split by time that counts labels which came too late is caught', async () => {
    const mutant: typeof planSpans = (split, times) => {
      const plan = planSpans(split, times)
      const fit = { ...plan.times.fit, labelsUntilMs: plan.times.calibrate.fromMs }
      return { ...plan, times: { ...plan.times, fit } }
    }
    await expect(build(logs, {}, { plan: mutant })).rejects.toThrow(
      /SPL_DATASET_LEAK.*fit, or its labels, do not end where stop begins/,
    )
  })

  test('without a row there is no data set, and the error says what was left out and why', async () => {
    const folder = newFolder()
    const building = build(logs, { maturityMs: 10_000 * DAY_MS }, { folder })
    await expect(building).rejects.toThrow(/SPL_DATASET_EMPTY[^]*immature: \d\d/)
    expect(existsSync(folder) && readdirSync(folder).length > 0).toBe(false)
  })

  test('an interrupted build leaves no data set', async () => {
    const folder = newFolder()
    const stopping = new AbortController()
    const many = worldLogs(1_200)
    const building = buildDataset(await planOfAll(many), {
      source: memorySource(many),
      files: localFiles(folder),
      sortFolder: root,
      nowMs: () => 0,
      onProgress: ({ step, done }) => {
        if (step === 'writing' && done > 0) stopping.abort()
      },
      signal: stopping.signal,
    })
    await expect(building).rejects.toMatchObject({ name: 'AbortError' })
    await expect(openDataset(folder)).rejects.toMatchObject({ code: 'SPL_DATASET_INVALID' })
  })
})

test('rows of another feature service are counted and left out', async () => {
  const logs = worldLogs(100)
  const foreign = logs.reviewFeatures.map((record, i) =>
    i % 4 === 0 ? { ...record, value: { ...record.value, featureService: 'spoiler_v9' } } : record,
  )
  const { manifest } = await build({ ...logs, reviewFeatures: foreign })
  expect(manifest.counts.leftOut.otherFeatureService).toBe(Math.ceil(foreign.length / 4))
})

test('a label whose revision was overtaken in the log counts by its revision, an equal one is a duplicate', async () => {
  const logs = worldLogs(60)
  const [{ value: row } = { value: undefined }] = logs.reviewFeatures
  if (row === undefined) throw new Error('the world is empty')
  const say = (revision: number, isSpoiler: boolean, seconds: number): UserActivity => {
    const label: ReviewLabel = { ...row, revision, isSpoiler, source: 'audit', labelledAtMs: row.writtenAtMs }
    const source = { topic: 'review-labels', partition: 0, offset: seconds }
    const sourceAppendedAtMs = row.reviewAppendedAtMs + seconds
    return { userId: row.userId, review: null, label, source, sourceAppendedAtMs }
  }
  const activity = [say(8, true, 1), say(7, false, 2), say(8, false, 3)]
  const { rows } = await build({ ...logs, userActivity: partitioned(activity, ({ userId }) => userId) })
  expect(rows.map(({ label, labelSource, labelAppendedAtMs }) => [label, labelSource, labelAppendedAtMs])).toEqual([
    [true, 'audit', row.reviewAppendedAtMs + 1],
  ])
})
