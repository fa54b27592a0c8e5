import { expect, test } from 'vitest'
import { jobLine, jobsText, jobText } from '../../../cli/jobs-text.ts'
import { CANDIDATE, driveControl, entryOf, jobsOf, PASSED, reportOf } from '../../support/control-log.ts'

const jobs = jobsOf(
  driveControl([
    entryOf({ request: { jobId: 'j', reason: 'new\u001b[2J films', plan: null } }),
    reportOf('j-1', { datasetId: 'd1' }),
    reportOf('j-2', { state: 'running', progress: { step: 'fitting', done: 3, total: 1100 } }),
    reportOf('j-2', { candidate: CANDIDATE }),
    reportOf('j-3', { gate: PASSED }),
  ]),
)
const at = (state: string, withProgress = false) => {
  const job = jobs.find((each) => each.state === state && (each.progress !== null) === withProgress)
  if (job === undefined) throw new RangeError(`never ${state}`)
  return job
}

test('a line says where a job is, and how far', () => {
  expect(jobLine(at('fitting'))).toBe('fitting: data set d1 is built')
  expect(jobLine(at('fitting', true))).toBe('fitting: fitting: 3 of 1,100')
})

test('a page says why a job is there, what runs and what came of it; nothing moves the cursor', () => {
  expect(jobText(at('fitting', true))).toBe(
    `job         j
state       fitting: data set d1 is built
cause       person, by ada: new␛[2J films
plan        all rows, split by time, labels complete after 604,800 s
requested   1970-01-01T00:00:00.000Z
changed     1970-01-01T00:00:02.000Z
runs        fit, as j-2
progress    fitting: 3 of 1,100
data set    d1
version     –
`,
  )
  const text = jobText(at('champion'))
  for (const line of ['version     baseline@0123456789abcdef', 'gate        passed: better', 'deployment  1'])
    expect(text).toContain(`${line}\n`)
})

test('the list has a line a job', () => {
  expect(jobsText([])).toBe('No training jobs.\n')
  expect(jobsText([at('champion')]).split('\n')[1]).toMatch(
    /^j +person +baseline@0123456789abcdef +1970.* champion: better$/,
  )
})
