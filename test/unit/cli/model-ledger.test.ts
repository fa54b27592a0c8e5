import { expect, test } from 'vitest'
import { activationsText } from '../../../cli/commands/models-which.ts'
import { olderVersion } from '../../../cli/model-ledger.ts'
import type { ModelActivation } from '../../../schemas/generated.ts'

const activation = (deploymentEpoch: number, modelVersion: string, slot = 'champion'): ModelActivation => {
  const what = {
    modelName: 'm',
    featureService: 'spoiler_v1',
    tier: 't',
    runtimeFingerprint: 'f',
    mode: slot === 'champion' ? 'serve' : 'canary',
  }
  return { partition: 0, fromOffset: 7, deploymentEpoch, modelVersion, slot, share: 0.5, ...what }
}

test.each([
  { name: 'the one before', serves: 'b', expected: 'a' },
  { name: 'what scores, when the newest was refused and never scored', serves: 'refused', expected: 'b' },
  { name: 'back again, after a rollback', serves: 'a', expected: 'b' },
])('a rollback goes to $name', ({ serves, expected }) => {
  const ledger = [activation(9, 'x', 'challenger'), activation(2, 'b'), activation(1, 'a')]
  expect(olderVersion(ledger, serves)?.modelVersion).toBe(expected)
})

test('without another version there is nothing to go back to', () => {
  expect(olderVersion([activation(1, 'a'), activation(5, 'x', 'challenger')], 'a')).toBeUndefined()
})

test('what was live is told by partition and slot, a challenger with its share', () => {
  const lines = activationsText([activation(2, 'a'), activation(1, 'x', 'challenger')]).split('\n')
  expect(lines[1]).toMatch(/^0 +champion +serve +m@a +2 +7$/)
  expect(lines[2]).toMatch(/^0 +challenger +canary 0\.5 +m@x +1 +7$/)
  expect(activationsText([])).toBe('Nothing had scored yet.\n')
})
