import { type TopicId, topics, type ValueOf } from '../schemas/topics.ts'
import { type InputRecord, inputRecord } from './input-record.ts'
import { idOf } from './input-order.ts'
import { PartitionReader, READ_UNCOMMITTED, type PartitionOffset, type TopicPartition } from './kafka-consumer.ts'
import type { KafkaConfig } from './kafka-connection.ts'
import type { Poison, RecordCodec } from './record-codec.ts'
import { SpoilerError } from './spoiler-error.ts'

/** Where to begin: the first record kept, the end, the last n of each partition, or the first appended at a time. */
export type ReadFrom = 'beginning' | 'end' | { readonly last: number } | { readonly timeMs: number }

export interface ReadRangeOptions {
  readonly from: ReadFrom
  /** True: go on as records come. False: stop at the end as it is when reading begins. */
  readonly follow: boolean
  readonly signal?: AbortSignal
}

export interface ReadRecord<T extends TopicId> {
  readonly record: InputRecord
  readonly decoded: { readonly value: ValueOf<T> } | Poison
}

/**
 * Committed records of a topic, outside any consumer group. Order holds within a partition.
 *
 * @throws SpoilerError SPL_TOPIC_MISSING.
 */
export async function* readTopic<T extends TopicId>(
  config: KafkaConfig,
  codec: RecordCodec,
  id: T,
  options: ReadRangeOptions,
): AsyncGenerator<ReadRecord<T>> {
  const { schema, publicInput, name } = topics[id]
  for await (const record of readRecords(config, name, options)) {
    yield { record, decoded: await codec.decode<ValueOf<T>>(schema, record.value, publicInput) }
  }
}

/** As {@link readTopic}, undecoded; for any topic. */
export async function* readRecords(
  config: KafkaConfig,
  topic: string,
  { from, follow, signal }: ReadRangeOptions,
): AsyncGenerator<InputRecord> {
  await using reader = await PartitionReader.open(config, 'shield-reader')
  const partitions = await partitionsOf(reader, topic)
  const last = lastOf(from)
  const ends = new EndsToReach(follow && last === undefined ? [] : await endsOf(config, partitions))
  reader.assign(await startsOf(reader, partitions, from))
  const aborted = (): boolean => signal?.aborted ?? false
  if (last !== undefined) yield* await newestRecords(reader, ends, { last, aborted })
  while (!aborted() && (follow || !ends.reached(reader.atEnd))) {
    for (const record of await readInput(reader)) {
      if (ends.pass(record) === 'within' || follow) yield record
    }
  }
}

interface NewestOptions {
  readonly last: number
  readonly aborted: () => boolean
}

/** The last n records of each partition, by append time. */
async function newestRecords(
  reader: PartitionReader,
  ends: EndsToReach,
  { last, aborted }: NewestOptions,
): Promise<InputRecord[]> {
  const newest = new Map<string, InputRecord[]>()
  while (!aborted() && !ends.reached(reader.atEnd)) {
    for (const record of await readInput(reader)) {
      ends.pass(record)
      keepLast(newest, record, last)
    }
  }
  return [...newest.values()].flat().sort((a, b) => a.appendedAtMs - b.appendedAtMs)
}

/** Offsets of a partition from `from` up to `to`, exclusive. */
export interface PartitionRange extends TopicPartition {
  readonly from: number
  readonly to: number
}

/**
 * Committed records at given offsets, undecoded. Order holds within a partition. Ends when all ranges have been read,
 * also where their last offsets are markers of transactions or records that were aborted.
 */
export async function* readRanges(
  config: KafkaConfig,
  ranges: readonly PartitionRange[],
  signal?: AbortSignal,
): AsyncGenerator<InputRecord> {
  const wanted = ranges.filter(({ from, to }) => from < to)
  if (wanted.length === 0) return
  await using reader = await PartitionReader.open(config, 'shield-reader')
  const ends = new EndsToReach(wanted.map(({ to, ...input }) => ({ ...input, offset: to })))
  reader.assign(wanted.map(({ topic, partition, from }) => ({ topic, partition, offset: from })))
  while (!ends.reached(reader.atEnd)) {
    signal?.throwIfAborted()
    for (const record of await readInput(reader)) if (ends.pass(record) === 'within') yield record
  }
}

/** Ends of partitions as they were when reading began. Others may go on writing: what they add lies beyond. */
export class EndsToReach {
  readonly #ends: ReadonlyMap<string, number>
  readonly #open: Set<string>

  constructor(ends: readonly PartitionOffset[]) {
    this.#ends = new Map(ends.map((end) => [idOf(end), end.offset]))
    this.#open = new Set(this.#ends.keys())
  }

  pass(record: PartitionOffset): 'within' | 'beyond' {
    const id = idOf(record)
    const end = this.#ends.get(id) ?? 0
    if (record.offset + 1 >= end) this.#open.delete(id)
    return record.offset < end ? 'within' : 'beyond'
  }

  /** @param atEnd Offset of the end that a reader met last, per partition: the way past what is never delivered. */
  reached(atEnd: ReadonlyMap<string, number>): boolean {
    for (const id of this.#open) {
      if ((atEnd.get(id) ?? -1) >= (this.#ends.get(id) ?? 0)) this.#open.delete(id)
    }
    return this.#open.size === 0
  }
}

async function readInput(reader: PartitionReader): Promise<InputRecord[]> {
  return (await reader.read(READ)).map(inputRecord)
}

function lastOf(from: ReadFrom): number | undefined {
  return typeof from === 'object' && 'last' in from ? from.last : undefined
}

const READ = { timeoutMs: 100, maxRecords: 1000 } as const

function keepLast(newest: Map<string, InputRecord[]>, record: InputRecord, last: number): void {
  const kept = newest.get(idOf(record)) ?? []
  kept.push(record)
  newest.set(idOf(record), kept.slice(-last))
}

async function partitionsOf(reader: PartitionReader, topic: string): Promise<TopicPartition[]> {
  const count = await reader.partitionCount(topic)
  if (count === 0) {
    throw new SpoilerError('SPL_TOPIC_MISSING', `reading ${topic}: the broker has no such topic`, { onError: 'stop' })
  }
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }))
}

/** High watermarks; partitions without records are finished before they begin. */
async function endsOf(config: KafkaConfig, partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
  await using edges = await PartitionReader.open(config, 'shield-watermarks', READ_UNCOMMITTED)
  const ends = await Promise.all(partitions.map(async (input) => ({ input, ...(await edges.watermarks(input)) })))
  return ends.filter(({ low, high }) => high > low).map(({ input, high }) => ({ ...input, offset: high }))
}

async function startsOf(
  reader: PartitionReader,
  partitions: readonly TopicPartition[],
  from: ReadFrom,
): Promise<PartitionOffset[]> {
  if (typeof from === 'object' && 'timeMs' in from) return reader.offsetsForTime(partitions, from.timeMs)
  return Promise.all(
    partitions.map(async (input) => {
      const { low, high } = await reader.watermarks(input)
      if (from === 'beginning') return { ...input, offset: low }
      // a transaction writes one marker per partition, which takes an offset too: at most one for each record
      return { ...input, offset: from === 'end' ? high : Math.max(low, high - 2 * from.last) }
    }),
  )
}
