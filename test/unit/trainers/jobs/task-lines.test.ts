import { expect, test } from 'vitest'
import { loadConfig } from '../../../../platform/config.ts'
import { SPLITS } from '../../../../trainers/dataset/manifest.ts'
import { lineOf } from '../../../../trainers/jobs/task-lines.ts'
import { CANDIDATE, driveControl, entryOf, jobsOf } from '../../../support/control-log.ts'

const PLAN = { split: 'movie', maturityMs: 345_600_000, windowMs: 0, seed: 3 }
const jobOf = (plan: typeof PLAN) => {
  const [, job] = jobsOf(driveControl([entryOf({ request: { jobId: 'j', reason: 'please', plan } })]))
  if (job === undefined) throw new RangeError('no job was launched')
  return { ...job, requestedAtMs: Date.UTC(2026, 0, 2) }
}

test('a data set is built of all rows, or of those that were appended in a window before the request', () => {
  const line = 'dataset build --split movie --maturity 345600000ms --seed 3'
  expect(lineOf(jobOf(PLAN)).join(' ')).toBe(`${line} --json`)
  const since = '2026-01-01T00:00:00.000Z'
  expect(lineOf(jobOf({ ...PLAN, windowMs: 86_400_000 })).join(' ')).toBe(
    `${line} --from ${since} --labels-from ${since} --json`,
  )
})

test('fit and gate name the data set of the job', () => {
  const job = { ...jobOf(PLAN), datasetId: 'd1', candidate: CANDIDATE }
  const at = (step: string) => lineOf({ ...job, task: { taskId: 'j-2', step } }).join(' ')
  expect(at('fit')).toBe('train --dataset d1 --seed 3 --json')
  expect(at('gate')).toBe('models gate baseline@0123456789abcdef --dataset d1 --seed 3 --json')
  expect(() => at('sing')).toThrow('no command does sing')
})

test('control may be told to split by whatever a data set can be split by', () => {
  for (const split of SPLITS) expect(loadConfig({ TRAIN_SPLIT: split }).TRAIN_SPLIT).toBe(split)
})
