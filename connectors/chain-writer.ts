import type { InputRecord } from '../platform/input-record.ts'
import type { ObjectStore } from './object-store.ts'
import { chainEnd, chainKey, type ChainLink, type ChainPlace, linkMetadata } from './offline-chain.ts'
import { type ParquetColumn, plainColumn, timeColumn } from '../platform/parquet-columns.ts'
import { ParquetFile } from '../platform/parquet-file.ts'

/** Columns of every file, before those of the value. */
const POSITION_COLUMNS: readonly ParquetColumn[] = [
  plainColumn('__partition', 'int'),
  plainColumn('__offset', 'long'),
  timeColumn('__appended_at'),
]

/** What is written of a topic. */
export interface ChainSchema {
  readonly name: string
  readonly id: number | null
  readonly columns: readonly ParquetColumn[]
}

interface ChainWriterOptions {
  readonly store: ObjectStore
  readonly place: ChainPlace
  readonly schema: ChainSchema
  /** End of the chain. */
  readonly first: number
  /** First offset that the log still has, or `first`. */
  readonly availableFrom: number
  readonly nowMs: () => number
}

export interface Rotation {
  /** `adopted`: the file was there already. Then reading goes on at `end`, wherever it was before. */
  readonly outcome: 'written' | 'adopted'
  readonly end: number
  readonly count: number
  readonly sizeBytes: number
}

/**
 * Writes the chain of one partition. It holds one unfinished file, which begins at the end of the chain, and puts it
 * under the one key that such a file has, unless a file is there. So whatever decides when a file is closed, and however
 * many writers there are: of two files that begin at a position only one comes to be, and the next begins at its end.
 */
export class ChainWriter {
  readonly #options: ChainWriterOptions
  #first: number
  #availableFrom: number
  /** All records before it have been appended, or are known not to exist. */
  #position: number
  #file: ParquetFile
  #leftOut = 0
  #pendingBytes = 0
  #beganMs: number | undefined
  #sealed: { readonly body: Uint8Array; readonly link: ChainLink } | undefined

  constructor(options: ChainWriterOptions) {
    this.#options = options
    this.#first = options.first
    this.#availableFrom = Math.max(options.first, options.availableFrom)
    this.#position = this.#availableFrom
    this.#file = this.#newFile()
  }

  get position(): number {
    return this.#position
  }
  /** Records of the unfinished file, those that were left out among them. */
  get records(): number {
    return this.#file.rows + this.#leftOut
  }
  /** Size of the records that are not encoded yet, as they came. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }
  get encodedBytes(): number {
    return this.#file.encodedBytes
  }
  /** Age of the unfinished file, counted from its first record. */
  get ageMs(): number {
    return this.#beganMs === undefined ? 0 : this.#options.nowMs() - this.#beganMs
  }

  /** @param value Decoded; undefined leaves the record out and counts it. */
  append(record: InputRecord, value: Readonly<Record<string, unknown>> | undefined): void {
    if (this.#sealed !== undefined) throw new RangeError('the file is being written')
    if (record.offset < this.#position) return // was read before a seek
    this.#beganMs ??= this.#options.nowMs()
    if (value === undefined) this.#leftOut += 1
    else {
      const { columns } = this.#options.schema
      const values = columns.map(({ name }) => value[name])
      this.#file.append([record.partition, record.offset, record.appendedAtMs, ...values])
      this.#pendingBytes += record.value?.length ?? 0
    }
    this.#position = record.offset + 1
  }

  /** The log has no record before this position that was not appended. */
  advance(position: number): void {
    if (this.#sealed === undefined) this.#position = Math.max(this.#position, position)
  }

  encode(): void {
    this.#file.encode()
    this.#pendingBytes = 0
  }

  /**
   * Closes the file and puts it into the chain. After a failure it may be called again, and nothing else until it has
   * returned: the same bytes are put again.
   *
   * @throws SpoilerError SPL_S3_UNAVAILABLE (retry), SPL_S3_REFUSED, SPL_CHAIN_BROKEN.
   */
  async rotate(): Promise<Rotation> {
    const { store, place } = this.#options
    const { body, link } = (this.#sealed ??= this.#seal())
    const outcome = (await store.putIfAbsent(chainKey(place, link.first), body)) === 'written' ? 'written' : 'adopted'
    const end = outcome === 'written' ? link.end : await chainEnd(store, place, link.first)
    this.#first = end
    this.#availableFrom = end
    this.#position = end
    this.#file = this.#newFile()
    this.#leftOut = 0
    this.#pendingBytes = 0
    this.#beganMs = undefined
    this.#sealed = undefined
    return { outcome, end, count: link.count, sizeBytes: body.length }
  }

  #seal(): { body: Uint8Array; link: ChainLink } {
    const { place, schema } = this.#options
    const link: ChainLink = {
      lineage: place.lineage,
      topic: place.topic,
      partition: place.partition,
      first: this.#first,
      end: this.#position,
      availableFrom: this.#availableFrom,
      count: this.#file.rows,
      leftOut: this.#leftOut,
      schema: schema.name,
      schemaId: schema.id,
    }
    return { body: this.#file.finish(linkMetadata(link)), link }
  }

  #newFile(): ParquetFile {
    return new ParquetFile([...POSITION_COLUMNS, ...this.#options.schema.columns])
  }
}
