import avro from 'avsc'

/** Bytes and a position in them: what avsc's types read from. Not in its declarations. */
interface Tap {
  readonly buf: Buffer
  pos: number
  readLong(): number
  skipLong(): void
  readString(): string
}
interface Reads {
  _read(tap: Tap): unknown
}

/**
 * Reads the blocks of an array or map; every item takes at least one byte. avsc believes the counts and lengths that
 * stand in the bytes, and looks only at the end whether they were there: a few wrong bytes would make it read billions
 * of items, or the same ones for ever.
 *
 * @throws RangeError when the bytes end first, or a length leads backwards.
 */
function readBlocks(tap: Tap, readItem: () => void): void {
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    if (count < 0) tap.skipLong() // the block's size in bytes
    for (let left = Math.abs(count); left > 0; left -= 1) {
      const before = tap.pos
      readItem()
      if (tap.pos <= before || tap.pos > tap.buf.length) throw new RangeError('truncated buffer')
    }
  }
}

class BoundedArray extends avro.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as Reads
    const read: unknown[] = []
    readBlocks(tap, () => read.push(items._read(tap)))
    return read
  }
  _skip(tap: Tap): void {
    this._read(tap)
  }
}

class BoundedMap extends avro.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const values = this.valuesType as Reads
    const read: Record<string, unknown> = {}
    readBlocks(tap, () => (read[tap.readString()] = values._read(tap)))
    return read
  }
  _skip(tap: Tap): void {
    this._read(tap)
  }
}

/** A type that cannot be stalled by bytes that lie about their lengths. Its items take at least one byte each. */
export function boundedType(schema: object): avro.Type {
  const typeHook: avro.ForSchemaOptions['typeHook'] = (part, options) => {
    const { type } = part as { type?: unknown }
    if (type === 'array') return new BoundedArray(part, options)
    return type === 'map' ? new BoundedMap(part, options) : undefined
  }
  return avro.Type.forSchema(structuredClone(schema) as avro.Schema, { typeHook })
}
