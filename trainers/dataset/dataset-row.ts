import { avroSchemas, type SentenceEvidence } from '../../schemas/generated.ts'
import { type AvroSchema, parquetColumns } from '../../platform/parquet-columns.ts'
import { ParquetFile } from '../../platform/parquet-file.ts'

/** What a row is for, in the order of time: fit, stop early, calibrate and choose the threshold, gate. */
export const SPANS = ['fit', 'stop', 'calibrate', 'gate'] as const
export type Span = (typeof SPANS)[number]

/** One labelled review, as the scorer saw it. */
export interface DatasetRow {
  readonly reviewId: string
  readonly userId: string
  readonly movieId: string
  /** Event time, Unix milliseconds. */
  readonly writtenAtMs: number
  /** Append time of the review in the public log, Unix milliseconds. */
  readonly appendedAtMs: number
  /** Position of the feature row in `review-features`. */
  readonly partition: number
  readonly offset: number
  readonly span: Span
  /** True: the review spoils. */
  readonly label: boolean
  readonly labelSource: string
  /** Append time of the label in the public log, Unix milliseconds. */
  readonly labelAppendedAtMs: number
  readonly text: string
  /** In the order of the feature service, not clamped or scaled. */
  readonly values: readonly number[]
  /** Evidence of its sentences, in text order. */
  readonly sentences: readonly SentenceEvidence[]
}

const SENTENCE = avroSchemas.SentenceEvidence as AvroSchema

/** Columns of the Parquet files, in their order, and where their values come from. */
const COLUMNS: readonly (readonly [name: string, type: AvroSchema, field: keyof DatasetRow])[] = [
  ['review_id', 'string', 'reviewId'],
  ['user_id', 'string', 'userId'],
  ['movie_id', 'string', 'movieId'],
  ['written_at_ms', 'long', 'writtenAtMs'],
  ['appended_at_ms', 'long', 'appendedAtMs'],
  ['partition', 'int', 'partition'],
  ['offset', 'long', 'offset'],
  ['span', 'string', 'span'],
  ['label', 'boolean', 'label'],
  ['label_source', 'string', 'labelSource'],
  ['label_appended_at_ms', 'long', 'labelAppendedAtMs'],
  ['text', 'string', 'text'],
  ['values', { type: 'array', items: 'double' }, 'values'],
  ['sentences', { type: 'array', items: SENTENCE }, 'sentences'],
]
const SCHEMA: AvroSchema = {
  type: 'record',
  name: 'DatasetRow',
  fields: COLUMNS.map(([name, type]) => ({ name, type })),
}

/** The Avro types of some fields. */
export function typesOf(fields: readonly (keyof DatasetRow)[]): Readonly<Record<string, AvroSchema>> {
  const own = COLUMNS.filter(([, , field]) => fields.includes(field))
  return Object.fromEntries(own.map(([, type, field]) => [field, type]))
}

export function newRowFile(): ParquetFile {
  return new ParquetFile(parquetColumns(SCHEMA))
}

/** The values of a row in the order of the columns. */
export function cellsOf(row: DatasetRow): unknown[] {
  return COLUMNS.map(([, , field]) => row[field])
}

/** A row as it was read from a Parquet file. */
export function rowOf(cells: Readonly<Record<string, unknown>>): DatasetRow {
  return Object.fromEntries(COLUMNS.map(([name, , field]) => [field, cells[name]])) as unknown as DatasetRow
}

/** The order in which rows stand in a span: append time, then position. Negative when `a` comes first. */
export function compareRows(
  a: Pick<DatasetRow, 'appendedAtMs' | 'partition' | 'offset'>,
  b: Pick<DatasetRow, 'appendedAtMs' | 'partition' | 'offset'>,
): number {
  return a.appendedAtMs - b.appendedAtMs || a.partition - b.partition || a.offset - b.offset
}
