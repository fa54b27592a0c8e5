import { newestDeployment } from '../../inference/deployment-log.ts'
import { committedValues } from '../../platform/topic-values.ts'
import { CHAMPION } from '../../schemas/deployment-slots.ts'
import type { ModelDeployment } from '../../schemas/generated.ts'
import type { Pipeline } from './pipeline.ts'

const WHY = { decidedBy: 'test', reason: 'a test', entryId: '', jobId: '', gateReport: '' }
const SERVES = { featureService: 'spoiler_v1', slot: CHAMPION, mode: 'serve', share: 1 }
type Wanted = Pick<ModelDeployment, 'modelName' | 'modelVersion' | 'source'> & Partial<ModelDeployment>

/** Decides as control does, in a pipeline in which control does not run: the next epoch of the slot. */
export async function deploy({ config, codec, publisher }: Pipeline, wanted: Wanted): Promise<ModelDeployment> {
  const decision = { ...SERVES, ...WHY, decidedAtMs: Date.now(), ...wanted }
  const before = await newestDeployment(committedValues(config, codec, 'modelDeployments'), decision.slot)
  const deployment = { ...decision, deploymentEpoch: (before?.deploymentEpoch ?? 0) + 1 }
  await publisher.publish('modelDeployments', deployment)
  await publisher.flush()
  return deployment
}
