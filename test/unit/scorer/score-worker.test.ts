import { expect, test } from 'vitest'
import type { RecordCodec } from '../../../platform/record-codec.ts'
import type { ModelActivation } from '../../../schemas/generated.ts'
import { ScoreWorker } from '../../../scorer/score-worker.ts'
import type { ServingModels } from '../../../scorer/serving-models.ts'

/** A restore reads the ledger only. */
const UNUSED = {} as unknown

function activation(partition: number, fromOffset: number, featureService = 'spoiler_v1'): ModelActivation {
  const version = { modelName: 'prior', modelVersion: 'e7c06c5f76beb546', tier: 'prior', runtimeFingerprint: 'a' }
  const serving = { slot: 'champion', mode: 'serve', share: 1, featureService }
  return { partition, fromOffset, deploymentEpoch: 0, ...version, ...serving }
}

function workerOn(ledger: readonly ModelActivation[]): ScoreWorker {
  const readActivations = () => ReadableStream.from(ledger)
  return new ScoreWorker({
    codec: UNUSED as RecordCodec,
    serving: UNUSED as ServingModels,
    follows: true,
    readActivations,
  })
}

test('the ledger proves how far a partition was scored: a group that has no offset there has forgotten it', async () => {
  const worker = workerOn([activation(0, 0), activation(1, 7), activation(0, 120, 'spoiler_v2'), activation(0, 90)])
  const topic = 'review-features'
  expect(await worker.restore({ topic, partition: 0 })).toMatchObject({ offset: 120 })
  expect(await worker.restore({ topic, partition: 1 })).toMatchObject({ offset: 7 })
  expect(await worker.restore({ topic, partition: 2 })).toBeNull()
})
