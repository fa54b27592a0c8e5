import type { SchemaElement } from 'hyparquet'

/** As far as our schemas use Avro. */
export type AvroSchema = string | readonly AvroSchema[] | AvroRecord | AvroArray | { readonly type: AvroSchema }
interface AvroRecord {
  readonly type: 'record'
  readonly namespace?: string
  readonly name: string
  readonly fields: readonly { readonly name: string; readonly type: AvroSchema }[]
}
interface AvroArray {
  readonly type: 'array'
  readonly items: AvroSchema
}

/** A column of a Parquet file: its part of the schema, and how a decoded Avro value becomes one of it. */
export interface ParquetColumn {
  readonly name: string
  /** The column and what lies in it, in preorder. */
  readonly elements: readonly SchemaElement[]
  /** The value that the writer takes; null where the schema allows it. */
  readonly convert: (value: unknown) => unknown
}

type NamedTypes = Map<string, AvroRecord>
type Repetition = 'REQUIRED' | 'OPTIONAL'
interface Place {
  readonly name: string
  readonly repetition: Repetition
  /** Records by full name: Avro writes out the first one only. */
  readonly named: NamedTypes
}

const UTC_MILLISECONDS: Partial<SchemaElement> = {
  type: 'INT64',
  converted_type: 'TIMESTAMP_MILLIS',
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
}
const same = (value: unknown): unknown => value
const toBigInt = (value: unknown): unknown => (value === null ? null : BigInt(value as number))

interface Primitive {
  readonly element: Partial<SchemaElement>
  readonly convert: (value: unknown) => unknown
}
const PRIMITIVES: Readonly<Record<string, Primitive>> = {
  string: { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }, convert: same },
  bytes: { element: { type: 'BYTE_ARRAY' }, convert: same },
  boolean: { element: { type: 'BOOLEAN' }, convert: same },
  int: { element: { type: 'INT32' }, convert: same },
  long: { element: { type: 'INT64' }, convert: toBigInt },
  float: { element: { type: 'FLOAT' }, convert: same },
  double: { element: { type: 'DOUBLE' }, convert: same },
}

/** A long of this name is a time in Unix milliseconds. */
const TIME_NAME = /AtMs$/

/**
 * The columns of an Avro record: nested records are groups, arrays are lists whose child is named `item`, nullable
 * fields are optional, longs named `…AtMs` are timestamps (UTC, milliseconds), other longs INT64.
 *
 * @param schema An Avro record, all its types written out.
 * @throws RangeError on what our schemas do not use: maps, enums, unions other than with null.
 */
export function parquetColumns(schema: AvroSchema): ParquetColumn[] {
  if (typeof schema === 'string' || !('fields' in schema)) throw new RangeError('not a record')
  const named: NamedTypes = new Map()
  return schema.fields.map(({ name, type }) => columnOf({ name, repetition: 'REQUIRED', named }, type))
}

/** A required column of the log position or append time of a record. */
export function plainColumn(name: string, type: 'int' | 'long'): ParquetColumn {
  return columnOf({ name, repetition: 'REQUIRED', named: new Map() }, type)
}

/** A required column of a time, Unix milliseconds. */
export function timeColumn(name: string): ParquetColumn {
  return { name, elements: [{ name, repetition_type: 'REQUIRED', ...UTC_MILLISECONDS }], convert: toBigInt }
}

function columnOf(place: Place, schema: AvroSchema): ParquetColumn {
  if (typeof schema === 'string') {
    const record = place.named.get(schema)
    return record === undefined ? primitiveColumn(place, schema) : groupColumn(place, record)
  }
  if (isUnion(schema)) return nullableColumn(place, schema)
  if ('fields' in schema) return groupColumn(place, schema)
  if ('items' in schema) return listColumn(place, schema)
  return columnOf(place, schema.type)
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema)
}

function primitiveColumn({ name, repetition }: Place, type: string): ParquetColumn {
  const known = PRIMITIVES[type]
  if (known === undefined) throw new RangeError(`${name}: no Parquet type for Avro's ${type}`)
  const element = type === 'long' && TIME_NAME.test(name) ? UTC_MILLISECONDS : known.element
  return { name, elements: [{ name, repetition_type: repetition, ...element }], convert: known.convert }
}

function nullableColumn({ name, named }: Place, branches: readonly AvroSchema[]): ParquetColumn {
  const [branch, ...others] = branches.filter((candidate) => candidate !== 'null')
  if (branch === undefined || others.length > 0) throw new RangeError(`${name}: a union of more than null and one type`)
  const { elements, convert } = columnOf({ name, repetition: 'OPTIONAL', named }, branch)
  return { name, elements, convert: (value) => (value === null ? null : convert(value)) }
}

function groupColumn({ name, repetition, named }: Place, record: AvroRecord): ParquetColumn {
  named.set(record.namespace === undefined ? record.name : `${record.namespace}.${record.name}`, record)
  const children = record.fields.map((field) =>
    columnOf({ name: field.name, repetition: 'REQUIRED', named }, field.type),
  )
  const group = { name, repetition_type: repetition, num_children: children.length }
  return {
    name,
    elements: [group, ...children.flatMap(({ elements }) => elements)],
    convert: children.every(({ convert }) => convert === same)
      ? same
      : (value) => {
          const fields = value as Readonly<Record<string, unknown>>
          return Object.fromEntries(children.map((child) => [child.name, child.convert(fields[child.name])]))
        },
  }
}

function listColumn({ name, repetition, named }: Place, { items }: AvroArray): ParquetColumn {
  const item = columnOf({ name: 'item', repetition: 'REQUIRED', named }, items)
  const list: SchemaElement = {
    name,
    repetition_type: repetition,
    num_children: 1,
    converted_type: 'LIST',
    logical_type: { type: 'LIST' },
  }
  return {
    name,
    elements: [list, { name: 'list', repetition_type: 'REPEATED', num_children: 1 }, ...item.elements],
    convert: item.convert === same ? same : (value) => (value as unknown[]).map(item.convert),
  }
}
