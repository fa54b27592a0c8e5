import type { Config } from '../platform/config.ts'
import { PartitionReader, type Watermarks } from '../platform/kafka-consumer.ts'
import { readRows } from '../platform/parquet-file.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { type PartitionRange, readRanges } from '../platform/topic-reader.ts'
import { type TopicId, topics, type ValueOf } from '../schemas/topics.ts'
import type { ObjectStore } from './object-store.ts'
import { type ChainFile, type ChainPlace, readChainBetween } from './offline-chain.ts'

/** A place in all partitions of a topic: its beginning, its end as it is now, or the first append at or after a time. */
export type When = 'beginning' | 'now' | { readonly timeMs: number }

/** Fields of a topic's values that are read; from Parquet only they are. */
export interface Wanted<T extends TopicId, Field extends keyof ValueOf<T> & string> {
  readonly topic: T
  readonly fields: readonly Field[]
}

export interface SourcedRecord<Value> {
  readonly partition: number
  readonly offset: number
  readonly value: Value
}

/** Where the records of some ranges are. */
export interface Located {
  readonly ranges: readonly PartitionRange[]
  readonly inLog: readonly PartitionRange[]
  readonly inChains: readonly { readonly range: PartitionRange; readonly files: readonly ChainFile[] }[]
}

/** The history of topics: from the log where it still holds the offsets, else from their chains of Parquet files. */
export interface DatasetSource {
  /** Offset of a place, for every partition of a topic by its name. @throws SpoilerError SPL_TOPIC_MISSING, SPL_DATASET_RANGE_MISSING */
  offsets(topic: string, when: When): Promise<number[]>
  /** @throws SpoilerError SPL_DATASET_RANGE_MISSING naming every range that neither the log nor the chains hold. */
  locate(ranges: readonly PartitionRange[]): Promise<Located>
  /** In log order per partition. What cannot be decoded is left out: those topics are written by us alone. */
  read<T extends TopicId, Field extends keyof ValueOf<T> & string>(
    located: Located,
    wanted: Wanted<T, Field>,
    signal?: AbortSignal,
  ): AsyncGenerator<SourcedRecord<Pick<ValueOf<T>, Field>>>
  /** Id under which values of the topic are read. */
  schemaId(topic: TopicId): number
}

interface SourceDeps {
  readonly codec: RecordCodec
  readonly store: ObjectStore
}

export function datasetSource(config: Config, { codec, store }: SourceDeps): DatasetSource {
  const history = new History(config, store)
  return {
    offsets: (topic, when) => history.offsets(topic, when),
    locate: (ranges) => history.locate(ranges),
    read: async function* ({ inLog, inChains }, { topic, fields }, signal) {
      const { schema } = topics[topic]
      for (const { range, files } of inChains) yield* readFiles(store, { range, files, fields }, signal)
      for await (const { partition, offset, value: bytes } of readRanges(config, inLog, signal)) {
        const decoded = await codec.decode<ValueOf<typeof topic>>(schema, bytes, false)
        if ('value' in decoded) yield { partition, offset, value: decoded.value }
      }
    },
    schemaId: (topic) => {
      const id = codec.idOf({ subject: `${topics[topic].name}-value` })
      if (id === undefined) throw new RangeError(`the schema id of ${topic} has not been learned`)
      return id
    },
  }
}

const OFFSET = '__offset'
const APPENDED_AT = '__appended_at'

interface FilesOfRange<Field> {
  readonly range: PartitionRange
  readonly files: readonly ChainFile[]
  readonly fields: readonly Field[]
}

async function* readFiles<Value>(
  store: ObjectStore,
  { range: { partition, from, to }, files, fields }: FilesOfRange<keyof Value & string>,
  signal?: AbortSignal,
): AsyncGenerator<SourcedRecord<Value>> {
  for (const { key, sizeBytes } of files) {
    signal?.throwIfAborted()
    const read = (start: number, end: number): Promise<Uint8Array> => store.read(key, start, end)
    for await (const row of readRows({ sizeBytes, read }, [OFFSET, ...fields])) {
      const offset = row[OFFSET] as number
      if (offset >= from && offset < to) yield { partition, offset, value: row as Value }
    }
  }
}

/** What of a topic is where. */
class History {
  readonly #config: Config
  readonly #store: ObjectStore

  constructor(config: Config, store: ObjectStore) {
    this.#config = config
    this.#store = store
  }

  async offsets(topic: string, when: When): Promise<number[]> {
    await using reader = await PartitionReader.open(this.#config, 'shield-dataset')
    const count = await reader.partitionCount(topic)
    if (count === 0) throw topicMissing(topic)
    const inputs = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    if (when === 'beginning') return inputs.map(() => 0)
    const edges = await Promise.all(inputs.map((input) => reader.watermarks(input)))
    if (when === 'now') return edges.map(({ high }) => high)
    const found = await reader.offsetsForTime(inputs, when.timeMs)
    return await Promise.all(
      edges.map(async ({ low, high }, partition) => {
        const offset = found.find((f) => f.partition === partition)?.offset ?? high
        if (offset < 0 || offset >= high) return high
        // earlier records than the log has may also be that young
        return offset > low || low === 0 ? offset : this.#archivedSince({ topic, partition, to: low }, when.timeMs)
      }),
    )
  }

  /** First archived offset before `to` that was appended at or after a time, else `to`. */
  async #archivedSince({ topic, partition, to }: Omit<PartitionRange, 'from'>, timeMs: number): Promise<number> {
    const range = { topic, partition, from: 0, to }
    const files = await this.#archived(range)
    for (const { key, sizeBytes } of files ?? []) {
      const read = (start: number, end: number): Promise<Uint8Array> => this.#store.read(key, start, end)
      for await (const row of readRows({ sizeBytes, read }, [OFFSET, APPENDED_AT]))
        if ((row[APPENDED_AT] as number) >= timeMs) return Math.min(row[OFFSET] as number, to)
    }
    if (files === undefined) throw rangeMissing([`${rangeText(range)}, some of which may be as young as asked for`])
    return to
  }

  async locate(ranges: readonly PartitionRange[]): Promise<Located> {
    const inLog: PartitionRange[] = []
    const inChains: { range: PartitionRange; files: readonly ChainFile[] }[] = []
    const missing: string[] = []
    await using reader = await PartitionReader.open(this.#config, 'shield-dataset')
    for (const range of ranges.filter(({ from, to }) => from < to)) {
      const edges = await watermarksOf(reader, range)
      const { early, late } = pieces(range, edges)
      if (late !== undefined) inLog.push(late)
      if (early === undefined) continue
      const files = await this.#archived(early)
      if (files === undefined) missing.push(`${rangeText(early)}; the log holds ${edges.low} to ${edges.high}`)
      else inChains.push({ range: early, files })
    }
    if (missing.length > 0) throw rangeMissing(missing)
    return { ranges, inLog, inChains }
  }

  /** Files that hold the whole range; undefined when some of it was never archived. */
  async #archived(range: PartitionRange): Promise<ChainFile[] | undefined> {
    const { S3_PREFIX: prefix, LINEAGE: lineage } = this.#config
    const place: ChainPlace = { prefix, lineage, topic: range.topic, partition: range.partition }
    const files = await readChainBetween(this.#store, place, range)
    let reached = range.from
    for (const { link } of files) {
      if (Math.max(link.first, link.availableFrom) > reached) return undefined
      reached = Math.max(reached, link.end)
    }
    return reached >= range.to ? files : undefined
  }
}

/** The part of a range that the log holds, and the part before it. A log that ends before the range is another one. */
function pieces(
  range: PartitionRange,
  { low, high }: Watermarks,
): { readonly early?: PartitionRange; readonly late?: PartitionRange } {
  if (range.to > high || range.to <= low) return { early: range }
  if (range.from >= low) return { late: range }
  return { early: { ...range, to: low }, late: { ...range, from: low } }
}

async function watermarksOf(reader: PartitionReader, { topic, partition }: PartitionRange): Promise<Watermarks> {
  const exists = partition < (await reader.partitionCount(topic))
  return exists ? reader.watermarks({ topic, partition }) : { low: 0, high: 0 }
}

function rangeText({ topic, partition, from, to }: PartitionRange): string {
  return `${topic}/${partition} offsets ${from} to ${to}`
}

function topicMissing(topic: string): SpoilerError {
  return new SpoilerError('SPL_TOPIC_MISSING', `reading ${topic}: the broker has no such topic`, { onError: 'stop' })
}

function rangeMissing(missing: readonly string[]): SpoilerError {
  const lines = ['looking for the records of a data set; nobody has', ...missing.map((range) => `- ${range}`)]
  return new SpoilerError('SPL_DATASET_RANGE_MISSING', lines.join('\n'), { onError: 'stop', context: { missing } })
}
