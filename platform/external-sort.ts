import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFailure } from './disk-full.ts'
import { MinHeap } from './min-heap.ts'

/** Memory for one sorted run, in bytes; also the largest record. A file of 1 GB gives about 30 runs. */
const RUN_BYTES = 32 * 1024 * 1024
/** Memory for reading all runs, shared among them: each has its least above 16 GB in runs of 32 MB. */
const MERGE_BYTES = 16 * 1024 * 1024
const MOST_READ_BYTES = 128 * 1024
const LEAST_READ_BYTES = 32 * 1024
const WRITE_BYTES = 1024 * 1024
/** Frame on disk: key length (uint16), payload length (uint32), key (ASCII), payload. */
const HEADER_BYTES = 6

export interface SortedRecord {
  readonly key: string
  /** Valid until the next record is taken. */
  readonly payload: Buffer
}

interface Frame {
  readonly key: string
  readonly from: number
  readonly to: number
}

/**
 * Sorts more records than fit into memory: sorted runs on disk, then one merge. Stable: equal keys keep their order.
 * Memory is one run, then {@link MERGE_BYTES}; disk is the size of the input. The files are unlinked as soon as they
 * are open, so that no kill leaves anything behind.
 */
export class ExternalSort implements Disposable {
  private readonly folder: string
  private readonly runBytes: number
  private arena = Buffer.alloc(0)
  private used = 0
  private frames: Frame[] = []
  private readonly runs: number[] = []

  constructor(folder: string, runBytes = RUN_BYTES) {
    this.folder = folder
    this.runBytes = runBytes
  }

  /**
   * Copies the record.
   *
   * @param key Latin-1, at most 65,535 characters; records leave in its order.
   * @throws SpoilerError SPL_DISK_FULL
   */
  add(key: string, payload: Buffer): void {
    const sizeBytes = HEADER_BYTES + key.length + payload.length
    if (sizeBytes > this.runBytes) throw new RangeError(`record of ${sizeBytes} bytes, a run has ${this.runBytes}`)
    if (this.used + sizeBytes > this.runBytes) this.spill()
    if (this.arena.length === 0) this.arena = Buffer.allocUnsafe(this.runBytes)
    const { arena, used: from } = this
    arena.writeUInt16BE(key.length, from)
    arena.writeUInt32BE(payload.length, from + 2)
    arena.write(key, from + HEADER_BYTES, 'latin1')
    payload.copy(arena, from + HEADER_BYTES + key.length)
    this.used = from + sizeBytes
    this.frames.push({ key, from, to: this.used })
  }

  /** Every record, by key. Call it after the last `add`, as often as wanted. @throws SpoilerError SPL_DISK_FULL */
  *sorted(): Generator<SortedRecord> {
    if (this.runs.length > 0 && this.frames.length > 0) {
      this.spill()
      this.arena = Buffer.alloc(0)
    }
    const share = Math.floor(MERGE_BYTES / this.runs.length)
    const readBytes = Math.max(LEAST_READ_BYTES, Math.min(MOST_READ_BYTES, share))
    if (this.runs.length > 0) yield* merge(this.runs.map((run) => readRun(run, readBytes)))
    else for (const frame of this.inOrder()) yield this.recordOf(frame)
  }

  [Symbol.dispose](): void {
    for (const run of this.runs.splice(0)) closeSync(run)
    this.frames = []
    this.arena = Buffer.alloc(0)
  }

  private recordOf({ key, from, to }: Frame): SortedRecord {
    return { key, payload: this.arena.subarray(from + HEADER_BYTES + key.length, to) }
  }

  private inOrder(): Frame[] {
    return this.frames.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  }

  private spill(): void {
    try {
      this.writeRun()
    } catch (cause) {
      throw writeFailure(cause, this.folder)
    }
  }

  private writeRun(): void {
    mkdirSync(this.folder, { recursive: true })
    const file = join(this.folder, `sort-run-${randomUUID()}`)
    const run = openSync(file, 'wx+')
    this.runs.push(run)
    unlinkSync(file)
    let pieces: Buffer[] = []
    let pending = 0
    for (const { from, to } of this.inOrder()) {
      pieces.push(this.arena.subarray(from, to))
      pending += to - from
      if (pending < WRITE_BYTES) continue
      writeFileSync(run, Buffer.concat(pieces)) // appends at the file's position, all of it
      pieces = []
      pending = 0
    }
    writeFileSync(run, Buffer.concat(pieces))
    this.used = 0
    this.frames = []
  }
}

function* readRun(run: number, readBytes: number): Generator<SortedRecord, undefined> {
  let buffer = Buffer.allocUnsafe(readBytes)
  let from = 0
  let to = 0
  let position = 0
  /** Makes at least `size` bytes available from `from` on; false at the end of the run. */
  const fill = (size: number): boolean => {
    if (to - from >= size) return true
    // a large record gets a buffer of its own, which goes with it
    const next =
      size > buffer.length || buffer.length > readBytes ? Buffer.allocUnsafe(Math.max(size, readBytes)) : buffer
    buffer.copy(next, 0, from, to)
    buffer = next
    to -= from
    from = 0
    while (to < size) {
      const read = readSync(run, buffer, to, buffer.length - to, position)
      if (read === 0) return false
      to += read
      position += read
    }
    return true
  }
  while (fill(HEADER_BYTES)) {
    const keyLength = buffer.readUInt16BE(from)
    const payloadLength = buffer.readUInt32BE(from + 2)
    if (!fill(HEADER_BYTES + keyLength + payloadLength)) throw new Error('a sort run on disk is cut short')
    const keyEnd = from + HEADER_BYTES + keyLength
    const key = buffer.toString('latin1', from + HEADER_BYTES, keyEnd)
    from = keyEnd + payloadLength
    yield { key, payload: buffer.subarray(keyEnd, from) }
  }
  return undefined
}

interface Cursor {
  readonly run: number
  readonly head: SortedRecord
}

function* merge(runs: readonly Generator<SortedRecord, undefined>[]): Generator<SortedRecord> {
  const cursors = new MinHeap<Cursor>(
    (a, b) => a.head.key < b.head.key || (a.head.key === b.head.key && a.run < b.run), // earlier runs hold earlier rows
  )
  const advance = (run: number): void => {
    const head = runs[run]?.next().value
    if (head) cursors.push({ run, head })
  }
  runs.forEach((_, run) => advance(run))
  for (let next = cursors.pop(); next; next = cursors.pop()) {
    yield next.head
    advance(next.run)
  }
}
