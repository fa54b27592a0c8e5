import { expect, test } from 'vitest'
import type { ControlEntry } from '../../../schemas/generated.ts'
import {
  BAD,
  CANDIDATE,
  challenge,
  deploy,
  deploymentsOf,
  driveControl,
  entryOf,
  GOOD,
  jobsOf,
  PASSED,
  pathsOf,
  POLICY,
  reportOf,
  talliesOf,
} from '../../support/control-log.ts'

const DAYS_7 = 604_800
const times = (counts: typeof GOOD, factor: number): typeof GOOD => ({
  rows: counts.rows * factor,
  positives: counts.positives * factor,
  called: counts.called * factor,
  hits: counts.hits * factor,
  squaredErrorMicros: counts.squaredErrorMicros * factor,
})
/** A job whose candidate the gate has let pass, in the time of another champion. */
const PASSING: readonly ControlEntry[] = [
  entryOf({ by: 'control', policy: { ...POLICY, automatic: false } }),
  deploy(0),
  entryOf({ request: { jobId: 'j', reason: 'please', plan: null } }),
  reportOf('j-1', { datasetId: 'd1' }),
  reportOf('j-2', { candidate: CANDIDATE }),
  reportOf('j-3', { gate: { ...PASSED, championEpoch: 1, report: 'gates/3' } }),
]
/** Both have done well in so many times as many labels. */
const bothGood = (factor: number): ControlEntry => talliesOf(times(GOOD, factor), times(GOOD, factor))
/** A thousand more labels, in which the candidate did badly. */
const candidateBadAfter = (factor: number): ControlEntry => {
  const [before, more] = [times(GOOD, factor), times(BAD, 3)]
  const sum = Object.fromEntries(
    Object.entries(before).map(([key, value]) => [key, value + more[key as keyof typeof more]]),
  )
  return talliesOf(sum as typeof GOOD, times(GOOD, factor + 3))
}
const slotsOf = (entries: readonly ControlEntry[]) =>
  deploymentsOf(driveControl(entries)).map(({ slot, mode, share, modelVersion }) => {
    return [slot, mode, share, modelVersion === CANDIDATE.modelVersion ? 'candidate' : 'before']
  })
const SHADOW = ['challenger', 'shadow', 1, 'candidate']
const CANARY = ['challenger', 'canary', POLICY.canaryShare, 'candidate']
const TAKES_OVER = ['champion', 'serve', 1, 'candidate']
const WATCHED = ['challenger', 'shadow', 1, 'before']
const OFF = ['challenger', 'off', 0, 'candidate']
const FIRST = ['champion', 'serve', 1, 'before']

test('a candidate that passes the gate goes through shadow and canary to champion, and is watched, as labels show it no worse', () => {
  const entries = [...PASSING, bothGood(5), bothGood(10), bothGood(15)]
  expect(slotsOf(entries)).toEqual([FIRST, SHADOW, CANARY, TAKES_OVER, WATCHED, ['challenger', 'off', 0, 'before']])
  const driven = driveControl(entries)
  expect(pathsOf(driven)['j']?.slice(-4)).toEqual(['gated', 'shadow', 'canary', 'champion'])
  expect(jobsOf(driven).at(-1)).toMatchObject({
    deploymentEpoch: 2,
    reason: expect.stringMatching(/^stays: no worse: F1 /) as string,
  })
  for (const { gateReport, jobId, modelVersion } of deploymentsOf(driven).slice(1))
    expect([gateReport, jobId, modelVersion.length]).toEqual(['gates/3', 'j', 16])
})

test('labels of before a stage do not count for it', () => {
  expect(slotsOf([...PASSING, bothGood(5), bothGood(5), bothGood(5)])).toEqual([FIRST, SHADOW, CANARY])
  // counters that fell, as when labels were revised, are none
  expect(slotsOf([...PASSING, bothGood(5), bothGood(4), talliesOf(GOOD, times(GOOD, 9))])).toEqual([
    FIRST,
    SHADOW,
    CANARY,
  ])
})

test('a candidate that does worse in the shadow is refused, and has answered nobody', () => {
  const entries = [...PASSING, candidateBadAfter(0)]
  expect(slotsOf(entries)).toEqual([FIRST, SHADOW, OFF])
  expect(pathsOf(driveControl(entries))['j']?.slice(-3)).toEqual(['gated', 'shadow', 'refused'])
})

test('a canary that turns bad is taken back, and the champion stays', () => {
  const entries = [...PASSING, bothGood(5), candidateBadAfter(5)]
  expect(slotsOf(entries)).toEqual([FIRST, SHADOW, CANARY, OFF])
  expect(jobsOf(driveControl(entries)).at(-1)).toMatchObject({
    state: 'refused',
    reason: expect.stringMatching(/^worse: F1 /) as string,
  })
})

test('a champion that turns bad while it is watched is rolled back', () => {
  const entries = [...PASSING, bothGood(5), bothGood(10), candidateBadAfter(10)]
  expect(slotsOf(entries)).toEqual([
    FIRST,
    SHADOW,
    CANARY,
    TAKES_OVER,
    WATCHED,
    FIRST,
    ['challenger', 'off', 0, 'before'],
  ])
  expect(jobsOf(driveControl(entries)).at(-1)).toMatchObject({
    reason: expect.stringMatching(/^taken back: worse/) as string,
  })
})

test('a champion that has gone blind does not stop one that sees', () => {
  const blind = { ...times(GOOD, 5), called: 100, hits: 90 }
  expect(slotsOf([...PASSING, talliesOf(times(GOOD, 5), blind)])).toEqual([FIRST, SHADOW, CANARY])
})

test('a stage that decides nothing for a week ends without the candidate', () => {
  const few = talliesOf({ ...GOOD, rows: 10, positives: 3, called: 3, hits: 3 }, GOOD)
  const before = driveControl(PASSING)
  expect(deploymentsOf(driveControl([few], before.state, DAYS_7))).toEqual([])
  const after = driveControl([few], before.state, DAYS_7 + PASSING.length)
  expect(deploymentsOf(after)).toMatchObject([{ slot: 'challenger', mode: 'off' }])
  expect(jobsOf(after)).toMatchObject([
    { state: 'refused', reason: expect.stringContaining('undecided for a week') as string },
  ])
})

test('whoever decides by hand ends the trial', () => {
  const promoted = [...PASSING, bothGood(5), deploy(1)]
  expect(slotsOf(promoted)).toEqual([FIRST, SHADOW, CANARY, OFF, FIRST])
  expect(slotsOf([...promoted, bothGood(10)])).toEqual(slotsOf(promoted))
  expect(jobsOf(driveControl(promoted)).at(-1)).toMatchObject({ state: 'refused', reason: 'ada has decided: by hand' })
  const cancel = entryOf({ jobCommand: { jobId: 'j', action: 'cancel', retries: 0, reason: 'so' } })
  expect(slotsOf([...PASSING, cancel, bothGood(5)])).toEqual([FIRST, SHADOW, OFF])
})

test('a person may begin a trial without a job; without a champion there is nothing to compare with', () => {
  const entries = [PASSING[0] as ControlEntry, deploy(0), challenge(0), bothGood(5), bothGood(10)]
  expect(slotsOf(entries)).toEqual([FIRST, SHADOW, CANARY, TAKES_OVER, WATCHED])
  expect(deploymentsOf(driveControl(entries)).at(-1)).toMatchObject({ gateReport: 'gates/2', jobId: '' })
  expect(jobsOf(driveControl(entries))).toEqual([])
  expect(slotsOf([challenge(0), bothGood(5)])).toHaveLength(1)
})

test('who challenges next takes the place of who challenges', () => {
  expect(slotsOf([...PASSING, bothGood(5), challenge(2), bothGood(10)])).toEqual([
    FIRST,
    SHADOW,
    CANARY,
    SHADOW,
    CANARY,
  ])
})
