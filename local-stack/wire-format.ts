/** Kafka's binary format, big endian; `compact` forms and tags are those of flexible versions. */
export class WireWriter {
  readonly #parts: Buffer[] = []

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  int8(value: number): this {
    return this.#put(1, (buffer) => buffer.writeInt8(value))
  }

  int16(value: number): this {
    return this.#put(2, (buffer) => buffer.writeInt16BE(value))
  }

  int32(value: number): this {
    return this.#put(4, (buffer) => buffer.writeInt32BE(value))
  }

  int64(value: number): this {
    return this.#put(8, (buffer) => buffer.writeBigInt64BE(BigInt(value)))
  }

  text(value: string): this {
    const bytes = Buffer.from(value)
    this.int16(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  compactText(value: string): this {
    const bytes = Buffer.from(value)
    this.#unsigned(bytes.length + 1)
    this.#parts.push(bytes)
    return this
  }

  compactList<T>(values: readonly T[], write: (writer: this, value: T) => unknown): this {
    this.#unsigned(values.length + 1)
    for (const value of values) write(this, value)
    return this
  }

  noTags(): this {
    return this.#unsigned(0)
  }

  #unsigned(value: number): this {
    const bytes: number[] = []
    for (let rest = value; ; rest >>>= 7) {
      if (rest < 0x80) {
        bytes.push(rest)
        break
      }
      bytes.push((rest & 0x7f) | 0x80)
    }
    this.#parts.push(Buffer.from(bytes))
    return this
  }

  #put(length: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(length)
    write(buffer)
    this.#parts.push(buffer)
    return this
  }
}

/** Reads what {@link WireWriter} writes. @throws RangeError beyond the end. */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
  }

  text(): string | null {
    return this.#text(this.int16())
  }

  compactText(): string | null {
    return this.#text(this.#unsigned() - 1)
  }

  list<T>(read: () => T): T[] {
    return this.#list(this.int32(), read)
  }

  compactList<T>(read: () => T): T[] {
    return this.#list(this.#unsigned() - 1, read)
  }

  /** Skips them. */
  tags(): void {
    for (let left = this.#unsigned(); left > 0; left -= 1) {
      this.#unsigned()
      this.#skip(this.#unsigned())
    }
  }

  #text(length: number): string | null {
    if (length < 0) return null
    const start = this.#skip(length)
    return this.#bytes.toString('utf8', start, this.#at)
  }

  /** A null list is an empty one. */
  #list<T>(length: number, read: () => T): T[] {
    return Array.from({ length: Math.max(0, length) }, read)
  }

  #unsigned(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#skip(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }

  #skip(length: number): number {
    const start = this.#at
    this.#at += length
    return start
  }
}
