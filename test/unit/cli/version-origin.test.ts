import { expect, test } from 'vitest'
import { originOf, originText } from '../../../cli/version-origin.ts'
import {
  CANDIDATE,
  challenge,
  deploy,
  driveControl,
  entryOf,
  jobsOf,
  PASSED,
  POLICY,
  reportOf,
} from '../../support/control-log.ts'

const VERSION = { name: CANDIDATE.modelName, version: CANDIDATE.modelVersion }
const ENTRIES = [
  entryOf({ by: 'control', policy: POLICY }),
  deploy(0),
  entryOf({ by: 'control', labels: 1000 }),
  entryOf({ alarm: { alarmId: 'features/spoiler_v1/5/raised', reason: 'shorter reviews' } }),
  entryOf({ by: 'control', labels: 1200 }),
  reportOf('auto-4-1', { datasetId: 'd1' }),
  reportOf('auto-4-2', { candidate: CANDIDATE }),
  reportOf('auto-4-3', { gate: { ...PASSED, championEpoch: 1, report: 'gates/d1/1' } }),
  challenge(1),
]
const jobs = jobsOf(driveControl(ENTRIES))
const logged = ENTRIES.map((entry, i) => ({ atMs: i * 1000, entry }))

test('a version is told with its job, the alarm, the data set, the gate and the people behind it', () => {
  const origin = originOf(VERSION, jobs, logged)
  expect(origin.job).toMatchObject({ jobId: 'auto-4', datasetId: 'd1' })
  const text = originText(origin)
  expect(text).toMatch(/^job +auto-4, /)
  expect(text).toMatch(/\ncause +drift, by control: shorter reviews\n/)
  expect(text).toMatch(/\nalarm +features\/spoiler_v1\/5\/raised, /)
  expect(text).toMatch(/\ndata set +d1\ngate +passed: better\nreport +gates\/d1\/1\n/)
  expect(text).toMatch(/\ndecided +1970-01-01T00:00:08.000Z challenger serve, by ada: by hand\n$/)
})

test('a version that nobody trained in a job is told by who decided about it', () => {
  const origin = originOf({ name: 'baseline', version: 'ffffffffffffffff' }, jobs, logged)
  expect(origin).toMatchObject({ job: null, decisions: [{ by: 'ada', slot: 'champion', gateReport: 'gates/1' }] })
  expect(originText(origin)).toMatch(/^job +none: trained by hand\ndecided /)
  expect(originOf({ name: 'other', version: CANDIDATE.modelVersion }, jobs, logged)).toEqual({
    job: null,
    decisions: [],
  })
})
