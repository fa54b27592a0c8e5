import { constants, zstdCompressSync } from 'node:zlib'
import { type KeyValue, parquetMetadataAsync } from 'hyparquet'
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

export interface ParquetFooter {
  readonly rows: number
  readonly metadata: Readonly<Record<string, string | undefined>>
}

/** Reads only the footer. @throws Error when it is no Parquet file. */
export async function readFooter(
  sizeBytes: number,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<ParquetFooter> {
  const file = {
    byteLength: sizeBytes,
    slice: async (start: number, end = sizeBytes): Promise<ArrayBuffer> => {
      const bytes = await read(start, end)
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
    },
  }
  const footer = await parquetMetadataAsync(file, { initialFetchSize: FOOTER_BYTES })
  const pairs: KeyValue[] = footer.key_value_metadata ?? []
  return { rows: Number(footer.num_rows), metadata: Object.fromEntries(pairs.map(({ key, value }) => [key, value])) }
}
