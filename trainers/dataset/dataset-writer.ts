import { createHash } from 'node:crypto'
import type { ParquetFile } from '../../platform/parquet-file.ts'
import type { DatasetFiles } from './dataset-files.ts'
import { cellsOf, type DatasetRow, newRowFile, type Span, SPANS } from './dataset-row.ts'
import { type DatasetContent, type DatasetFile, type DatasetManifest, manifestText } from './manifest.ts'
import { MANIFEST_FILE, sealedManifest } from './manifest.ts'

/** Size of the texts and values of one row group. */
const ROW_GROUP_BYTES = 4 * 1024 ** 2
/** A file is closed when it has this many encoded bytes: two of them fit into memory for each span. */
const FILE_BYTES = 16 * 1024 ** 2
const BYTES_OF_A_VALUE = 8

/** Rows that become the Parquet files of a data set. Equal rows give equal bytes: nothing depends on a clock. */
export class DatasetWriter {
  readonly #files: DatasetFiles
  readonly #fileBytes: number
  readonly #spans = new Map(SPANS.map((span) => [span, new SpanFile(span)]))
  readonly #written: DatasetFile[] = []

  constructor(files: DatasetFiles, fileBytes = FILE_BYTES) {
    this.#files = files
    this.#fileBytes = fileBytes
  }

  /** Rows of a span must come in their order. */
  async append(row: DatasetRow): Promise<void> {
    const file = this.#spans.get(row.span) as SpanFile
    file.append(row)
    if (file.encodedBytes >= this.#fileBytes) await this.#close(file)
  }

  /** Writes what is left. @returns the files, by span and number. */
  async finish(): Promise<DatasetFile[]> {
    for (const file of this.#spans.values()) if (file.rows > 0) await this.#close(file)
    return this.#written.toSorted((a, b) => SPANS.indexOf(a.span) - SPANS.indexOf(b.span) || (a.name < b.name ? -1 : 1))
  }

  async #close(file: SpanFile): Promise<void> {
    const { rows, name, span } = file
    const bytes = file.take()
    if ((await this.#files.putIfAbsent(name, bytes)) === 'exists')
      throw new RangeError(`${this.#files.place} already holds ${name}`)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.#written.push({ name, span, rows, sizeBytes: bytes.length, sha256 })
  }
}

/** The unfinished file of a span. */
class SpanFile {
  readonly span: Span
  #file: ParquetFile = newRowFile()
  #number = 0
  #pendingBytes = 0

  constructor(span: Span) {
    this.span = span
  }

  get rows(): number {
    return this.#file.rows
  }
  get encodedBytes(): number {
    return this.#file.encodedBytes
  }
  get name(): string {
    return `${this.span}-${String(this.#number).padStart(5, '0')}.parquet`
  }

  append(row: DatasetRow): void {
    this.#file.append(cellsOf(row))
    this.#pendingBytes += row.text.length + BYTES_OF_A_VALUE * row.values.length
    if (this.#pendingBytes < ROW_GROUP_BYTES) return
    this.#file.encode()
    this.#pendingBytes = 0
  }

  take(): Uint8Array {
    const bytes = this.#file.finish({})
    this.#file = newRowFile()
    this.#number += 1
    this.#pendingBytes = 0
    return bytes
  }
}

/** Makes the files a data set: the manifest is written last, and only with it there is one. */
export async function sealDataset(
  files: DatasetFiles,
  content: DatasetContent,
  createdAtMs: number,
): Promise<DatasetManifest> {
  const manifest = sealedManifest(content, createdAtMs)
  await files.putIfAbsent(MANIFEST_FILE, Buffer.from(manifestText(manifest)))
  return manifest
}
