import { type TopicId, topics } from '../schemas/topics.ts'
import { OutputCollector } from './batch-worker.ts'
import { type ComponentContext, failingAtOnce } from './component.ts'
import { inputRecord, type InputRecord, topicId } from './input-record.ts'
import { idOf } from './input-order.ts'
import { GroupConsumer, type TopicPartition } from './kafka-consumer.ts'
import { openIdempotentProducer, type IdempotentProducer } from './kafka-producer.ts'
import type { Decoded, RecordCodec } from './record-codec.ts'
import { readOrWait } from './read-or-wait.ts'
import { pause, waitForBroker, whileDependencyIsDown } from './retry.ts'
import type { SpoilerError } from './spoiler-error.ts'
import { nextOffsets } from './stream-task.ts'
import { type TaskTelemetry, taskTelemetry } from './telemetry.ts'

/** A decoded record of a sink's input. */
interface SinkRecord<T extends TopicId> {
  readonly topic: T
  readonly offset: number
  readonly value: unknown
}

interface SinkOptions<T extends TopicId, Row> {
  readonly name: string
  readonly inputs: readonly T[]
  readonly codec: RecordCodec
  /** What is written of a record; a record that decodes and still does not fit the outside system is poison. */
  readonly toRow: (record: SinkRecord<T>) => Decoded<Row>
  /**
   * Writes a batch to the outside system. Idempotent: after a crash it is called again with the same rows.
   *
   * @throws SpoilerError with `onError: 'retry'` when the system is down.
   */
  readonly write: (rows: readonly Row[]) => Promise<void>
}

/** Runs a sink until the signal aborts: write first, commit the offsets after, so a crash repeats and never loses. */
export async function runSinkTask<T extends TopicId, Row>(
  context: ComponentContext,
  options: SinkOptions<T, Row>,
): Promise<void> {
  const { name, inputs } = options
  const { config, signal } = context
  const log = context.log.child({ task: name })
  const telemetry = taskTelemetry(context.telemetry, name, log)
  await using letters = await openIdempotentProducer(config, `${name}-dead-letters`)
  await using consumer = await GroupConsumer.join(
    config,
    name,
    inputs.map((id) => topics[id].name),
  )
  const assigned = new Set<string>()
  const wanted = { timeoutMs: 100, maxRecords: config.MAX_BATCH_RECORDS }
  await failingAtOnce(context, async () => {
    while (!signal.aborted) {
      await applyRebalances(consumer, assigned, telemetry)
      const polled = await readOrWait(wanted, { consumer, telemetry, pause })
      if (polled.length > 0)
        await writeBatch(context, options, { records: polled.map(inputRecord), letters, consumer, telemetry })
      else if ([...assigned].every((input) => consumer.atEnd.has(input))) telemetry.idle()
    }
  })
}

async function applyRebalances(
  consumer: GroupConsumer,
  assigned: Set<string>,
  telemetry: TaskTelemetry,
): Promise<void> {
  for (let event = consumer.nextRebalance(); event !== undefined; event = consumer.nextRebalance()) {
    if (event.kind === 'assigned') {
      for (const input of event.partitions) assigned.add(idOf(input))
      consumer.accept(await startsOf(consumer, event.partitions))
    } else {
      for (const input of event.partitions) assigned.delete(idOf(input))
      consumer.release(event.partitions)
    }
    telemetry.assigned(assigned.size)
  }
}

/** Compacted inputs: what is gone was overwritten, so the first record kept is always a sound beginning. */
async function startsOf(consumer: GroupConsumer, partitions: readonly TopicPartition[]) {
  const committed = await consumer.committed(partitions)
  return Promise.all(
    partitions.map(async (input, index) => {
      const { low } = await consumer.watermarks(input)
      return { ...input, offset: Math.max(low, committed[index]?.offset ?? low) }
    }),
  )
}

interface Batch {
  readonly records: readonly InputRecord[]
  readonly letters: IdempotentProducer
  readonly consumer: GroupConsumer
  readonly telemetry: TaskTelemetry
}

async function writeBatch<T extends TopicId, Row>(
  context: ComponentContext,
  options: SinkOptions<T, Row>,
  batch: Batch,
): Promise<void> {
  const { records, letters, consumer, telemetry } = batch
  const startedMs = Date.now()
  let output = new OutputCollector(options.codec, options.name)
  const write = async (): Promise<true> => {
    output = new OutputCollector(options.codec, options.name)
    await options.write(await readAll(records, options, output))
    for (const letter of output.outgoing()) await letters.send(letter)
    await letters.flush()
    await consumer.commit(nextOffsets(records)).catch(waitForBroker('committing offsets'))
    return true
  }
  const onUp = (): void => {
    telemetry.dependencyUp()
  }
  const onDown = (error: SpoilerError): void => {
    telemetry.dependencyDown(error)
  }
  if ((await whileDependencyIsDown(write, { signal: context.signal, pause, onUp, onDown })) === undefined) return
  const behindMs = Math.max(0, Date.now() - (records.at(-1) as InputRecord).appendedAtMs)
  const computed = { outgoing: output.outgoing(), drops: {}, rejects: output.rejects }
  telemetry.committed({ recordsIn: records.length, computed, batchMs: Date.now() - startedMs, behindMs })
}

async function readAll<T extends TopicId, Row>(
  records: readonly InputRecord[],
  { codec, toRow }: SinkOptions<T, Row>,
  output: OutputCollector,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const record of records) {
    const topic = topicId(record.topic) as T
    const decoded = await codec.decode(topics[topic].schema, record.value, false)
    const row = 'value' in decoded ? toRow({ topic, offset: record.offset, value: decoded.value }) : decoded
    if ('poison' in row) output.reject(record, row.poison, row.cause)
    else rows.push(row.value)
  }
  return rows
}
