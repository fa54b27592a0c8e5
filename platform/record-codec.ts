import type avro from 'avsc'
import type { ErrorCode } from '../schemas/errors.ts'
import { avroSchemas, type SchemaName } from '../schemas/generated.ts'
import type { Compatibility } from '../schemas/topics.ts'
import { boundedType } from './bounded-avro.ts'
import { PUBLIC_RECORD_BYTES } from './record-limits.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { SpoilerError } from './spoiler-error.ts'

/** A subject of the registry and the record that its values are. */
export interface Subject {
  readonly subject: string
  readonly schema: SchemaName
  readonly compatibility: Compatibility
}

/** A value that is poison: expected, so it is returned and not thrown. */
export interface Poison {
  readonly poison: ErrorCode
  readonly cause: string
}
export type Decoded<V> = { readonly value: V } | Poison

const MAGIC = 0
const HEADER_BYTES = 5
const OPEN_BRACE = 0x7b

/**
 * Values to bytes and back: Avro in the Confluent wire format (0, schema id as int32 big endian, payload); on public
 * inputs also plain JSON. Ids of our own schemas are known from the start; others are asked for once.
 */
export class RecordCodec {
  readonly #registry: SchemaRegistry
  readonly #own = new Map<SchemaName, avro.Type>()
  readonly #ids = new Map<string, number>()
  /** By reader schema and writer id; a poison entry remembers why values of that id cannot be read. */
  readonly #readers = new Map<string, ((bytes: Buffer) => unknown) | Poison>()
  readonly #scratch = Buffer.allocUnsafe(1 << 20)

  constructor(registry: SchemaRegistry) {
    this.#registry = registry
  }

  /** Tells the id under which values of a subject are written, and read without asking the registry. */
  learn({ subject, schema }: Subject, id: number): void {
    this.#ids.set(subject, id)
    const type = this.#type(schema)
    this.#readers.set(`${schema}#${id}`, (bytes) => type.fromBuffer(bytes.subarray(HEADER_BYTES)) as unknown)
  }

  /** The id under which values of a subject are written. */
  idOf({ subject }: Pick<Subject, 'subject'>): number | undefined {
    return this.#ids.get(subject)
  }

  encode({ subject, schema }: Pick<Subject, 'subject' | 'schema'>, value: unknown): Buffer {
    const id = this.#ids.get(subject)
    if (id === undefined) throw new RangeError(`the schema id of ${subject} has not been learned`)
    const type = this.#type(schema)
    const end = type.encode(value, this.#scratch, HEADER_BYTES)
    if (end >= 0) {
      this.#scratch.writeUInt8(MAGIC, 0)
      this.#scratch.writeInt32BE(id, 1)
      return Buffer.from(this.#scratch.subarray(0, end))
    }
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeInt32BE(id, 1)
    return Buffer.concat([header, type.toBuffer(value)])
  }

  /**
   * @param allowJson True on public inputs. The caller validates what comes out there.
   * @throws SpoilerError SPL_REGISTRY_UNAVAILABLE when an unknown id cannot be asked for: a dependency, not poison.
   */
  async decode<V>(schema: SchemaName, bytes: Buffer | null, allowJson: boolean): Promise<Decoded<V>> {
    return this.decodeKnown<V>(schema, bytes, allowJson) ?? (await this.#decodeForeign<V>(schema, bytes as Buffer))
  }

  /** As {@link decode}, at once; undefined when the registry has to be asked. */
  decodeKnown<V>(schema: SchemaName, bytes: Buffer | null, allowJson: boolean): Decoded<V> | undefined {
    if (bytes === null || bytes.length === 0) return { poison: 'SPL_RECORD_EMPTY', cause: 'the value is empty' }
    if (allowJson && bytes.length > PUBLIC_RECORD_BYTES) {
      return { poison: 'SPL_RECORD_TOO_LARGE', cause: `${bytes.length} bytes once it is unpacked` }
    }
    if (bytes[0] === MAGIC) {
      if (bytes.length < HEADER_BYTES) return { poison: 'SPL_AVRO_INVALID', cause: `only ${bytes.length} bytes` }
      const reader = this.#readers.get(`${schema}#${bytes.readInt32BE(1)}`)
      return reader === undefined ? undefined : readWith<V>(reader, bytes)
    }
    if (allowJson && bytes[0] === OPEN_BRACE) return parseJson<V>(bytes)
    return {
      poison: 'SPL_RECORD_FORMAT_UNKNOWN',
      cause: `first byte 0x${(bytes[0] as number).toString(16).padStart(2, '0')}`,
    }
  }

  async #decodeForeign<V>(schema: SchemaName, bytes: Buffer): Promise<Decoded<V>> {
    const id = bytes.readInt32BE(1)
    const writer = await this.#registry.schemaOf(id)
    if (writer === null) {
      await this.#assertRestored()
      // not remembered: an id unknown today may be registered tomorrow
      return { poison: 'SPL_SCHEMA_ID_UNKNOWN', cause: `the registry does not know schema id ${id}` }
    }
    const reader = this.#resolve(schema, writer)
    this.#readers.set(`${schema}#${id}`, reader)
    return readWith<V>(reader, bytes)
  }

  /** A registry that does not know our own schemas either has not read its journal yet: its no proves nothing. */
  async #assertRestored(): Promise<void> {
    const [own] = this.#ids.values()
    if (own === undefined || (await this.#registry.schemaOf(own)) !== null) return
    const doing = `asking the schema registry for an id: it does not know our own id ${own} either`
    throw new SpoilerError('SPL_REGISTRY_UNAVAILABLE', doing, { onError: 'retry' })
  }

  #resolve(schema: SchemaName, writer: object): ((bytes: Buffer) => unknown) | Poison {
    const type = this.#type(schema)
    try {
      const resolver = type.createResolver(boundedType(writer))
      return (bytes) => type.fromBuffer(bytes.subarray(HEADER_BYTES), resolver) as unknown
    } catch (cause) {
      return { poison: 'SPL_SCHEMA_INCOMPATIBLE', cause: (cause as Error).message }
    }
  }

  #type(schema: SchemaName): avro.Type {
    const known = this.#own.get(schema)
    if (known !== undefined) return known
    const type = boundedType(avroSchemas[schema])
    this.#own.set(schema, type)
    return type
  }
}

function readWith<V>(reader: ((bytes: Buffer) => unknown) | Poison, bytes: Buffer): Decoded<V> {
  if (typeof reader !== 'function') return reader
  try {
    return { value: reader(bytes) as V }
  } catch (cause) {
    return { poison: 'SPL_AVRO_INVALID', cause: (cause as Error).message }
  }
}

function parseJson<V>(bytes: Buffer): Decoded<V> {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as V }
  } catch (cause) {
    return { poison: 'SPL_JSON_INVALID', cause: (cause as Error).message }
  }
}
