import { join } from 'node:path'
import { changelogSubjects } from '../platform/changelog.ts'
import type { Config } from '../platform/config.ts'
import { openCodec, type OpenedCodec, topicSubjects } from '../platform/open-codec.ts'
import { RecordCodec } from '../platform/record-codec.ts'
import { pause, whileDependencyIsDown } from '../platform/retry.ts'
import { changelogsOf } from '../platform/run-stream-task.ts'
import { httpSchemaRegistry, SchemaIdCache } from '../platform/schema-registry.ts'
import type { SpoilerError } from '../platform/spoiler-error.ts'
import type { ComponentSpec } from '../platform/supervisor.ts'
import { ensureTopics, type WantedTopic, wantedTopics } from '../platform/topic-admin.ts'
import { avroSchemas } from '../schemas/generated.ts'
import { control } from '../control/control.ts'
import { drift } from '../stream-processors/drift/drift.ts'
import { driftFeatures } from '../stream-processors/drift/drift-features.ts'
import { driftOutcomes } from '../stream-processors/drift/drift-outcomes.ts'
import { driftScores } from '../stream-processors/drift/drift-scores.ts'
import { evaluator } from '../stream-processors/evaluator.ts'
import { MOVIE_CONTEXT } from '../stream-processors/movie-context.ts'
import { userHistory } from '../stream-processors/user-history.ts'

/** The folds that keep state, and with it a changelog. */
const STATEFUL_FOLDS = [
  userHistory,
  MOVIE_CONTEXT,
  evaluator,
  driftFeatures,
  driftScores,
  driftOutcomes,
  drift,
  control,
] as const
const ROOT = join(import.meta.dirname, '..')
/** The schema registry of a fresh local stack takes 10 to 20 s. */
const REGISTRY_WITHIN_MS = 120_000
const BROKER_WITHIN_MS = 20_000

/** The processes of the pipeline. */
export const PIPELINE: readonly ComponentSpec[] = [
  { name: 'folds', argv: [join(ROOT, 'stream-processors/main.ts')] },
  { name: 'scorer', argv: [join(ROOT, 'scorer/main.ts')] },
  { name: 'sinks', argv: [join(ROOT, 'connectors/main.ts')] },
]

/** Keeps topics on S3. No review waits for it, so it is started last and not waited for. */
export const OFFLINE_STORE: ComponentSpec = {
  name: 's3-offline-store',
  yields: true,
  // without limits the collector lets a third more memory lie before it looks: see docs/adr/0006
  argv: ['--max-semi-space-size=4', '--max-old-space-size=256', join(ROOT, 'connectors/main.ts'), 's3-offline-store'],
}

/** Decides about trainings and deployments, and launches the former. No review waits for it. */
export const CONTROL: ComponentSpec = {
  name: 'control',
  yields: true,
  argv: ['--max-semi-space-size=4', join(ROOT, 'control/main.ts')],
}

/** The command line itself, as a component that publishes a generated world. */
export function worldProducer(options: readonly string[]): ComponentSpec {
  return { name: 'world', argv: [join(ROOT, 'cli/main.ts'), 'produce', 'world', '--json', ...options] }
}

/** Every topic of the pipeline, changelogs included. */
export function pipelineTopics(config: Config): WantedTopic[] {
  return wantedTopics(config, changelogsOf(STATEFUL_FOLDS))
}

/**
 * Creates and compares the topics; a broker that has just started may need a moment.
 *
 * @throws SpoilerError SPL_TOPIC_DIFFERS; SPL_BROKER_UNAVAILABLE when it did not answer in time.
 * @throws AbortError when the signal aborted first.
 */
export async function ensurePipelineTopics(config: Config, signal: AbortSignal): Promise<void> {
  await untilAvailable(() => ensureTopics(config, pipelineTopics(config)), BROKER_WITHIN_MS, signal)
}

/**
 * A codec for every record of the pipeline; registers schemas that are not in the cache, and waits for a registry
 * that is still starting.
 *
 * @throws SpoilerError SPL_REGISTRY_UNAVAILABLE when it did not answer in time; SPL_SCHEMA_REFUSED.
 * @throws AbortError when the signal aborted first.
 */
export function openPipelineCodec(config: Config, signal: AbortSignal): Promise<OpenedCodec> {
  return untilAvailable(() => openCodec(config, pipelineSubjects()), REGISTRY_WITHIN_MS, signal)
}

/** Tries again while a dependency is down. @throws its last error when the time is over. */
async function untilAvailable<T>(work: () => Promise<T>, withinMs: number, signal: AbortSignal): Promise<T> {
  const last: { error: SpoilerError | undefined } = { error: undefined }
  const done = await whileDependencyIsDown(async () => ({ result: await work() }), {
    signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
    pause,
    onUp: () => undefined,
    onDown: (error) => {
      last.error = error
    },
  })
  if (done !== undefined) return done.result
  signal.throwIfAborted()
  throw last.error ?? new RangeError('nothing was tried')
}

/** A codec for reading: takes ids from the cache, asks the registry for others, and registers nothing. */
export function readingCodec(config: Config): RecordCodec {
  const cache = schemaIdCache(config)
  const codec = new RecordCodec(httpSchemaRegistry(config))
  for (const subject of topicSubjects()) {
    const id = cache.get(subject.subject, avroSchemas[subject.schema])
    if (id !== undefined) codec.learn(subject, id)
  }
  return codec
}

function schemaIdCache(config: Config): SchemaIdCache {
  return new SchemaIdCache(join(config.STATE_DIR, 'schema-ids.json'))
}

function pipelineSubjects() {
  return [...topicSubjects(), ...STATEFUL_FOLDS.flatMap(({ name, stores }) => changelogSubjects(name, stores))]
}
