import { expect, test } from 'vitest'
import {
  decideDeployment,
  deploymentFor,
  newestDeployment,
  newestDeployments,
} from '../../../inference/deployment-log.ts'
import type { ModelDeployment } from '../../../schemas/generated.ts'

const DECISION = {
  modelName: 'm',
  modelVersion: 'v',
  featureService: 'spoiler_v1',
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

test.each([
  { name: 'a model of the older service also reads what includes it', log: [[4, 'spoiler_v1']], v1: 4, v2: 4 },
  { name: 'one of the newer service reads nothing else', log: [[4, 'spoiler_v2']], v1: undefined, v2: 4 },
  {
    name: 'each has its newest',
    log: [
      [1, 'spoiler_v1'],
      [3, 'spoiler_v1'],
      [4, 'spoiler_v2'],
      [2, 'spoiler_v1'],
    ],
    v1: 3,
    v2: 4,
  },
  {
    name: 'a rollback to the older service counts for both',
    log: [
      [4, 'spoiler_v2'],
      [5, 'spoiler_v1'],
    ],
    v1: 5,
    v2: 5,
  },
  {
    name: 'an unknown service is for nobody',
    log: [
      [1, 'spoiler_v1'],
      [6, 'other_v9'],
    ],
    v1: 1,
    v2: 1,
  },
] as const)('what was decided about the rows of a feature service: $name', async ({ log, v1, v2 }) => {
  const records = log.map(([epoch, featureService]) => deployment(epoch, { featureService }))
  const newest = await newestDeployments(logOf([...records, deployment(9, { slot: 'challenger' })]))
  expect(deploymentFor(newest, 'spoiler_v1')?.deploymentEpoch).toBe(v1)
  expect(deploymentFor(newest, 'spoiler_v2')?.deploymentEpoch).toBe(v2)
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
