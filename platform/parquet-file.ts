import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type AsyncBuffer, type KeyValue, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { ParquetColumn } from './parquet-columns.ts'

/** Level 3 is zstd's default; see bench/RESULTS.md for the choice of the codec. */
const ZSTD_LEVEL = 3
/** How much is read of the end of a file to find its footer; a longer footer costs one more request. */
const FOOTER_BYTES = 65_536

/** Rows that become a Parquet file. A row group is encoded as soon as it is asked for: memory holds only its bytes then. */
export class ParquetFile {
  readonly #columns: readonly ParquetColumn[]
  readonly #bytes = new ByteWriter()
  readonly #writer: ParquetWriter
  #pending: unknown[][]
  #pendingRows = 0
  #rows = 0

  constructor(columns: readonly ParquetColumn[]) {
    this.#columns = columns
    this.#pending = columns.map(() => [])
    const root = { name: 'root', num_children: columns.length }
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [root, ...columns.flatMap(({ elements }) => elements)],
      codec: 'ZSTD',
      compressors: { ZSTD: compress },
    })
  }

  get rows(): number {
    return this.#rows
  }

  /** Size of what is encoded. */
  get encodedBytes(): number {
    return this.#bytes.offset
  }

  /** @param row Decoded values in the order of the columns. */
  append(row: readonly unknown[]): void {
    for (const [i, column] of this.#columns.entries()) (this.#pending[i] as unknown[]).push(column.convert(row[i]))
    this.#pendingRows += 1
    this.#rows += 1
  }

  /** Makes a row group of the rows that are not encoded yet. */
  encode(): void {
    if (this.#pendingRows === 0) return
    const columnData = this.#columns.map(({ name }, i) => ({ name, data: this.#pending[i] as unknown[] }))
    void this.#writer.write({ columnData, rowGroupSize: this.#pendingRows }) // our ByteWriter never waits
    this.#pending = this.#columns.map(() => [])
    this.#pendingRows = 0
  }

  /** The whole file. Nothing may be appended after. @param metadata Key-value pairs of the footer. */
  finish(metadata: Readonly<Record<string, string>>): Uint8Array {
    this.encode()
    this.#writer.kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }))
    void this.#writer.finish()
    return this.#bytes.getBytes()
  }
}

function compress(input: Uint8Array): Uint8Array {
  return zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } })
}

/** Where a file's bytes are: in memory, or asked for piece by piece. */
export interface ParquetBytes {
  readonly sizeBytes: number
  /** Bytes from `start` up to `end`, exclusive. */
  readonly read: (start: number, end: number) => Promise<Uint8Array>
}

export interface ParquetFooter {
  readonly rows: number
  readonly metadata: Readonly<Record<string, string | undefined>>
}

/** Reads only the footer. @throws Error when it is no Parquet file. */
export async function readFooter(
  sizeBytes: number,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<ParquetFooter> {
  const footer = await parquetMetadataAsync(asyncBuffer({ sizeBytes, read }), { initialFetchSize: FOOTER_BYTES })
  const pairs: KeyValue[] = footer.key_value_metadata ?? []
  return { rows: Number(footer.num_rows), metadata: Object.fromEntries(pairs.map(({ key, value }) => [key, value])) }
}

/**
 * The rows in their order, one row group in memory at a time; longs are numbers, times are Unix milliseconds, and what
 * is missing is null.
 *
 * @param columns Names of the top-level columns to read; all by default.
 * @throws Error when it is no Parquet file, or damaged.
 */
export async function* readRows(
  bytes: ParquetBytes,
  columns?: readonly string[],
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const file = asyncBuffer(bytes)
  const metadata = await parquetMetadataAsync(file, { initialFetchSize: FOOTER_BYTES })
  const names = columns ?? parquetSchema(metadata).children.map(({ element }) => element.name)
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows)
    const rows = await parquetReadObjects({
      file,
      metadata,
      rowStart,
      rowEnd,
      compressors: { ZSTD: (input, size) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, size) }) },
      columns: [...names],
    })
    for (const row of rows) yield Object.fromEntries(names.map((name) => [name, plain(row[name])]))
    rowStart = rowEnd
  }
}

/** BigInt, Date and undefined are how hyparquet gives INT64, timestamps and null; ours fit into numbers. */
function plain(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.getTime()
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return typeof value[0] === 'number' ? value : value.map(plain)
  for (const [key, field] of Object.entries(value)) (value as Record<string, unknown>)[key] = plain(field)
  return value
}

function asyncBuffer({ sizeBytes, read }: ParquetBytes): AsyncBuffer {
  return {
    byteLength: sizeBytes,
    slice: async (start, end = sizeBytes) => {
      const bytes = await read(start, end)
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
    },
  }
}
