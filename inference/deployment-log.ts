import { placesRead } from '../schemas/feature-services.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelDeployment } from '../schemas/generated.ts'

/** A version, by name and content, and since which decision it shall serve. */
export type Deployed = Pick<ModelDeployment, 'deploymentEpoch' | 'modelName' | 'modelVersion'> & {
  /** Key of its folder; the place where versions of the name usually are if it is not known. */
  readonly source?: string
}

/** `model-deployments`, as whoever decides sees it. */
interface DeploymentLog {
  /** Every record up to the present end. */
  readonly read: () => AsyncIterable<ModelDeployment>
  /** Resolves when the record is acknowledged. */
  readonly append: (deployment: ModelDeployment) => Promise<void>
}

/** The newest decision about each feature service that models read: of equal epochs the first. */
export async function newestDeployments(
  records: AsyncIterable<ModelDeployment>,
): Promise<ReadonlyMap<string, ModelDeployment>> {
  const newest = new Map<string, ModelDeployment>()
  for await (const record of records)
    if (record.slot === CHAMPION && record.deploymentEpoch > (newest.get(record.featureService)?.deploymentEpoch ?? 0))
      newest.set(record.featureService, record)
  return newest
}

/** The newest decision about rows of a feature service: of all that read it. */
export function deploymentFor(
  newest: ReadonlyMap<string, ModelDeployment>,
  featureService: string,
): ModelDeployment | undefined {
  return [...newest.values()]
    .filter((deployment) => placesRead(featureService, deployment.featureService) !== undefined)
    .toSorted((a, b) => b.deploymentEpoch - a.deploymentEpoch)[0]
}

/** A version that takes a slot, or leaves it; without a slot it is the champion's, and it serves. */
type Decision = Omit<ModelDeployment, 'deploymentEpoch' | keyof typeof SERVES> & Partial<typeof SERVES>

const SERVES = { slot: CHAMPION as string, mode: 'serve', share: 1, entryId: '', jobId: '', gateReport: '' }

/** The newest decision about a slot: of equal epochs the first. */
export async function newestDeployment(
  records: AsyncIterable<ModelDeployment>,
  slot: string = CHAMPION,
): Promise<ModelDeployment | undefined> {
  let newest: ModelDeployment | undefined
  for await (const record of records)
    if (record.slot === slot && record.deploymentEpoch > (newest?.deploymentEpoch ?? 0)) newest = record
  return newest
}

/**
 * Appends a decision about a slot under its next epoch. When somebody else took that epoch at the same moment,
 * and was first, it is appended again under the one behind: every decision has an epoch of its own.
 *
 * @returns the record that counts.
 */
export async function decideDeployment(wanted: Decision, { read, append }: DeploymentLog): Promise<ModelDeployment> {
  const decision = { ...SERVES, ...wanted }
  for (;;) {
    const before = await newestDeployment(read(), decision.slot)
    const deploymentEpoch = (before?.deploymentEpoch ?? 0) + 1
    const deployment = { ...decision, deploymentEpoch }
    await append(deployment)
    const after = await newestDeployment(read(), decision.slot)
    if (after === undefined || after.deploymentEpoch > deploymentEpoch || isSame(after, deployment)) return deployment
  }
}

function isSame(a: ModelDeployment, b: ModelDeployment): boolean {
  return (Object.keys(b) as (keyof ModelDeployment)[]).every((field) => a[field] === b[field])
}
