import { readFileSync } from 'node:fs'
import { Admin, ConfigResourceTypes } from '@platformatic/kafka'
import { type Topic, topics } from '../schemas/topics.ts'
import type { Config } from './config.ts'
import type { ChangelogFacts } from './fold-worker.ts'
import type { KafkaConfig } from './kafka-connection.ts'
import { INTERNAL_RECORD_BYTES, PUBLIC_RECORD_BYTES } from './record-limits.ts'
import { SpoilerError } from './spoiler-error.ts'

/** A topic as it shall be. */
export interface WantedTopic {
  readonly name: string
  readonly partitions: number
  readonly settings: Readonly<Record<string, string>>
}
export interface FoundTopic {
  readonly name: string
  /** UUID that the broker gave it: a topic of the same name that is made anew has another one. */
  readonly id: string
  readonly partitions: number
  readonly settings: ReadonlyMap<string, string | null>
}

/** Every declared topic, and the changelogs of the given folds. */
export function wantedTopics(config: Pick<Config, 'TOPIC_PARTITIONS'>, changelogs: readonly string[]): WantedTopic[] {
  const declared = Object.values(topics as Record<string, Topic<never>>).map((topic) => ({
    name: topic.name,
    partitions: topic.partitions === 'keyed' ? config.TOPIC_PARTITIONS : topic.partitions,
    settings: policy(topic.cleanup, topic.retentionMs, topic.publicInput ? PUBLIC_RECORD_BYTES : INTERNAL_RECORD_BYTES),
  }))
  const internal = changelogs.map((name) => ({
    name,
    partitions: config.TOPIC_PARTITIONS,
    settings: policy('compact', -1, INTERNAL_RECORD_BYTES),
  }))
  return [...declared, ...internal]
}

function policy(cleanup: string, retentionMs: number, maxBytes: number): Record<string, string> {
  return {
    'cleanup.policy': cleanup,
    'retention.ms': String(retentionMs),
    // event time is a field of the value; a record's own time is when it was appended, or retention would eat old reviews
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(maxBytes),
  }
}

/** What differs between a topic as it shall be and as the broker has it, one sentence each. */
export function topicDifferences(wanted: WantedTopic, found: FoundTopic): string[] {
  const partitions =
    wanted.partitions === found.partitions
      ? []
      : [`${wanted.name} has ${found.partitions} partitions, not ${wanted.partitions}`]
  const settings = Object.entries(wanted.settings)
    .filter(([name, value]) => found.settings.get(name) !== value)
    .map(([name, value]) => `${wanted.name} has ${name}=${String(found.settings.get(name))}, not ${value}`)
  return [...partitions, ...settings]
}

/**
 * Creates what is missing and compares what exists. Idempotent; several processes may call it at once.
 *
 * @returns the topics as the broker has them now.
 * @throws SpoilerError SPL_TOPIC_DIFFERS, listing every difference; SPL_BROKER_UNAVAILABLE.
 */
export async function ensureTopics(
  config: KafkaConfig & Pick<Config, 'TOPIC_REPLICATION'>,
  wanted: readonly WantedTopic[],
): Promise<Map<string, FoundTopic>> {
  return withAdmin(config, 'preparing the topics', async (admin) => {
    const existing = new Set(await admin.listTopics())
    const missing = wanted.filter(({ name }) => !existing.has(name))
    for (const topic of missing) await createTopic(admin, topic, config.TOPIC_REPLICATION)
    const found = await describeTopics(admin, wanted)
    const differences = wanted.flatMap((topic) => {
      const same = found.get(topic.name)
      return same === undefined ? [] : topicDifferences(topic, same)
    })
    if (differences.length > 0) throw differs(differences)
    return found
  })
}

function differs(differences: readonly string[]): SpoilerError {
  const lines = ['comparing the topics with the broker:', ...differences.map((line) => `  - ${line}`)]
  const next =
    'Set TOPIC_PARTITIONS to what the broker has, or alter the topics; a new partition count needs a new LINEAGE.'
  return new SpoilerError('SPL_TOPIC_DIFFERS', [...lines, next].join('\n'), {
    onError: 'stop',
    context: { differences },
  })
}

/** Topics as the broker has them; those that do not exist are left out. @throws SpoilerError SPL_BROKER_UNAVAILABLE */
export async function findTopics(
  config: KafkaConfig,
  wanted: readonly WantedTopic[],
): Promise<Map<string, FoundTopic>> {
  return withAdmin(config, 'asking for the topics', async (admin) => {
    const existing = new Set(await admin.listTopics())
    return describeTopics(
      admin,
      wanted.filter(({ name }) => existing.has(name)),
    )
  })
}

/** As {@link findTopics}, without the settings. @throws SpoilerError SPL_BROKER_UNAVAILABLE */
export async function identifyTopics(
  config: KafkaConfig,
  wanted: Iterable<string>,
): Promise<Map<string, Pick<FoundTopic, 'id' | 'partitions'>>> {
  return withAdmin(config, 'asking for the topics', async (admin) => {
    const existing = new Set(await admin.listTopics())
    const topics = [...wanted].filter((name) => existing.has(name))
    const metadata = topics.length === 0 ? undefined : await admin.metadata({ topics, forceUpdate: true })
    const found = [...(metadata?.topics ?? [])]
    return new Map(found.map(([name, { id, partitionsCount: partitions }]) => [name, { id, partitions }]))
  })
}

/** What tells a changelog from one of the same name before it, and how long its deletions stay. @throws SpoilerError SPL_BROKER_UNAVAILABLE */
export async function changelogFacts(config: KafkaConfig, topic: string): Promise<ChangelogFacts> {
  const setting = 'delete.retention.ms'
  return withAdmin(config, `asking for ${topic}`, async (admin) => {
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: [setting] }
    const [described] = await admin.describeConfigs({ resources: [resource] })
    const kept = described?.configs.find(({ name }) => name === setting)?.value
    return { topicId: metadata.topics.get(topic)?.id ?? '', tombstonesKeptMs: Number(kept ?? 0) }
  })
}

/** What tells this cluster from every other, whatever its addresses are. @throws SpoilerError SPL_BROKER_UNAVAILABLE */
export async function clusterId(config: KafkaConfig): Promise<string> {
  return withAdmin(
    config,
    'asking for the id of the cluster',
    async (admin) => (await admin.metadata({ topics: [] })).id,
  )
}

/** Whatever the client throws is an outage: a broker that has just started gives many kinds of answers. */
async function withAdmin<T>(config: KafkaConfig, doing: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openAdmin(config)
  try {
    return await work(admin)
  } catch (cause) {
    if (cause instanceof SpoilerError) throw cause
    throw new SpoilerError('SPL_BROKER_UNAVAILABLE', `${doing} on ${config.KAFKA_BROKERS}`, { onError: 'retry', cause })
  } finally {
    // the answer counts, also when the connection that gave it is gone
    await admin.close().catch(() => undefined)
  }
}

async function describeTopics(admin: Admin, wanted: readonly WantedTopic[]): Promise<Map<string, FoundTopic>> {
  if (wanted.length === 0) return new Map()
  const metadata = await admin.metadata({ topics: wanted.map(({ name }) => name), forceUpdate: true })
  const described = await admin.describeConfigs({
    resources: wanted.map(({ name, settings }) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: name,
      configurationKeys: Object.keys(settings),
    })),
  })
  return new Map(
    described.map(({ resourceName, configs }) => [
      resourceName,
      {
        name: resourceName,
        id: metadata.topics.get(resourceName)?.id ?? '',
        partitions: metadata.topics.get(resourceName)?.partitionsCount ?? 0,
        settings: new Map(configs.map(({ name, value }) => [name, value ?? null])),
      },
    ]),
  )
}

async function createTopic(admin: Admin, { name, partitions, settings }: WantedTopic, replicas: number): Promise<void> {
  const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
  try {
    await admin.createTopics({ topics: [name], partitions, replicas, configs })
  } catch (error) {
    // another process was faster
    if (!(await admin.listTopics()).includes(name)) throw error
  }
}

function openAdmin(config: KafkaConfig): Admin {
  const secure = config.KAFKA_SECURITY_PROTOCOL.endsWith('ssl')
  const ca = config.KAFKA_SSL_CA_FILE
  const mechanism = config.KAFKA_SASL_MECHANISM
  return new Admin({
    clientId: 'spoiler-shield-admin',
    bootstrapBrokers: config.KAFKA_BROKERS.split(','),
    retries: 3,
    ...(secure ? { tls: ca === undefined ? {} : { ca: readFileSync(ca) } } : {}),
    ...(mechanism === undefined
      ? {}
      : {
          sasl: { mechanism, username: config.KAFKA_SASL_USERNAME ?? '', password: config.KAFKA_SASL_PASSWORD ?? '' },
        }),
  })
}
