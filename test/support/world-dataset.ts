import { World, type WorldOptions } from '../../producers/world/world.ts'
import type { FeatureService } from '../../schemas/feature-services.ts'
import { topics } from '../../schemas/topics.ts'
import { buildDataset, type DatasetPlan } from '../../trainers/dataset/build-dataset.ts'
import { localFiles } from '../../trainers/dataset/dataset-files.ts'
import type { DatasetManifest } from '../../trainers/dataset/manifest.ts'
import type { planSpans } from '../../trainers/dataset/split.ts'
import { chain } from './fold-chain.ts'
import { type Logs, memorySource, partitioned, planOfAll } from './memory-source.ts'
import type { Log } from './review-world.ts'

/** The two logs that a data set is made of, as the folds make them of a public log. */
export function logsOf(log: Log, service?: FeatureService): Logs {
  const { rows, userActivity } = chain(log, service)
  return {
    reviewFeatures: partitioned(rows, ({ reviewId }) => reviewId),
    userActivity: partitioned(
      userActivity.map(({ value }) => value),
      ({ userId }) => userId,
    ),
  }
}

/** A world of about one review in 2.4 hours. */
export const WORLD_START = { seed: 7, rate: 10, speed: 86_400, startMs: Date.UTC(2026, 0, 1) } as const

/** A generated world as it is appended: in the order of its event times. */
export function worldLogs(reviews: number, options: Partial<WorldOptions> = {}, service?: FeatureService): Logs {
  const log: Log[number][] = []
  for (const { topic, value, eventTimeMs } of new World({ ...WORLD_START, ...options, reviews }).events())
    log.push({
      key: null,
      value,
      position: { topic: topics[topic].name, partition: 0, offset: log.length },
      appendedAtMs: eventTimeMs,
    })
  return logsOf(log, service)
}

interface BuildOptions {
  /** Gets the data set. */
  readonly folder: string
  readonly sortFolder: string
  readonly plan?: typeof planSpans
  readonly signal?: AbortSignal
}

/** Builds a data set of logs in memory. */
export async function buildFromLogs(
  logs: Logs,
  wanted: Partial<DatasetPlan>,
  { folder, sortFolder, ...others }: BuildOptions,
): Promise<DatasetManifest> {
  return await buildDataset(await planOfAll(logs, wanted), {
    source: memorySource(logs),
    files: localFiles(folder),
    sortFolder,
    nowMs: () => 0,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...others,
  })
}
