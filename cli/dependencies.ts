import { pino } from 'pino'
import { openRedisOnlineStore } from '../connectors/redis-online-store.ts'
import type { Config } from '../platform/config.ts'
import { httpSchemaRegistry } from '../platform/schema-registry.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { clusterId } from '../platform/topic-admin.ts'
import { tcpAnswers } from './tcp.ts'

export interface DependencyReport {
  readonly name: 'broker' | 'registry' | 'redis'
  readonly address: string
  readonly reachable: boolean
  /** Why not; null when it is. */
  readonly problem: string | null
}

/** Any id will do: what counts is that the registry looks it up. */
const SOME_SCHEMA_ID = 1

/** One real request to each outside system. */
export function askDependencies(config: Config): Promise<DependencyReport[]> {
  return Promise.all([
    report('broker', config.KAFKA_BROKERS, async () => {
      await assertBroker(config)
      await clusterId(config)
    }),
    report('registry', config.SCHEMA_REGISTRY_URL, () => httpSchemaRegistry(config).schemaOf(SOME_SCHEMA_ID)),
    report('redis', config.REDIS_URL.replace(/\/\/[^@/]*@/, '//***@'), async () => {
      await using store = await openRedisOnlineStore(config, pino({ level: 'silent' }))
      await store.health()
    }),
  ])
}

/**
 * Fails at once where the native client would wait for long.
 *
 * @throws SpoilerError SPL_BROKER_UNAVAILABLE when none of the brokers takes a connection.
 */
export async function assertBroker({ KAFKA_BROKERS }: Pick<Config, 'KAFKA_BROKERS'>): Promise<void> {
  const answers = await Promise.all(KAFKA_BROKERS.split(',').map(tcpAnswers))
  if (answers.includes(true)) return
  throw new SpoilerError('SPL_BROKER_UNAVAILABLE', `connecting to ${KAFKA_BROKERS}: nobody takes the connection`, {
    onError: 'retry',
  })
}

async function report(
  name: DependencyReport['name'],
  address: string,
  ask: () => Promise<unknown>,
): Promise<DependencyReport> {
  try {
    await ask()
    return { name, address, reachable: true, problem: null }
  } catch (error) {
    return { name, address, reachable: false, problem: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (message.split('\n', 1)[0] as string).replace(/^SPL_\w+ while /, '')
}
