import { newestDeployment } from '../inference/deployment-log.ts'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { readTopic } from '../platform/topic-reader.ts'
import { committedValues } from '../platform/topic-values.ts'
import { CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelActivation, SpoilerScore } from '../schemas/generated.ts'
import { activationKey } from '../scorer/activations.ts'
import { allJobs } from './control-commands.ts'
import type { NamedVersion } from './named-version.ts'
import { readingCodec } from './pipeline.ts'
import { type LoggedEntry, type Origin, originOf } from './version-origin.ts'

/** Which version answered for a review, by its newest score; undefined without one. O(scores). */
export async function scoreOf(config: Config, reviewId: string): Promise<SpoilerScore | undefined> {
  let newest: SpoilerScore | undefined
  for await (const score of committedValues(config, readingCodec(config), 'spoilerScores'))
    if (score.reviewId === reviewId && score.revision >= (newest?.revision ?? 0)) newest = score
  return newest
}

/** Of each partition and slot the activation that held at a moment of append time. */
export async function activationsAt(config: Config, atMs: number): Promise<ModelActivation[]> {
  const held = new Map<string, ModelActivation>()
  const range = { from: 'beginning', follow: false } as const
  for await (const { record, decoded } of readTopic(config, readingCodec(config), 'modelActivations', range)) {
    if (!('value' in decoded) || record.appendedAtMs > atMs) continue
    held.set(activationKey(decoded.value, decoded.value.slot), decoded.value)
  }
  return [...held.values()].toSorted((a, b) => a.partition - b.partition || (a.slot < b.slot ? -1 : 1))
}

/** Which job and which people stand behind a version. O(control log). */
export async function readOrigin(config: Config, version: NamedVersion): Promise<Origin> {
  const codec = readingCodec(config)
  const entries: LoggedEntry[] = []
  const range = { from: 'beginning', follow: false } as const
  for await (const { record, decoded } of readTopic(config, codec, 'controlLog', range))
    if ('value' in decoded && decoded.value.deployCommand !== null)
      entries.push({ atMs: record.appendedAtMs, entry: decoded.value })
  return originOf(version, await allJobs({ config, codec }), entries)
}

/**
 * The version that scored before what shall score now.
 *
 * @throws SpoilerError SPL_USAGE when nothing did.
 */
export async function versionBefore(config: Config): Promise<Pick<ModelActivation, 'modelName' | 'modelVersion'>> {
  const codec = readingCodec(config)
  const newest = await newestDeployment(committedValues(config, codec, 'modelDeployments'))
  const before = await Array.fromAsync(committedValues(config, codec, 'modelActivations'))
  const found = olderVersion(before, newest?.modelVersion)
  if (found !== undefined) return found
  throw new SpoilerError('SPL_USAGE', 'rolling back: the ledger knows no version before it', { onError: 'stop' })
}

/** The champion of the highest epoch that was another version. */
export function olderVersion(
  activations: readonly ModelActivation[],
  version: string | undefined,
): ModelActivation | undefined {
  const others = activations.filter(({ slot, modelVersion }) => slot === CHAMPION && modelVersion !== version)
  return others.toSorted((a, b) => a.deploymentEpoch - b.deploymentEpoch).at(-1)
}
