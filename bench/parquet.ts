/**
 * Codec and row-group size of the offline store, on the feature rows of a generated world: size, CPU per row to write,
 * memory. The log is folded in memory; neither Kafka nor S3 takes part.
 *
 *   node bench/parquet.ts [REVIEWS]
 */
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { parquetColumns } from '../platform/parquet-columns.ts'
import { avroSchemas, type ReviewFeatures } from '../schemas/generated.ts'
import { featureRows } from './feature-rows.ts'

const reviews = Number(process.argv[2] ?? 8_000)
const zstd = (level: number) => (input: Uint8Array) =>
  zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: level } })
const brotli = (input: Uint8Array) => brotliCompressSync(input, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })

const CODECS = {
  UNCOMPRESSED: { codec: 'UNCOMPRESSED' },
  SNAPPY: { codec: 'SNAPPY' },
  'ZSTD 1': { codec: 'ZSTD', compressors: { ZSTD: zstd(1) } },
  'ZSTD 3': { codec: 'ZSTD', compressors: { ZSTD: zstd(3) } },
  'ZSTD 9': { codec: 'ZSTD', compressors: { ZSTD: zstd(9) } },
  'GZIP 6': { codec: 'GZIP', compressors: { GZIP: (input: Uint8Array) => gzipSync(input) } },
  'BROTLI 4': { codec: 'BROTLI', compressors: { BROTLI: brotli } },
} as const

function measure(rows: readonly ReviewFeatures[], name: keyof typeof CODECS, rowGroupSize: number): object {
  const columns = parquetColumns(avroSchemas.ReviewFeatures)
  const before = process.cpuUsage()
  const bytes = new ByteWriter()
  const root = { name: 'root', num_children: columns.length }
  const schema = [root, ...columns.flatMap(({ elements }) => elements)]
  const writer = new ParquetWriter({ writer: bytes, schema, ...CODECS[name] })
  for (let first = 0; first < rows.length; first += rowGroupSize) {
    const group = rows.slice(first, first + rowGroupSize)
    const columnData = columns.map((column) => ({
      name: column.name,
      data: group.map((row) => column.convert(row[column.name as keyof ReviewFeatures])),
    }))
    void writer.write({ columnData, rowGroupSize })
  }
  void writer.finish()
  const { user, system } = process.cpuUsage(before)
  const perRow = (total: number): number => Math.round(total / rows.length)
  return { codec: name, rowGroupSize, bytesPerRow: perRow(bytes.offset), microsecondsPerRow: perRow(user + system) }
}

const rows = featureRows(reviews)
measure(rows, 'ZSTD 3', 1_000) // warms up
for (const name of Object.keys(CODECS) as (keyof typeof CODECS)[]) {
  process.stdout.write(`${JSON.stringify(measure(rows, name, 4_000))}\n`)
}
for (const rowGroupSize of [250, 500, 1_000, 2_000, 8_000]) {
  process.stdout.write(`${JSON.stringify(measure(rows, 'ZSTD 3', rowGroupSize))}\n`)
}
