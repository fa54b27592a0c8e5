import { placesRead } from '../schemas/feature-services.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelDeployment } from '../schemas/generated.ts'

/** A version, by name and content, and since which decision it shall serve. */
export type Deployed = Pick<ModelDeployment, 'deploymentEpoch' | 'modelName' | 'modelVersion'> & {
  /** Key of its folder; the place where versions of the name usually are if it is not known. */
  readonly source?: string
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
