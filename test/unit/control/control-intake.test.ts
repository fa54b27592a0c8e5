import { expect, test } from 'vitest'
import { controlIntake } from '../../../control/control-intake.ts'
import type { ControlEntry, DriftEvent, DriftFinding } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { deploymentsOf, driveControl, entryOf, jobsOf, POLICY } from '../../support/control-log.ts'
import { drive } from '../../support/topology-test-driver.ts'

const finding = (measure: string): DriftFinding => ({
  ...{ measure, text: 't', effect: 0.4, limit: 0.1, before: 0.1, after: 0.5 },
})
const raised: DriftEvent = {
  eventId: 'features/spoiler_v1/5/raised',
  state: 'raised',
  subject: 'features/spoiler_v1',
  modelName: 'baseline',
  modelVersion: '0123456789abcdef',
  windowId: 'features/spoiler_v1/5',
  startMs: 4,
  endMs: 6,
  decidedAtMs: 7,
  rows: 400,
  cause: 'share of reviews under 200 characters rose from 9 % to 41 %',
  findings: [finding('text_units')],
}

/** What the intake brings into the control log. */
function brought(...events: readonly DriftEvent[]): ControlEntry[] {
  const records = events.map((value, offset) => {
    const position = { topic: topics.driftEvents.name, partition: 0, offset }
    return { key: value.eventId, value, position, appendedAtMs: 0 }
  })
  return drive(controlIntake, records).output.flatMap(({ to, value }) => (to === 'controlLog' ? [value] : []))
}

test('an alarm comes into the control log with its cause, and a model that serves is trained anew', () => {
  const deployed = entryOf({
    deployment: {
      ...{ slot: 'champion', deploymentEpoch: 1, modelName: 'baseline', modelVersion: '0', source: 's' },
      ...{ featureService: 'spoiler_v1', mode: 'serve', share: 1, jobId: '', gateReport: '', entryId: '' },
      ...{ decidedAtMs: 0, decidedBy: 'ada', reason: 'first' },
    },
  })
  const driven = driveControl([
    entryOf({ policy: POLICY }),
    deployed,
    entryOf({ labels: 1000 }),
    ...brought(raised),
    entryOf({ labels: 1100 }),
  ])
  const cause = { kind: 'drift', alarmId: raised.eventId, reason: raised.cause, by: 'control' }
  expect(jobsOf(driven)[0]).toMatchObject({ state: 'requested', cause })
  expect(deploymentsOf(driven)).toEqual([])
})

test('labels that come late, or not at all, train nothing; what they say does', () => {
  const late = { ...raised, findings: [finding('label_age_days'), finding('labelled')] }
  expect(brought(late)).toEqual([])
  expect(brought({ ...late, findings: [...late.findings, finding('labelled_spoiler')] })).toHaveLength(1)
})

test('that an alarm has ended asks for nothing', () => {
  expect(brought({ ...raised, state: 'ended' })).toEqual([])
})
