import { createReadStream, type ReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import xz from 'xz-decompress'
import { SpoilerError } from '../platform/spoiler-error.ts'

/** Longest line accepted, in bytes; the longest review of the public data set has about 50,000. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024
const NEWLINE = 0x0a

export interface ByteLine {
  /** From 1, empty lines included. */
  readonly number: number
  /** UTF-8 without the line end. Valid until the next batch is asked for; copy it to keep it. */
  readonly bytes: Buffer
}

/**
 * Lines of a file in batches, in constant memory. Plain, gzip and xz files are told apart by their first bytes.
 * Only `\n` ends a line: reviews hold U+2028 and other characters that line readers for terminals split at.
 *
 * @param onRead Called with the bytes read from disk so far (compressed), for progress.
 * @throws SpoilerError SPL_INPUT_FILE_INVALID: unreadable, truncated, damaged, or not made of lines.
 */
export async function* readByteLines(file: string, onRead?: (sizeBytes: number) => void): AsyncGenerator<ByteLine[]> {
  let lineNumber = 0
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of decompressed(file, onRead)) {
      const { lines, tail } = splitLines(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, lineNumber)
      lineNumber += lines.length
      rest = tail
      if (rest.length > MAX_LINE_BYTES) throw new Error(`line ${lineNumber + 1} is longer than ${MAX_LINE_BYTES} bytes`)
      if (lines.length > 0) yield lines
    }
  } catch (cause) {
    throw unreadable(file, cause)
  }
  if (rest.length > 0) yield [{ number: lineNumber + 1, bytes: rest }]
}

function splitLines(bytes: Buffer, before: number): { lines: ByteLine[]; tail: Buffer } {
  const lines: ByteLine[] = []
  let from = 0
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
    lines.push({ number: before + lines.length + 1, bytes: bytes.subarray(from, end) })
    from = end + 1
  }
  return { lines, tail: bytes.subarray(from) }
}

/** Pieces of the file's content. A damaged end is an error: what came before it must not pass for the whole. */
async function* decompressed(file: string, onRead?: (sizeBytes: number) => void): AsyncGenerator<Buffer> {
  const format = await detectFormat(file)
  const disk = createReadStream(file, { highWaterMark: 256 * 1024 })
  try {
    for await (const chunk of decoded(disk, format)) {
      onRead?.(disk.bytesRead)
      yield chunk
    }
  } finally {
    disk.destroy()
  }
}

function decoded(disk: ReadStream, format: 'plain' | 'gzip' | 'xz'): AsyncIterable<Buffer> {
  if (format === 'plain') return disk
  if (format === 'xz') return asBuffers(new xz.XzReadableStream(Readable.toWeb(disk)))
  const gunzip = createGunzip({ chunkSize: 256 * 1024 })
  pipeline(disk, gunzip, () => undefined) // errors reach the reader of gunzip
  return gunzip
}

async function* asBuffers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

async function detectFormat(file: string): Promise<'plain' | 'gzip' | 'xz'> {
  await using handle = await open(file, 'r')
  const head = Buffer.alloc(6)
  await handle.read(head, 0, 6, 0)
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  return head.equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])) ? 'xz' : 'plain'
}

function unreadable(file: string, cause: unknown): SpoilerError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SpoilerError('SPL_INPUT_FILE_INVALID', `reading ${file}: ${why}`, { onError: 'stop', cause })
}
