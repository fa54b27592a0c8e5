import { type FileHandle, open } from 'node:fs/promises'

const CHUNK_BYTES = 256 * 1024

/** A file of numbers, one behind the other, in the byte order of the machine: what numpy reads as an array. */
export class NumberFile implements AsyncDisposable {
  readonly #handle: FileHandle
  #pending: Buffer[] = []
  #pendingBytes = 0

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  static async create(file: string): Promise<NumberFile> {
    return new NumberFile(await open(file, 'wx'))
  }

  /** @param numbers must not be changed afterwards. @throws Error of the file system, such as a full disk. */
  async append(numbers: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array): Promise<void> {
    this.#pending.push(Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength))
    this.#pendingBytes += numbers.byteLength
    if (this.#pendingBytes >= CHUNK_BYTES) await this.#write()
  }

  /** Writes what is left and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#write()
    } finally {
      await this.#handle.close()
    }
  }

  async #write(): Promise<void> {
    const chunk = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    await this.#handle.appendFile(chunk)
  }
}
