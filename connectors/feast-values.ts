/**
 * Values of Feast's online store as bytes: protobuf `feast.types.Value` and `google.protobuf.Timestamp`.
 * Read off `protos/feast/types/Value.proto` (field numbers) and proved against bytes that Feast 0.67 wrote.
 */

/** A typed feature value. `unset` is what Feast itself writes for None: no bytes at all. */
export type FeatureValue =
  | { readonly type: 'bytes'; readonly value: Buffer }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'int64'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'stringList'; readonly value: readonly string[] }
  | { readonly type: 'unset' }

// Protobuf tags: field number << 3 | wire type (0 varint, 1 eight bytes, 2 length-delimited).
const BYTES_TAG = (1 << 3) | 2
const STRING_TAG = (2 << 3) | 2
const INT64_TAG = 4 << 3
const DOUBLE_TAG = (5 << 3) | 1
const STRING_LIST_TAG = (12 << 3) | 2
const LIST_ITEM_TAG = (1 << 3) | 2
const SECONDS_TAG = 1 << 3
const NANOS_TAG = 2 << 3

/** Limits of protobuf's Timestamp: 0001-01-01T00:00:00Z to the last millisecond of the year 9999. */
const MIN_TIMESTAMP_MS = -62_135_596_800_000
const MAX_TIMESTAMP_MS = 253_402_300_799_999

/** Serialised `feast.types.Value`. It is a `oneof`, so 0 and '' are written, too. */
export function encodeValue(value: FeatureValue): Buffer {
  switch (value.type) {
    case 'bytes':
      return delimited(BYTES_TAG, value.value)
    case 'string':
      return delimited(STRING_TAG, Buffer.from(value.value, 'utf8'))
    case 'int64':
      return Buffer.concat([Buffer.from([INT64_TAG]), varint(value.value)])
    case 'double': {
      const bytes = Buffer.alloc(9)
      bytes[0] = DOUBLE_TAG
      bytes.writeDoubleLE(value.value, 1)
      return bytes
    }
    case 'stringList': {
      const items = value.value.map((item) => delimited(LIST_ITEM_TAG, Buffer.from(item, 'utf8')))
      return delimited(STRING_LIST_TAG, Buffer.concat(items))
    }
    case 'unset':
      return Buffer.alloc(0)
  }
}

/**
 * Inverse of {@link encodeValue}.
 *
 * @throws RangeError if the bytes are no value of one of the types above.
 */
export function decodeValue(bytes: Buffer): FeatureValue {
  if (bytes.length === 0) return { type: 'unset' }
  const reader = new ProtobufReader(bytes)
  const value = readValue(reader)
  if (!reader.done) throw new RangeError('bytes follow the value')
  return value
}

function readValue(reader: ProtobufReader): FeatureValue {
  const tag = Number(reader.varint())
  if (tag === BYTES_TAG) return { type: 'bytes', value: reader.delimited() }
  if (tag === STRING_TAG) return { type: 'string', value: reader.delimited().toString('utf8') }
  if (tag === INT64_TAG) return { type: 'int64', value: BigInt.asIntN(64, reader.varint()) }
  if (tag === DOUBLE_TAG) return { type: 'double', value: reader.take(8).readDoubleLE(0) }
  if (tag !== STRING_LIST_TAG) throw new RangeError(`no value of ours has the protobuf tag ${tag}`)
  const items = new ProtobufReader(reader.delimited())
  const value: string[] = []
  while (!items.done) {
    if (Number(items.varint()) !== LIST_ITEM_TAG) throw new RangeError('a list holds something else than strings')
    value.push(items.delimited().toString('utf8'))
  }
  return { type: 'stringList', value }
}

/**
 * Serialised `google.protobuf.Timestamp`; fields that are 0 are left out, as protobuf does.
 *
 * @param timestampMs Unix milliseconds, whole, from the year 1 to 9999; negative before 1970.
 * @throws RangeError outside of that.
 */
export function encodeTimestamp(timestampMs: number): Buffer {
  if (!Number.isInteger(timestampMs) || timestampMs < MIN_TIMESTAMP_MS || timestampMs > MAX_TIMESTAMP_MS)
    throw new RangeError(`no protobuf timestamp: ${timestampMs} ms`)
  // Nanoseconds count forward also before 1970, so seconds round down, not towards zero.
  const seconds = Math.floor(timestampMs / 1000)
  const nanos = (timestampMs - seconds * 1000) * 1_000_000
  const parts: Buffer[] = []
  if (seconds !== 0) parts.push(Buffer.from([SECONDS_TAG]), varint(BigInt(seconds)))
  if (nanos !== 0) parts.push(Buffer.from([NANOS_TAG]), varint(BigInt(nanos)))
  return Buffer.concat(parts)
}

/** Inverse of {@link encodeTimestamp}, in Unix milliseconds; nanoseconds below a millisecond are cut. */
export function decodeTimestamp(bytes: Buffer): number {
  const reader = new ProtobufReader(bytes)
  let seconds = 0
  let nanos = 0
  while (!reader.done) {
    const tag = Number(reader.varint())
    const value = Number(BigInt.asIntN(64, reader.varint()))
    if (tag === SECONDS_TAG) seconds = value
    else if (tag === NANOS_TAG) nanos = value
    else throw new RangeError(`no field of a timestamp has the protobuf tag ${tag}`)
  }
  return seconds * 1000 + Math.floor(nanos / 1_000_000)
}

function delimited(tag: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), varint(BigInt(bytes.length)), bytes])
}

/** Base-128 varint of a 64-bit integer; negative ones as two's complement, ten bytes. */
function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

class ProtobufReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  take(count: number): Buffer {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new RangeError('the bytes end within a value')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0] ?? 0
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new RangeError('a varint is longer than ten bytes')
  }

  delimited(): Buffer {
    return this.take(Number(this.varint()))
  }
}
