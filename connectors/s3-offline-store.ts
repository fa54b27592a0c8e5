import { Counter } from 'prom-client'
import { assertNotForgotten } from '../platform/batch-worker.ts'
import type { ComponentContext } from '../platform/component.ts'
import { whenAvailable } from '../platform/component.ts'
import { idOf } from '../platform/input-order.ts'
import { inputRecord, type InputRecord, topicId } from '../platform/input-record.ts'
import {
  GroupConsumer,
  type PartitionOffset,
  PartitionReader,
  READ_UNCOMMITTED,
  type TopicPartition,
} from '../platform/kafka-consumer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { readOrWait } from '../platform/read-or-wait.ts'
import { pause, whileDependencyIsDown } from '../platform/retry.ts'
import { startOffset } from '../platform/start-offset.ts'
import { taskTelemetry, type TaskTelemetry } from '../platform/telemetry.ts'
import { topics } from '../schemas/topics.ts'
import { type ChainSchema, ChainWriter } from './chain-writer.ts'
import { assertConditionalWrites } from './conditional-writes.ts'
import { chainEnd, type ChainPlace } from './offline-chain.ts'
import { OFFLINE_TOPICS, type OfflineTopic, offlineSchema, offlineValue } from './offline-topics.ts'
import type { S3ObjectStore } from './s3-object-store.ts'
import { dueWriters, encodeWhatIsTooMuch } from './offline-buffers.ts'

const OFFLINE_STORE = 's3-offline-store'
const POLL_MS = 100
/** How long the unfinished files may take to be written when the component ends; what is not written is read again. */
const LAST_FILES_WITHIN_MS = 8_000

interface OfflineStoreDeps {
  readonly codec: RecordCodec
  readonly store: S3ObjectStore
}

/**
 * Keeps the topics as Parquet on S3 until the signal aborts. Where to go on is read from the chains, never from the
 * group's committed offsets: those only tell others how far it is.
 *
 * @throws SpoilerError with `onError: 'stop'`: a store without conditional writes, a broken chain, missing records.
 */
export async function runOfflineStore(context: ComponentContext, { codec, store }: OfflineStoreDeps): Promise<void> {
  const { config } = context
  const usable = await whenAvailable(context, async () => {
    await store.ensureBucket()
    await assertConditionalWrites(store, config.S3_PREFIX)
    return true
  })
  if (usable === undefined) return
  await using edges = await PartitionReader.open(config, `${OFFLINE_STORE}-watermarks`, READ_UNCOMMITTED)
  const names = OFFLINE_TOPICS.map((id) => topics[id].name)
  await using consumer = await GroupConsumer.join(config, OFFLINE_STORE, names)
  await new OfflineStore(context, { codec, store, edges, consumer }).run()
}

interface Clients extends OfflineStoreDeps {
  readonly edges: PartitionReader
  readonly consumer: GroupConsumer
}

class OfflineStore {
  readonly #context: ComponentContext
  readonly #clients: Clients
  readonly #telemetry: TaskTelemetry
  readonly #files: Counter<'outcome'>
  readonly #bytes: Counter
  readonly #schemas = new Map<OfflineTopic, ChainSchema>()
  readonly #writers = new Map<string, ChainWriter>()
  /** Ends of files that the group's coordinator does not have yet. */
  readonly #uncommitted = new Map<string, PartitionOffset>()
  #cannotCommit = false

  constructor(context: ComponentContext, clients: Clients) {
    this.#context = context
    this.#clients = clients
    const { registry } = context.telemetry
    this.#telemetry = taskTelemetry(context.telemetry, OFFLINE_STORE, context.log.child({ task: OFFLINE_STORE }))
    const files = { name: 'spoiler_offline_files_total', help: 'Parquet files put on S3, or found there' }
    this.#files = new Counter({ ...files, labelNames: ['outcome'], registers: [registry] })
    const bytes = { name: 'spoiler_offline_bytes_total', help: 'Size of the Parquet files put on S3' }
    this.#bytes = new Counter({ ...bytes, registers: [registry] })
  }

  async run(): Promise<void> {
    const { signal, config } = this.#context
    const { consumer } = this.#clients
    while (!signal.aborted) {
      await this.#applyRebalances()
      const wanted = { timeoutMs: POLL_MS, maxRecords: config.MAX_BATCH_RECORDS }
      const polled = await readOrWait(wanted, { consumer, telemetry: this.#telemetry, pause })
      if (polled.length > 0 && (await this.#take(polled.map(inputRecord))) === undefined) break
      for (const [input, writer] of this.#writers) writer.advance(consumer.atEnd.get(input) ?? 0)
      if ([...this.#writers.keys()].every((input) => consumer.atEnd.has(input))) this.#telemetry.idle()
      encodeWhatIsTooMuch(this.#writers)
      for (const input of dueWriters(this.#writers, config)) await this.#whileDown(() => this.#rotate(input))
      await this.#commit()
    }
    const written = new AbortController()
    await Promise.race([this.#lastFiles(), pause(LAST_FILES_WITHIN_MS, written.signal)])
    written.abort()
  }

  #whileDown<T>(work: () => Promise<T>): Promise<T | undefined> {
    return whileDependencyIsDown(work, {
      signal: this.#context.signal,
      pause,
      onUp: () => {
        this.#telemetry.dependencyUp()
      },
      onDown: (error) => {
        this.#telemetry.dependencyDown(error)
      },
    })
  }

  async #applyRebalances(): Promise<void> {
    const { consumer } = this.#clients
    for (let event = consumer.nextRebalance(); event !== undefined; event = consumer.nextRebalance()) {
      if (event.kind === 'assigned') await this.#open(event.partitions)
      else {
        // what was not written yet is read again by the next owner
        for (const input of event.partitions) {
          this.#writers.delete(idOf(input))
          this.#uncommitted.delete(idOf(input))
        }
        consumer.release(event.partitions)
      }
      this.#telemetry.assigned(this.#writers.size)
    }
  }

  async #open(partitions: readonly TopicPartition[]): Promise<void> {
    const opened = await this.#whileDown(() => Promise.all(partitions.map((input) => this.#writerOf(input))))
    if (opened === undefined) return
    for (const [i, input] of partitions.entries()) this.#writers.set(idOf(input), opened[i] as ChainWriter)
    this.#clients.consumer.accept(
      partitions.map((input, i) => ({ ...input, offset: (opened[i] as ChainWriter).position })),
    )
  }

  async #writerOf(input: TopicPartition): Promise<ChainWriter> {
    const { config } = this.#context
    const { store, edges } = this.#clients
    const place: ChainPlace = { prefix: config.S3_PREFIX, lineage: config.LINEAGE, ...input }
    const first = await chainEnd(store, place)
    const watermarks = await edges.watermarks(input)
    const facts = { committed: first, applied: null, stateful: false, missingRecords: config.MISSING_RECORDS }
    const availableFrom = startOffset(idOf(input), { ...facts, watermarks })
    const schema = this.#schemaOf(topicId(input.topic) as OfflineTopic)
    return new ChainWriter({ store, place, schema, first, availableFrom, nowMs: Date.now })
  }

  #schemaOf(id: OfflineTopic): ChainSchema {
    const known = this.#schemas.get(id) ?? offlineSchema(id, this.#clients.codec)
    this.#schemas.set(id, known)
    return known
  }

  /** Decodes all before it appends any, so that a registry that is down leaves nothing half done. */
  async #take(records: readonly InputRecord[]): Promise<true | undefined> {
    const startedMs = Date.now()
    const { codec } = this.#clients
    const decoded = await this.#whileDown(() =>
      Promise.all(records.map(({ topic, value }) => offlineValue(codec, topicId(topic) as OfflineTopic, value))),
    )
    if (decoded === undefined) return undefined
    let leftOut = 0
    for (const [i, record] of records.entries()) {
      const value = decoded[i] as (typeof decoded)[number]
      if ('poison' in value) {
        assertNotForgotten(record, value)
        leftOut += 1
      }
      this.#writers.get(idOf(record))?.append(record, 'poison' in value ? undefined : value.value)
    }
    const behindMs = Math.max(0, Date.now() - (records.at(-1) as InputRecord).appendedAtMs)
    const computed = { outgoing: [], drops: leftOut === 0 ? {} : { poison: leftOut }, rejects: {} }
    this.#telemetry.committed({ recordsIn: records.length, computed, batchMs: Date.now() - startedMs, behindMs })
    return true
  }

  async #rotate(input: string): Promise<void> {
    const { consumer } = this.#clients
    const writer = this.#writers.get(input) as ChainWriter
    const before = writer.position
    const { outcome, end, count, sizeBytes } = await writer.rotate()
    this.#files.inc({ outcome })
    if (outcome === 'written') this.#bytes.inc(sizeBytes)
    const [topic, partition] = input.split('/') as [string, string]
    const position = { topic, partition: Number(partition), offset: end }
    this.#context.log.debug({ ...position, count, sizeBytes, outcome }, 'file closed')
    if (end !== before) await consumer.seek([position])
    this.#uncommitted.set(input, position)
  }

  /** For those who ask how far it is; the chains know it anyhow. What cannot be committed now is committed later. */
  async #commit(): Promise<void> {
    if (this.#uncommitted.size === 0) return
    try {
      await this.#clients.consumer.commit([...this.#uncommitted.values()])
      this.#uncommitted.clear()
      this.#cannotCommit = false
    } catch (error) {
      if (this.#cannotCommit) return // was told
      this.#cannotCommit = true
      this.#context.log.warn({ err: error }, 'cannot commit the offsets of files yet; the chains know them')
    }
  }

  /** One try each: a store that is down now gets these records at the next start. */
  async #lastFiles(): Promise<void> {
    try {
      for (const [input, writer] of this.#writers) if (writer.records > 0) await this.#rotate(input)
      await this.#commit()
    } catch (error) {
      this.#context.log.warn({ err: error }, 'the last files were not written; their records are read again')
    }
  }
}
