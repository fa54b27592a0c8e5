import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ports } from '../../local-stack/ports.ts'
import { type LocalStack, type StackPart, startStack } from '../../local-stack/stack.ts'
import { type Config, loadConfig } from '../../platform/config.ts'
import { openCodec, topicSubjects } from '../../platform/open-codec.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { type KafkaRecordPublisher, openRecordPublisher } from '../../platform/record-publisher.ts'
import { KafkaFault } from '../../platform/kafka-fault.ts'
import { pause, whileDependencyIsDown } from '../../platform/retry.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { type ComponentSpec, type ComponentStatus, Supervisor } from '../../platform/supervisor.ts'
import { ensureTopics, type WantedTopic, wantedTopics } from '../../platform/topic-admin.ts'
import { readTopic } from '../../platform/topic-reader.ts'
import type { ProducedEvent } from '../../producers/event-source.ts'
import type { TopicId, ValueOf } from '../../schemas/topics.ts'
import type { StreamRecord } from '../../schemas/processor.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const script = (path: string, ...rest: string[]): string[] => [join(ROOT, path), ...rest]

/** The processes of the local default. */
export const COMPONENTS: readonly ComponentSpec[] = [
  { name: 'folds', argv: script('stream-processors/main.ts') },
  { name: 'scorer', argv: script('scorer/main.ts') },
  { name: 'sinks', argv: script('connectors/main.ts') },
]

/** Beside them: decides what serves. */
export const CONTROL: ComponentSpec = { name: 'control', argv: script('control/main.ts') }

/** Beside them: it needs the stack's part `s3`. */
export const OFFLINE_STORE: ComponentSpec = {
  name: 's3-offline-store',
  argv: script('connectors/main.ts', 's3-offline-store'),
}

export interface Pipeline extends AsyncDisposable {
  readonly stack: LocalStack
  readonly config: Config
  readonly env: Readonly<Record<string, string>>
  readonly codec: RecordCodec
  readonly publisher: KafkaRecordPublisher
  /** Starts components in processes of their own, supervised; ended with the pipeline. */
  supervise(specs: readonly ComponentSpec[], env?: Readonly<Record<string, string>>): Supervisor
  /** Committed records of a topic, decoded, in log order per partition. */
  records<T extends TopicId>(topic: T): Promise<StreamRecord<ValueOf<T>>[]>
}

/**
 * A real stack in a temporary folder, with topics and schemas. Components are started by the test.
 *
 * @param settings `KAFKA_BROKERS` names brokers that run already.
 */
export async function startPipeline(
  parts: readonly StackPart[] = ['kafka', 'registry', 'redis'],
  settings: Readonly<Record<string, string>> = {},
): Promise<Pipeline> {
  await using opening = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-'))
  opening.defer(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const brokers = settings['KAFKA_BROKERS']
  const options = { dataDir: join(folder, 'stack'), parts, ports: portsOfThisProcess() }
  const stack = opening.use(await startStack({ ...options, ...(brokers === undefined ? {} : { brokers }) }))
  const env = { ...stack.env, STATE_DIR: folder, ...settings }
  const config = loadConfig(env)
  await createTopics(config, wantedTopics(config, []))
  await stack.ready('registry')
  const { codec } = await openCodec(config, topicSubjects())
  const publisher = opening.use(await openRecordPublisher(config, codec, 'test-publisher'))
  const supervisors = opening.use(new AsyncDisposableStack())
  const opened = opening.move()
  return {
    stack,
    config,
    env,
    codec,
    publisher,
    supervise: (specs, extra = {}) => {
      const logDir = join(folder, 'logs')
      const supervisor = supervisors.use(new Supervisor(specs, { env: { ...env, ...extra }, logDir }))
      const entry = { supervisor, logDir }
      watched.add(entry)
      supervisors.defer(() => void watched.delete(entry))
      return supervisor
    },
    records: (topic) => onceReadable(() => committedRecords(config, codec, topic)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** As components do: a broker that does not know yet what it has just made is asked again. */
export async function createTopics(config: Config, wanted: readonly WantedTopic[]): Promise<void> {
  const { signal } = new AbortController()
  const nothing = (): void => undefined
  await whileDependencyIsDown(() => ensureTopics(config, wanted), { signal, pause, onUp: nothing, onDown: nothing })
}

/** Not the defaults: a part that a test has stopped must not be mistaken for that of another stack. */
function portsOfThisProcess(): Ports {
  const first = 20_000 + (process.pid % 1_000) * 10
  return { kafka: first, controller: first + 1, registry: first + 2, redis: first + 3, s3: first + 4 }
}

/** Committed records of a topic, decoded, in log order per partition. */
export async function committedRecords<T extends TopicId>(
  config: Config,
  codec: RecordCodec,
  id: T,
): Promise<StreamRecord<ValueOf<T>>[]> {
  const records: StreamRecord<ValueOf<T>>[] = []
  for await (const { record, decoded } of readTopic(config, codec, id, { from: 'beginning', follow: false })) {
    if ('poison' in decoded) throw new Error(`poison in ${id}: ${decoded.poison} ${decoded.cause}`)
    const { topic, partition, offset, key, appendedAtMs } = record
    const position = { topic, partition, offset }
    records.push({ key: key?.toString() ?? null, value: decoded.value, position, appendedAtMs })
  }
  return records
}

const READABLE_WITHIN_MS = 60_000

/** A broker that was away knows its topics, and leads its partitions again, only after a moment. */
async function onceReadable<T>(read: () => Promise<T>): Promise<T> {
  const untilMs = Date.now() + READABLE_WITHIN_MS
  for (;;) {
    try {
      return await read()
    } catch (error) {
      const passes =
        error instanceof KafkaFault || (error instanceof SpoilerError && error.code === 'SPL_TOPIC_MISSING')
      if (!passes || Date.now() > untilMs) throw error
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

/** Publishes a producer's event. */
export function publishEvent(publisher: KafkaRecordPublisher, event: ProducedEvent): Promise<void> {
  return publisher.publish(event.topic, event.value as never)
}

const POLL_MS = 100
const LOG_TAIL_LINES = 5

interface Watched {
  readonly supervisor: Supervisor
  readonly logDir: string
}

/** What a test that gives up tells about. */
const watched = new Set<Watched>()

/** Of each supervised component: state, why it ended last, why it is unready, and its newest lines of log. */
async function componentsNow(): Promise<string> {
  const lines: string[] = []
  for (const { supervisor, logDir } of watched)
    for (const { name, state, restarts, lastFailure = '-' } of supervisor.status()) {
      const reasons = JSON.stringify((await unready(supervisor, name)) ?? 'no answer')
      lines.push(`${name}: ${state}, ${restarts} restarts, last failure: ${lastFailure}, unready: ${reasons}`)
      const log = readFileSync(join(logDir, `${name}.log`), 'utf8')
      lines.push(...log.trimEnd().split('\n').slice(-LOG_TAIL_LINES))
    }
  return lines.join('\n')
}

/** Waits for a condition of the running system; the error says what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 90_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`gave up after ${timeoutMs} ms: ${what}\n${await componentsNow()}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

export function statusOf(supervisor: Supervisor, name: string): ComponentStatus {
  const status = supervisor.status().find((component) => component.name === name)
  if (status === undefined) throw new Error(`no component ${name}`)
  return status
}

/** A metric of a running component, 0 while it does not serve it. */
export async function metricOf(
  supervisor: Supervisor,
  name: string,
  metric: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { url } = statusOf(supervisor, name)
  if (url === undefined) return 0
  const text = await fetch(`${url}/metrics`).then(
    (response) => response.text(),
    () => '',
  )
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const line = text
    .split('\n')
    .find((candidate) => candidate.startsWith(`${metric}{`) && wanted.every((label) => candidate.includes(label)))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
}

/** Why a component is not ready, by task; undefined while it does not answer, empty when it is ready. */
export async function unready(
  supervisor: Supervisor,
  name: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const { url } = statusOf(supervisor, name)
  if (url === undefined) return undefined
  return fetch(`${url}/ready`).then(
    async (response) => ((await response.json()) as { unready?: Record<string, string> }).unready ?? {},
    () => undefined,
  )
}
