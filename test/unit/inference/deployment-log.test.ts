import { expect, test } from 'vitest'
import { decideDeployment, newestDeployment } from '../../../inference/deployment-log.ts'
import type { ModelDeployment } from '../../../schemas/generated.ts'

const DECISION = {
  modelName: 'm',
  modelVersion: 'v',
  source: 's',
  decidedAtMs: 5,
  decidedBy: 'ada',
  reason: 'better',
  entryId: '',
}
const deployment = (deploymentEpoch: number, fields: Partial<ModelDeployment> = {}): ModelDeployment => ({
  slot: 'champion',
  deploymentEpoch,
  ...DECISION,
  mode: 'serve',
  share: 1,
  jobId: '',
  gateReport: '',
  ...fields,
})

async function* logOf(records: readonly ModelDeployment[]): AsyncGenerator<ModelDeployment> {
  for (const record of [...records]) yield await Promise.resolve(record)
}

/** A log; `meanwhile` is what others append just before us. */
function world(records: ModelDeployment[], meanwhile: ModelDeployment[] = []) {
  return {
    records,
    read: () => logOf(records),
    append: (record: ModelDeployment) => {
      const others = meanwhile.shift()
      records.push(...(others === undefined ? [] : [others]), record)
      return Promise.resolve()
    },
  }
}

test('the newest decision about the champion is the one of the highest epoch, wherever it stands', async () => {
  const records = [deployment(2), deployment(9, { slot: 'challenger' }), deployment(3), deployment(1)]
  expect(await newestDeployment(logOf(records))).toEqual(deployment(3))
  expect(await newestDeployment(logOf([deployment(1), deployment(1, { reason: 'second' })]))).toEqual(deployment(1))
  expect(await newestDeployment(logOf([]))).toBeUndefined()
})

test('a decision gets the epoch behind the newest, from 1', async () => {
  expect(await decideDeployment(DECISION, world([]))).toEqual(deployment(1))
  const log = world([deployment(4), deployment(9, { slot: 'challenger' })])
  expect(await decideDeployment(DECISION, log)).toEqual(deployment(5))
  expect(log.records).toHaveLength(3)
})

test('each slot has epochs of its own', async () => {
  const log = world([deployment(4), deployment(9, { slot: 'challenger' })])
  const shadow = { slot: 'challenger', mode: 'shadow', share: 0.5, jobId: 'j1', gateReport: 'gates/1' }
  expect(await decideDeployment({ ...DECISION, ...shadow }, log)).toEqual(deployment(10, shadow))
  expect(await newestDeployment(log.read(), 'challenger')).toEqual(deployment(10, shadow))
  expect(await newestDeployment(log.read())).toEqual(deployment(4))
})

test('of two decisions of one moment each has an epoch of its own, and the later one counts', async () => {
  const other = deployment(1, { decidedBy: 'bea' })
  const log = world([], [other])
  expect(await decideDeployment(DECISION, log)).toEqual(deployment(2))
  expect(await newestDeployment(log.read())).toEqual(deployment(2))
})

test('one that was overtaken by a later decision stays as it is', async () => {
  const later = deployment(2, { decidedBy: 'bea' })
  const log = world([], [later])
  expect(await decideDeployment(DECISION, log)).toEqual(deployment(1))
  expect(await newestDeployment(log.read())).toEqual(later)
})
