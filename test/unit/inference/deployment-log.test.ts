import { expect, test } from 'vitest'
import { deploymentFor, newestDeployment, newestDeployments } from '../../../inference/deployment-log.ts'
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

test('the newest decision about the champion is the one of the highest epoch, wherever it stands', async () => {
  const records = [deployment(2), deployment(9, { slot: 'challenger' }), deployment(3), deployment(1)]
  expect(await newestDeployment(logOf(records))).toEqual(deployment(3))
  expect(await newestDeployment(logOf([deployment(1), deployment(1, { reason: 'second' })]))).toEqual(deployment(1))
  expect(await newestDeployment(logOf([]))).toBeUndefined()
  expect(await newestDeployment(logOf(records), 'challenger')).toEqual(deployment(9, { slot: 'challenger' }))
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
