import type { TopicLineage } from '../schemas/generated.ts'
import { topics } from '../schemas/topics.ts'
import type { Config } from './config.ts'
import { openRecordPublisher } from './record-publisher.ts'
import type { KafkaConfig } from './kafka-connection.ts'
import { KafkaFault } from './kafka-fault.ts'
import type { RecordCodec } from './record-codec.ts'
import { SpoilerError } from './spoiler-error.ts'
import { ensureTopics, findTopics, type WantedTopic } from './topic-admin.ts'
import { assertLineage, type FoldTopics, type Identities, topicsChanged, unrecorded } from './topic-lineage.ts'
import { readTopic } from './topic-reader.ts'

interface SettleOptions {
  readonly codec: RecordCodec
  readonly wanted: readonly WantedTopic[]
  readonly folds: readonly FoldTopics[]
}

/**
 * Creates and compares the topics before the first record, as {@link ensureTopics} does, and proves besides that they
 * are those of the runs before: what was deleted is not made anew in silence. Idempotent; components may call it at once.
 *
 * @throws SpoilerError as {@link ensureTopics} and {@link assertLineage}.
 */
export async function settleTopics(
  config: KafkaConfig & Pick<Config, 'TOPIC_REPLICATION' | 'LINEAGE'>,
  { codec, wanted, folds }: SettleOptions,
): Promise<Identities> {
  const ledger = wanted.filter(({ name }) => name === topics.topicLineages.name)
  await ensureTopics(config, ledger)
  const all = await answered(() => readLineages(config, codec))
  // a component does not know the changelogs of another's folds
  const recorded = new Map([...all].filter(([topic]) => wanted.some(({ name }) => name === topic)))
  const facts = { lineage: config.LINEAGE, recorded, folds }
  assertLineage({ ...facts, found: await findTopics(config, wanted) })
  const found = await ensureTopics(config, wanted)
  const news = unrecorded({ ...facts, found })
  if (news.length > 0) await answered(() => record(config, codec, news))
  return found
}

/** A broker that goes away meanwhile is waited for, and so is one that has not heard yet of what was just created. */
async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const passes = cause instanceof KafkaFault || (cause instanceof SpoilerError && cause.code === 'SPL_TOPIC_MISSING')
    if (!passes) throw cause
    const doing = `asking ${topics.topicLineages.name} which topics were used before`
    throw new SpoilerError('SPL_BROKER_UNAVAILABLE', doing, { onError: 'retry', cause })
  }
}

async function readLineages(config: KafkaConfig, codec: RecordCodec): Promise<Map<string, TopicLineage>> {
  const newest = new Map<string, TopicLineage>()
  for await (const { decoded } of readTopic(config, codec, 'topicLineages', { from: 'beginning', follow: false })) {
    if ('poison' in decoded) {
      const doing = `reading ${topics.topicLineages.name}: ${decoded.cause}`
      throw new SpoilerError(decoded.poison, doing, { onError: 'stop' })
    }
    newest.set(decoded.value.topic, decoded.value)
  }
  return newest
}

async function record(config: KafkaConfig, codec: RecordCodec, news: readonly TopicLineage[]): Promise<void> {
  await using publisher = await openRecordPublisher(config, codec, 'topic-lineages')
  for (const lineage of news) await publisher.publish('topicLineages', lineage)
  await publisher.flush()
}

const LOOK_MS = 2_000
/** A connection to a broker that froze may stay silent for ever. */
const LOOK_WITHIN_MS = 30_000

interface WatchDeps {
  readonly lineage: number
  /** The topics as they are. @throws SpoilerError `retry` while no broker answers. */
  readonly look: () => Promise<Identities>
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Looks now and then whether the topics are still the same, until the signal aborts. A broker that has just started
 * may not know all of them yet, so a change counts when it is seen twice.
 *
 * @throws SpoilerError `exit` SPL_TOPIC_MISSING, SPL_TOPIC_RECREATED, SPL_TOPIC_REPARTITIONED.
 */
export async function watchTopics(known: Identities, signal: AbortSignal, deps: WatchDeps): Promise<void> {
  const { lineage, pause } = deps
  let suspected = false
  for (;;) {
    await pause(suspected ? LOOK_MS / 2 : LOOK_MS, signal)
    if (signal.aborted) return
    const found = await whatIsThere(signal, deps)
    const change = found === undefined ? undefined : topicsChanged(known, found, lineage)
    if (change !== undefined && suspected) throw change
    suspected = change !== undefined
  }
}

/** Undefined when nobody answered in time, or when it shall end. */
async function whatIsThere(signal: AbortSignal, { look, pause }: WatchDeps): Promise<Identities | undefined> {
  const over = new AbortController()
  try {
    const late = pause(LOOK_WITHIN_MS, AbortSignal.any([signal, over.signal]))
    return await Promise.race([look(), late.then(() => undefined)])
  } catch (error) {
    if (error instanceof SpoilerError && error.onError === 'retry') return undefined
    throw error
  } finally {
    over.abort()
  }
}
