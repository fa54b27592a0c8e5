import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { advertisedHost, bringBroker, brokerProgram, prepareBroker } from './kafka.ts'
import { choosePorts, type Ports } from './ports.ts'
import { registryProgram } from './registry.ts'
import { bringS3Server } from './bring-s3-server.ts'
import { claimFolder, endLeftovers, recordChild } from './run-records.ts'
import { SupervisedPart, type PartProgram, type PartProgress, type StackPart } from './supervised-part.ts'
import { findS3Server, findTools } from './tools.ts'
import { valkeyProgram } from './valkey.ts'
import { s3Credentials, type S3Credentials, versitygwProgram } from './versitygw.ts'

export type { PartProgress, StackPart } from './supervised-part.ts'

const STACK_PARTS: readonly StackPart[] = ['kafka', 'redis', 'registry', 's3']
const LOOPBACK = '127.0.0.1'
const S3_IS_BUILT = 'its server is built first, once, in a few minutes; nothing waits for it'

export interface StackOptions {
  /** Holds everything that the stack keeps: data, logs, ports of the last start. Made when it is missing. */
  readonly dataDir: string
  /** All by default. The registry needs kafka, or brokers. */
  readonly parts?: readonly StackPart[]
  /** Addresses of brokers that run already, instead of the part kafka. */
  readonly brokers?: string
  /** Ports that must be these; others are chosen. */
  readonly ports?: Partial<Ports>
  /** Address that is listened on; loopback by default. Nothing asks for a password: think before opening it. */
  readonly host?: string
  /** File that gets the addresses as KEY=VALUE lines (`STACK_ENV_FILE` in the state folder). */
  readonly envFile?: string
  readonly onProgress?: (progress: PartProgress) => void
}

/** Addresses, named as in platform/config.ts. Those of parts that were not asked for are where they would be. */
export interface StackEnv {
  readonly KAFKA_BROKERS: string
  readonly SCHEMA_REGISTRY_URL: string
  readonly REDIS_URL: string
  readonly S3_ENDPOINT: string
  readonly S3_ACCESS_KEY_ID: string
  readonly S3_SECRET_ACCESS_KEY: string
}

/** Running parts. Disposing it stops them in order: registry first, then the others. */
export interface LocalStack extends AsyncDisposable {
  readonly env: StackEnv
  readonly ports: Ports
  /** Undefined while the part is down. */
  pid(part: StackPart): number | undefined
  /** Settles with the newest start of the part. @throws SpoilerError SPL_STACK_FAILED */
  ready(part: StackPart): Promise<void>
  /** Ends the part cleanly and leaves it down. */
  stop(part: StackPart): Promise<void>
  /** Ends the part with SIGKILL and leaves it down. (One that ends without being told is started again.) */
  kill(part: StackPart): Promise<void>
  /** Starts a part that was stopped or killed; resolves when it answers. */
  start(part: StackPart): Promise<void>
}

type Programs = Readonly<Record<StackPart, () => PartProgram>>

function addressesOf(host: string, ports: Ports, s3: S3Credentials): Omit<StackEnv, 'KAFKA_BROKERS'> {
  const name = advertisedHost(host)
  return {
    SCHEMA_REGISTRY_URL: `http://${name}:${ports.registry}/apis/ccompat/v7`,
    REDIS_URL: `redis://${name}:${ports.redis}`,
    S3_ENDPOINT: `http://${name}:${ports.s3}`,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
}

/** The addresses as lines for a terminal: the secret stays in the file. */
export function shownAddresses(env: StackEnv): { readonly name: string; readonly value: string }[] {
  const shown = (name: string, value: string): string => (name === 'S3_SECRET_ACCESS_KEY' ? '***' : value)
  return Object.entries(env).map(([name, value]) => ({ name, value: shown(name, String(value)) }))
}

function writeEnvFile(file: string, env: StackEnv): void {
  mkdirSync(dirname(file), { recursive: true })
  const lines = Object.entries(env).map(([name, value]) => `${name}=${String(value)}\n`)
  writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Everything that is decided before the first process starts. */
async function planStack(
  dataDir: string,
  { host = LOOPBACK, ports: configured = {}, parts = STACK_PARTS, brokers }: StackOptions,
) {
  const tools = findTools()
  const ports = await choosePorts({ host, file: join(dataDir, 'ports.json'), configured })
  const credentials = s3Credentials(join(dataDir, 's3'))
  const KAFKA_BROKERS = brokers ?? `${advertisedHost(host)}:${ports.kafka}`
  const env = { KAFKA_BROKERS, ...addressesOf(host, ports, credentials) }
  const broker = { folder: join(dataDir, 'kafka'), host, ports }
  const file = parts.includes('kafka') ? await prepareBroker(tools, broker) : ''
  const registry = {
    folder: dataDir,
    host,
    port: ports.registry,
    brokers: KAFKA_BROKERS,
  }
  const programs: Programs = {
    kafka: () => brokerProgram(tools, broker, file),
    registry: () => registryProgram(tools, registry),
    redis: () => valkeyProgram(tools, { folder: join(dataDir, 'redis'), host, port: ports.redis }),
    s3: () =>
      versitygwProgram(findS3Server() ?? '', { folder: join(dataDir, 's3'), host, port: ports.s3, credentials }),
  }
  const beforeBroker = (run: Parameters<typeof bringBroker>[2]): Promise<void> => bringBroker(tools, broker, run)
  return { env, ports, programs, beforeBroker }
}

/** Stops in order: what depends on another part goes before it. */
async function stopAll(parts: ReadonlyMap<StackPart, SupervisedPart>): Promise<void> {
  await parts.get('registry')?.stop()
  await Promise.all([parts.get('kafka')?.stop(), parts.get('redis')?.stop(), parts.get('s3')?.stop()])
}

/** Kafka and Redis together; in the background S3, and the registry as soon as there is a broker. */
async function startAll(parts: ReadonlyMap<StackPart, SupervisedPart>): Promise<void> {
  const startLater = (part: StackPart): void => {
    parts
      .get(part)
      ?.start({ keepTrying: true })
      .catch(() => undefined) // reported; ready(part) rejects
  }
  startLater('s3')
  await Promise.all([parts.get('kafka')?.start(), parts.get('redis')?.start()])
  startLater('registry')
}

interface BringDeps {
  readonly runFolder: string
  readonly logFolder: string
  readonly onProgress: (progress: PartProgress) => void
  readonly beforeBroker: (run: Parameters<typeof bringBroker>[2]) => Promise<void>
}

/** What has to be there, or to be done, before a part starts. */
function bringsOf({ runFolder, logFolder, onProgress, beforeBroker }: BringDeps) {
  const brings: Partial<Record<StackPart, (signal: AbortSignal) => Promise<void>>> = {
    s3: async (signal) => {
      if (findS3Server() === undefined) onProgress({ part: 's3', state: 'starting', detail: S3_IS_BUILT })
      await bringS3Server(join(logFolder, 's3-build.log'), signal)
    },
    kafka: (signal) => {
      const onStart = (pid: number): void => {
        recordChild(runFolder, 'kafka', pid)
      }
      return beforeBroker({ logFile: join(logFolder, 'kafka-fencing.log'), signal, onStart })
    },
  }
  return brings
}

/**
 * Starts Kafka, Redis, the schema registry and S3 under the supervision of this process.
 * Returns when Kafka and Redis answer; the registry takes longer and is waited for with `ready('registry')`, as is S3,
 * whose server may have to be built first.
 * The owner disposes the stack on SIGINT and SIGTERM: the parts have process groups of their own.
 * What a killed owner left running in the same folder is ended first.
 *
 * @throws SpoilerError SPL_STACK_FAILED: a part did not start (with the end of its log), a configured port is taken,
 *   or another process runs a stack in the folder. Nothing is left running then.
 * @throws SpoilerError SPL_SETUP_FAILED when scripts/setup.mjs has not run.
 */
export async function startStack(options: StackOptions): Promise<LocalStack> {
  const { parts: wanted = STACK_PARTS, onProgress = () => undefined } = options
  if (wanted.includes('registry') && !wanted.includes('kafka') && options.brokers === undefined)
    throw new RangeError('the registry needs kafka')
  const dataDir = resolve(options.dataDir)
  const [runFolder, logFolder] = ['run', 'logs'].map((name) => join(dataDir, name)) as [string, string]
  mkdirSync(logFolder, { recursive: true })
  await using opening = new AsyncDisposableStack()
  opening.defer(claimFolder(runFolder))
  await endLeftovers(runFolder)

  const { env, ports, programs, beforeBroker } = await planStack(dataDir, options)
  const brings = bringsOf({ runFolder, logFolder, onProgress, beforeBroker })
  const parts = new Map(
    wanted.map((part) => {
      const logFile = join(logFolder, `${part}.log`)
      const bring = brings[part]
      const settings = { part, logFile, runFolder, program: programs[part], onProgress }
      return [part, new SupervisedPart({ ...settings, ...(bring === undefined ? {} : { bring }) })]
    }),
  )
  opening.defer(() => stopAll(parts))
  const onExit = () => parts.forEach((part) => part.signalNow('SIGTERM'))
  process.once('exit', onExit)
  opening.defer(() => void process.off('exit', onExit))

  await startAll(parts)
  if (options.envFile !== undefined) writeEnvFile(options.envFile, env)
  const opened = opening.move()
  const partOf = (part: StackPart): SupervisedPart => {
    const found = parts.get(part)
    if (found === undefined) throw new RangeError(`${part} is not a part of this stack`)
    return found
  }
  return {
    env,
    ports,
    pid: (part) => partOf(part).pid,
    ready: (part) => partOf(part).ready(),
    stop: (part) => partOf(part).stop(),
    kill: (part) => partOf(part).kill(),
    start: (part) => partOf(part).start(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
