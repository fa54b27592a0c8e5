import { expect, test } from 'vitest'
import { versionsText } from '../../../../cli/commands/models.ts'

const V1 = { name: 'baseline', version: '0123456789abcdef', source: 's', sizeBytes: 1_234_567 }
const V2 = { ...V1, version: '89abcdef01234567' }
const DEPLOYMENT = {
  slot: 'champion',
  deploymentEpoch: 3,
  modelName: 'baseline',
  modelVersion: V2.version,
  featureService: 'spoiler_v1',
  source: 's',
  decidedAtMs: 0,
  decidedBy: 'ada',
  reason: 'better\u001b[2J',
  mode: 'serve',
  share: 1,
  entryId: '',
  jobId: '',
  gateReport: '',
}

test('the list says which version shall serve, who decided it and why, and nothing moves the cursor', () => {
  const lines = versionsText([V1, V2], DEPLOYMENT).split('\n')
  expect(lines[1]).toMatch(/^baseline@0123456789abcdef +1\.23$/)
  expect(lines[2]).toMatch(/^baseline@89abcdef01234567 +1\.23 +deployment 3$/)
  expect(lines[4]).toBe('Deployment 3: baseline@89abcdef01234567, by ada: better␛[2J')
})

test('without versions and deployments it says what scores', () => {
  expect(versionsText([], undefined)).toBe('No versions.\nNothing was deployed: the prior scores.\n')
})
