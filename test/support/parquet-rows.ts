import { parquetReadObjects } from 'hyparquet'
import { zstdDecompressSync } from 'node:zlib'

/** The rows of a Parquet file, read back by hyparquet. */
export async function parquetRows(file: Uint8Array, columns?: string[]): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file: Uint8Array.from(file).buffer,
    compressors: { ZSTD: (input, size) => zstdDecompressSync(input, { maxOutputLength: size }) },
    ...(columns === undefined ? {} : { columns }),
  })
}
