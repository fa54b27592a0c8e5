import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { loadConfig } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { fenceKilledBroker, wasKilled } from './fence-broker.ts'
import { endHangingTransactions } from './hanging-transactions.ts'
import { type Address, brokerAnswers, reachableHost } from './health.ts'
import { sharedClasses } from './jvm.ts'
import type { Ports } from './ports.ts'
import type { PartProgram } from './supervised-part.ts'
import type { Tools } from './tools.ts'

const LOG_CONFIG = join(import.meta.dirname, 'log4j2.xml')
/** The broker says this once it is registered and unfenced; it answers requests a little earlier. */
const STARTED = 'Kafka Server started'
const READY_WITHIN_MS = 90_000
const STOP_WITHIN_MS = 30_000
const SETTLED_WITHIN_MS = 30_000
const SETTLE_AGAIN_MS = 200

interface BrokerSettings {
  readonly folder: string
  readonly host: string
  readonly ports: Pick<Ports, 'kafka' | 'controller'>
  /** What makes it one of several brokers; by default it is the only one. */
  readonly member?: ClusterMember
}

/** A broker of a cluster in which each broker is a controller as well. */
export interface ClusterMember {
  readonly clusterId: string
  /** From 1 on. */
  readonly node: number
  /** Of all nodes, in order. */
  readonly controllerPorts: readonly number[]
}

/** Address under which other machines reach a listener that is bound to `host`. */
export function advertisedHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? hostname() : host
}

/** Settings of a broker that is a controller as well, the only one by default, as Kafka's server.properties. */
export function brokerProperties({ folder, host, ports, member }: BrokerSettings): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': votersOf([ports.controller]),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://${host}:${ports.kafka},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `PLAINTEXT://${advertisedHost(host)}:${ports.kafka}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': folder,
    'auto.create.topics.enable': false, // a topic that is not declared is a mistake
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Folds never start over: a committed offset must outlive every topic's retention.
    'offsets.retention.minutes': 2_147_483_647,
    // Our topics declare their retention; this is for the registry's, whose journal is its only storage.
    'log.retention.ms': -1,
    // Nobody takes over from the only broker: one that was frozen, as a machine that slept, goes on where it was instead
    // of losing its partitions for a moment (fence-broker.ts says why that matters, and fences one that was killed).
    'broker.session.timeout.ms': 3_600_000,
    // A component that was killed is replaced within seconds, not within Kafka's default 45.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'group.consumer.min.session.timeout.ms': 1000,
    'group.consumer.session.timeout.ms': 6000,
    'group.consumer.min.heartbeat.interval.ms': 500,
    'group.consumer.heartbeat.interval.ms': 1000,
    // Sizes for one machine that runs everything else too.
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 33_554_432,
    ...(member === undefined ? {} : memberProperties(member)),
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function votersOf(controllerPorts: readonly number[]): string {
  return controllerPorts.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(',')
}

/** What differs from the only broker: everything is on all nodes, and what two of them have is safe. */
function memberProperties({ node, controllerPorts }: ClusterMember): Record<string, string | number> {
  const nodes = controllerPorts.length
  const inSync = Math.ceil((nodes + 1) / 2)
  return {
    'node.id': node,
    'controller.quorum.voters': votersOf(controllerPorts),
    'default.replication.factor': nodes,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': nodes,
    'transaction.state.log.replication.factor': nodes,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': nodes,
    'share.coordinator.state.topic.min.isr': inSync,
    // others take over from a broker that is silent for so long
    'broker.session.timeout.ms': 6_000,
    'broker.heartbeat.interval.ms': 1_000,
    'controller.quorum.election.timeout.ms': 1_000,
  }
}

function classPath({ kafkaLibs }: Tools): string[] {
  return ['-cp', join(kafkaLibs, '*')]
}

/** A new cluster id, as Kafka makes them: one that begins with a dash would be taken for an option. */
export function newClusterId(random: (bytes: number) => Buffer = randomBytes): string {
  const id = random(16).toString('base64url')
  return id.startsWith('-') ? newClusterId(random) : id
}

/** Writes the settings and, before the first start, formats the data folder (1.2 s). */
export async function prepareBroker(tools: Tools, settings: BrokerSettings): Promise<string> {
  mkdirSync(settings.folder, { recursive: true })
  const file = join(settings.folder, '..', 'kafka.properties')
  writeFileSync(file, brokerProperties(settings))
  if (existsSync(join(settings.folder, 'meta.properties'))) return file
  const jvm = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Dlog4j2.configurationFile=${LOG_CONFIG}`]
  const clusterId = settings.member?.clusterId ?? newClusterId()
  const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', clusterId, '-c', file]
  try {
    await promisify(execFile)(tools.java, [...jvm, ...classPath(tools), ...format])
  } catch (cause) {
    const { stdout, stderr } = cause as { stdout?: string; stderr?: string }
    const said = [stdout, stderr].join('').trimEnd()
    throw new SpoilerError('SPL_STACK_FAILED', `formatting ${settings.folder}\n${said}`, { onError: 'stop', cause })
  }
  return file
}

/** Options of the JVM, up to the main class. */
function brokerJvm(tools: Tools): string[] {
  const heap = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError']
  const archive = sharedClasses(tools, tools.kafkaLibs)
  return [...heap, ...archive, `-Dlog4j2.configurationFile=${LOG_CONFIG}`, ...classPath(tools)]
}

/** What has to be done before a broker starts whose former self was killed. */
export async function bringBroker(
  tools: Tools,
  { folder, ports }: BrokerSettings,
  run: { readonly logFile: string; readonly signal: AbortSignal; readonly onStart: (pid: number) => void },
): Promise<void> {
  if (!wasKilled(folder)) return
  await fenceKilledBroker({ folder, controllerPort: ports.controller, java: tools.java, jvm: brokerJvm(tools), ...run })
}

/** @param file settings, from {@link prepareBroker} */
export function brokerProgram(tools: Tools, { host, ports, member }: BrokerSettings, file: string): PartProgram {
  const address = { host: reachableHost(host), port: ports.kafka }
  return {
    command: tools.java,
    args: [...brokerJvm(tools), 'kafka.Kafka', file],
    answers: async (log) => log.includes(STARTED) && (await brokerAnswers(address)),
    // only where a partition may have been without a leader
    ...(member === undefined ? { settle: (signal: AbortSignal) => settleTransactions(address, signal) } : {}),
    readyWithinMs: READY_WITHIN_MS,
    stopWithinMs: STOP_WITHIN_MS,
  }
}

/** A broker that has just started leads its partitions a moment later. */
async function settleTransactions(address: Address, ended: AbortSignal): Promise<string | undefined> {
  const config = loadConfig({ KAFKA_BROKERS: `${address.host}:${address.port}` })
  const signal = AbortSignal.any([ended, AbortSignal.timeout(SETTLED_WITHIN_MS)])
  for (;;) {
    try {
      const found = await endHangingTransactions(address, config, signal)
      return found.length === 0 ? undefined : `wrote the lost ends of transactions in ${found.length} partitions`
    } catch (error) {
      if (signal.aborted) return `could not look for transactions that hang: ${(error as Error).message}`
      await delay(SETTLE_AGAIN_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
