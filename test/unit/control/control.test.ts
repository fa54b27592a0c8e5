import fc from 'fast-check'
import { expect, test } from 'vitest'
import { control } from '../../../control/control.ts'
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
  pathsOf,
  PASSED,
  POLICY,
  reportOf,
  talliesOf,
} from '../../support/control-log.ts'
import { throughAvro } from '../../support/topology-test-driver.ts'

const SEED = 17
const request = (jobId: string): ControlEntry => entryOf({ request: { jobId, reason: 'please', plan: null } })
const command = (action: string, retries = 0, jobId = 'j'): ControlEntry =>
  entryOf({ entryId: `${action}-${retries}`, jobCommand: { jobId, action, retries, reason: 'so' } })
const policy = entryOf({ by: 'control', policy: POLICY })
const enough = entryOf({ by: 'control', labels: 1000 })
const built = (taskId: string): ControlEntry => reportOf(taskId, { datasetId: 'd1' })
const fitted = (taskId: string): ControlEntry => reportOf(taskId, { candidate: CANDIDATE })
const passed = (taskId: string, championEpoch = 0): ControlEntry =>
  reportOf(taskId, { gate: { ...PASSED, championEpoch } })
const WHOLE = ['requested', 'building', 'fitting', 'registered', 'gated', 'champion']
const newest = (entries: readonly ControlEntry[], jobId = 'j') =>
  jobsOf(driveControl(entries)).findLast((job) => job.jobId === jobId)

test('enough labels begin the first model, whose candidate serves when the gate lets it pass', () => {
  const driven = driveControl([policy, enough, built('auto-1-1'), fitted('auto-1-2'), passed('auto-1-3')])
  expect(pathsOf(driven)).toEqual({ 'auto-1': WHOLE })
  expect(deploymentsOf(driven)).toMatchObject([{ slot: 'champion', deploymentEpoch: 1, ...CANDIDATE, jobId: 'auto-1' }])
  expect(jobsOf(driven).at(-1)).toMatchObject({ datasetId: 'd1', candidate: CANDIDATE, deploymentEpoch: 1, task: null })
})

test('an alarm trains a model once there are labels of after it; without one a deployed model stays', () => {
  const served = [policy, deploy(0), enough]
  expect(pathsOf(driveControl(served))).toEqual({})
  const alarm = entryOf({ alarm: { alarmId: 'a', reason: 'shorter reviews' } })
  expect(jobsOf(driveControl([...served, alarm]))).toEqual([])
  const [job] = jobsOf(driveControl([...served, alarm, entryOf({ by: 'control', labels: 1100 })]))
  expect(job).toMatchObject({ jobId: 'auto-4', cause: { kind: 'drift', alarmId: 'a', reason: 'shorter reviews' } })
})

test('one job at a time, in the order of their requests', () => {
  const entries = [request('a'), request('b'), request('c'), command('cancel', 0, 'b')]
  expect(pathsOf(driveControl(entries))).toEqual({
    a: ['requested', 'building'],
    b: ['requested', 'cancelled'],
    c: ['requested'],
  })
  const after = [...entries, reportOf('a-1', { state: 'failed', message: 'no rows' })]
  expect(pathsOf(driveControl(after))).toMatchObject({
    a: ['requested', 'building', 'failed'],
    c: ['requested', 'building'],
  })
})

test('a job asked for twice is one job', () => {
  const driven = driveControl([request('j'), request('j')])
  expect(jobsOf(driven).filter(({ state }) => state === 'requested')).toHaveLength(1)
  expect(driven.drops).toEqual(['duplicate'])
})

test('a task that is lost is launched again, three times in a row end the job', () => {
  const lost = (taskId: string): ControlEntry => reportOf(taskId, { state: 'lost', message: 'machine gone' })
  expect(newest([request('j'), lost('j-1')])).toMatchObject({
    state: 'building',
    task: { taskId: 'j-2', step: 'dataset' },
  })
  const thrice = [request('j'), lost('j-1'), lost('j-2'), lost('j-3')]
  expect(newest(thrice)).toMatchObject({ state: 'failed', task: null })
  // another step counts anew
  expect(newest([request('j'), lost('j-1'), lost('j-2'), built('j-3'), lost('j-4')])).toMatchObject({
    state: 'fitting',
  })
})

test('a retry goes on with what the job does not have yet, and belongs to one end of it', () => {
  const failed = [request('j'), built('j-1'), reportOf('j-2', { state: 'failed', message: 'full disk' })]
  const again = [...failed, command('retry')]
  expect(newest(again)).toMatchObject({ state: 'fitting', retries: 1, task: { taskId: 'j-3', step: 'fit' } })
  // the same command once more, and a cancel that was about the first run
  for (const late of [command('retry'), command('cancel')])
    expect(newest([...again, late, fitted('j-3')])).toMatchObject({ state: 'registered' })
})

test('what a command cannot change is answered, and stays', () => {
  const whole = [request('j'), built('j-1'), fitted('j-2'), passed('j-3')]
  expect(newest([...whole, command('cancel')])).toMatchObject({
    state: 'champion',
    entryId: 'cancel-0',
    reason: expect.stringContaining('nothing changes') as string,
  })
  expect(driveControl([command('cancel')]).rejects).toMatchObject([{ code: 'SPL_JOB_UNKNOWN' }])
})

test('a cancelled job launches nothing more, whatever its task reports', () => {
  expect(newest([request('j'), command('cancel'), built('j-1')])).toMatchObject({
    state: 'cancelled',
    task: null,
    datasetId: null,
  })
})

test('a refused candidate is not deployed', () => {
  const refused = reportOf('j-3', { gate: { ...PASSED, passed: false, reason: 'worse' } })
  const driven = driveControl([request('j'), built('j-1'), fitted('j-2'), refused])
  expect(jobsOf(driven).at(-1)).toMatchObject({ state: 'refused', reason: 'worse' })
  expect(deploymentsOf(driven)).toEqual([])
})

test('a verdict about what serves no more is not used: the gate compares anew', () => {
  const entries = [request('j'), built('j-1'), fitted('j-2'), deploy(0), passed('j-3', 0)]
  expect(newest(entries)).toMatchObject({ state: 'registered', task: { taskId: 'j-4', step: 'gate' }, gate: null })
  const driven = driveControl([...entries, passed('j-4', 1)])
  expect(deploymentsOf(driven).map(({ slot, deploymentEpoch, jobId }) => [slot, deploymentEpoch, jobId])).toEqual([
    ['champion', 1, ''],
    ['challenger', 1, 'j'],
  ])
})

test('a deployment by hand counts once, and not when another came first', () => {
  const driven = driveControl([deploy(0), deploy(0), deploy(0)])
  expect(deploymentsOf(driven)).toMatchObject([
    { deploymentEpoch: 1, decidedBy: 'ada', reason: 'by hand', mode: 'serve', gateReport: 'gates/1' },
  ])
})

test('a deployment from before control is gone on from', () => {
  const [before] = deploymentsOf(driveControl([deploy(0)]))
  const adopted = entryOf({ deployment: { ...before, deploymentEpoch: 7 } as never })
  expect(deploymentsOf(driveControl([adopted, adopted, deploy(0), deploy(7)]))).toMatchObject([{ deploymentEpoch: 8 }])
})

test('a task that ends without its result fails the job', () => {
  expect(newest([request('j'), fitted('j-1')])).toMatchObject({ state: 'failed' })
})

/** What launchers say of a job of five tasks, one of them lost: any of it may come twice, too late, or in another order. */
const REPORTS = [
  built('j-1'),
  reportOf('j-2', { state: 'lost', message: 'gone' }),
  fitted('j-3'),
  passed('j-4'),
  reportOf('j-1', { state: 'running', progress: { step: 'reading', done: 1, total: 2 } }),
  reportOf('j-3', { state: 'running', progress: { step: 'fitting', done: 1, total: 2 } }),
]

test('whatever of its reports comes twice or in another order: one job, one path of states, one deployment', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...REPORTS), { maxLength: 12 }), (noise) => {
      // every report comes again in order behind the noise, as from a launcher that repeats until it is heard
      const driven = driveControl([request('j'), ...noise, ...REPORTS.slice(0, 4), ...noise])
      expect(pathsOf(driven)).toEqual({ j: WHOLE })
      expect(deploymentsOf(driven)).toHaveLength(1)
      expect(new Set(jobsOf(driven).flatMap(({ task }) => task?.taskId ?? []))).toEqual(
        new Set(['j-1', 'j-2', 'j-3', 'j-4']),
      )
    }),
    { seed: SEED },
  )
})

const anyEntry = fc.oneof(
  fc.constantFrom(...REPORTS, policy, enough, deploy(0), deploy(1), request('j'), request('k')),
  fc.constantFrom(challenge(0), challenge(1), talliesOf(GOOD, GOOD), talliesOf(BAD, GOOD), talliesOf(GOOD, BAD)),
  fc.constantFrom(command('cancel'), command('retry'), command('retry', 1), command('cancel', 1)),
  fc
    .record({ n: fc.integer({ min: 1, max: 9 }), job: fc.constantFrom('j', 'k', 'auto-1') })
    .map(({ n, job }) => built(`${job}-${n}`)),
)

test('a crash between any two entries changes nothing, and state survives its changelog', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 30 }), fc.nat(30), (entries, at) => {
      const cut = Math.min(at, entries.length)
      const whole = driveControl(entries)
      const first = driveControl(entries.slice(0, cut))
      const second = driveControl(entries.slice(cut), throughAvro(control, first.state), cut)
      expect([...first.output, ...second.output]).toEqual(whole.output)
    }),
    { seed: SEED },
  )
})

test('whatever comes: at most one task runs, epochs grow by one, and no state is skipped', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 40 }), (entries) => {
      const driven = driveControl(entries)
      const running = new Set<string>()
      for (const { jobId, task } of jobsOf(driven)) {
        if (task === null) running.delete(jobId)
        else running.add(jobId)
        expect(running.size).toBeLessThanOrEqual(1)
      }
      for (const ofSlot of Map.groupBy(deploymentsOf(driven), ({ slot }) => slot).values())
        expect(ofSlot.map(({ deploymentEpoch }) => deploymentEpoch)).toEqual(ofSlot.map((_, i) => i + 1))
      for (const path of Object.values(pathsOf(driven))) expect(path.slice(0, 1)).toEqual(['requested'])
      expect(driven.rejects.every(({ code }) => code === 'SPL_JOB_UNKNOWN')).toBe(true)
    }),
    { seed: SEED },
  )
})
