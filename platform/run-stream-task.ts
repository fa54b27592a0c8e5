import type { Processor } from '../schemas/processor.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import type { BatchWorker } from './batch-worker.ts'
import { changelogSubjects, changelogTopic, type StoreSchemas } from './changelog.ts'
import { type ComponentContext, failingAtOnce, whenAvailable } from './component.ts'
import { OwnedWork } from './owned-work.ts'
import { pause, whileDependencyIsDown } from './retry.ts'
import { FoldWorker } from './fold-worker.ts'
import { AppendTimeOrder, arrivalOrder, idOf } from './input-order.ts'
import {
  GroupConsumer,
  PartitionReader,
  READ_UNCOMMITTED,
  type TopicPartition,
  type Watermarks,
} from './kafka-consumer.ts'
import { openTransactionalProducer } from './kafka-producer.ts'
import { type OpenedCodec, openCodec, topicSubjects } from './open-codec.ts'
import type { RecordCodec } from './record-codec.ts'
import { settleTopics, watchTopics } from './settle-topics.ts'
import { SnapshotTaker } from './snapshot-taker.ts'
import type { SpoilerError } from './spoiler-error.ts'
import type { SnapshotStore } from './state-snapshot.ts'
import { StreamTask } from './stream-task.ts'
import { keptStateFiles } from './state-files.ts'
import { recordRestored, snapshotTelemetry, taskTelemetry } from './telemetry.ts'
import { changelogFacts, identifyTopics, wantedTopics } from './topic-admin.ts'
import type { Identities } from './topic-lineage.ts'

/** What the changelog of a fold follows from. */
export interface FoldDeclaration {
  readonly name: string
  readonly stores: StoreSchemas
}

/** A fold that keeps state, and what it reads. */
interface StatefulFold extends FoldDeclaration {
  readonly input: TopicId
}

/** The changelog topics of the folds that keep state. */
export function changelogsOf(processors: readonly FoldDeclaration[]): string[] {
  return processors.filter(({ stores }) => Object.keys(stores).length > 0).map(({ name }) => changelogTopic(name))
}

interface Prepared extends OpenedCodec {
  readonly topics: Identities
}

/**
 * Schemas and topics, before the first record: learns the schema ids, creates and compares the topics. Waits for the
 * broker, and for the registry only when an id is not in the cache; else the ids are checked in the background.
 */
export async function prepare(
  context: ComponentContext,
  folds: readonly StatefulFold[],
): Promise<Prepared | undefined> {
  const { config, signal } = context
  const subjects = [...topicSubjects(), ...folds.flatMap(({ name, stores }) => changelogSubjects(name, stores))]
  const opened = await whenAvailable(context, () => openCodec(config, subjects))
  if (opened === undefined) return undefined
  const wanted = wantedTopics(config, changelogsOf(folds))
  const foldTopics = folds.map(({ name, input }) => ({ changelog: changelogTopic(name), input: topics[input].name }))
  const settle = { codec: opened.codec, wanted, folds: foldTopics }
  const settled = await whenAvailable(context, () => settleTopics(config, settle))
  if (settled === undefined || signal.aborted) return undefined
  return { ...opened, topics: settled }
}

/**
 * What must stay true while the component runs, and nothing waits for: the cached schema ids are those of the registry,
 * and the topics are those of the start.
 */
export async function verifyInBackground(context: ComponentContext, prepared: Prepared): Promise<void> {
  const { config, signal } = context
  const look = (): Promise<Identities> => identifyTopics(config, prepared.topics.keys())
  const watch = watchTopics(prepared.topics, signal, { lineage: config.LINEAGE, look, pause })
  await Promise.all([verifySchemaIds(context, prepared), watch])
}

/** Compares cached schema ids with the registry as soon as it answers. */
async function verifySchemaIds({ signal, log }: ComponentContext, opened: OpenedCodec): Promise<void> {
  const onUp = (): void => {
    log.debug('the cached schema ids are those of the registry')
  }
  const onDown = (error: SpoilerError): void => {
    log.debug({ err: error }, 'cannot check the cached schema ids yet')
  }
  await whileDependencyIsDown(() => opened.verify(), { signal, pause, onUp, onDown })
}

interface TaskOptions {
  readonly name: string
  readonly inputs: readonly TopicId[]
  readonly worker: (deps: WorkerDeps) => BatchWorker
}
export interface WorkerDeps {
  readonly watermarks: (input: TopicPartition) => Promise<Watermarks>
  readonly openReader: () => Promise<PartitionReader>
}

/** Opens the clients of one stream task and runs it until the signal aborts. */
export async function runStreamTask(context: ComponentContext, { name, inputs, worker }: TaskOptions): Promise<void> {
  const { config, telemetry, signal } = context
  const log = context.log.child({ task: name })
  const nowMs = (): number => Date.now()
  const standsBy = inputs.every((id) => topics[id].partitions === 1)
  // the producer first: it fences an earlier self before the committed offsets are read
  await using producer = await openTransactionalProducer(config, `${name}-${config.INSTANCE}`)
  await using edges = await PartitionReader.open(config, `${name}-watermarks`, READ_UNCOMMITTED)
  await using consumer = await GroupConsumer.join(
    config,
    name,
    inputs.map((id) => topics[id].name),
  )
  const watermarks = (input: TopicPartition): Promise<Watermarks> => edges.watermarks(input)
  const openReader = (): Promise<PartitionReader> => PartitionReader.open(config, `${name}-restore`)
  const caughtUp = (input: TopicPartition): boolean => consumer.atEnd.has(idOf(input))
  const task = new StreamTask({
    name,
    config,
    consumer,
    producer,
    worker: worker({ watermarks, openReader }),
    order:
      inputs.length === 1 ? arrivalOrder() : new AppendTimeOrder({ caughtUp, nowMs, waitMs: config.MERGE_WAIT_MS }),
    watermarks,
    telemetry: taskTelemetry(telemetry, name, log, standsBy),
    log,
    nowMs,
    pause,
  })
  await failingAtOnce(context, () => task.run(signal))
}

export interface FoldOptions {
  readonly codec: RecordCodec
  readonly inputs: readonly TopicId[]
  /** Left out: no snapshots of its state are taken. */
  readonly snapshots?: SnapshotOptions
  /** Of an input with one partition: what only the instance does that has it, see {@link OwnedWork}. */
  readonly work?: (signal: AbortSignal) => Promise<void>
}

/** Runs a fold as a stream task, its state below STATE_DIR. */
export async function runFold<In, Stores>(
  context: ComponentContext,
  processor: Processor<In, Stores>,
  { codec, inputs, snapshots, work }: FoldOptions,
): Promise<void> {
  const { name } = processor
  const { config, telemetry, signal } = context
  const log = context.log.child({ task: name })
  using workers = new DisposableStack()
  const deps = {
    codec,
    changelogFacts: (topic: string) => changelogFacts(config, topic),
    states: keptStateFiles({ folder: config.STATE_DIR, log, pause: (ms) => pause(ms, signal) }),
    nowMs: () => Date.now(),
    onRestored: recordRestored(telemetry, log, name),
    ...(snapshots === undefined || config.SNAPSHOT_MS === 0
      ? {}
      : { snapshots: snapshotTaker({ ...context, log }, name, snapshots) }),
  }
  await using beside = new AsyncDisposableStack()
  const fail = (error: unknown): void => context.fail(error)
  const worker = (own: WorkerDeps): BatchWorker => {
    const fold = workers.use(new FoldWorker(processor, { ...deps, ...own }))
    return work === undefined ? fold : beside.use(new OwnedWork(fold, { work, fail }))
  }
  await runStreamTask(context, { name, inputs, worker })
}

/** What a fold needs to take snapshots of its state. */
interface SnapshotOptions {
  /** The input as the broker has it: name and id. */
  readonly source: { readonly topic: string; readonly topicId: string }
  /** Fingerprint of the fold's code. */
  readonly code: string
  readonly open: () => Promise<SnapshotStore & Disposable>
}

function snapshotTaker(
  { config, telemetry, log, signal }: ComponentContext,
  processor: string,
  { source, code, open }: SnapshotOptions,
): SnapshotTaker {
  return new SnapshotTaker({
    source: { processor, ...source },
    code,
    open,
    everyMs: config.SNAPSHOT_MS,
    folder: config.STATE_DIR,
    telemetry: snapshotTelemetry(telemetry, processor, log),
    signal,
    pause,
  })
}
