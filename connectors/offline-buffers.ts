import type { Config } from '../platform/config.ts'
import type { ChainWriter } from './chain-writer.ts'

/** Size of the records, as they came, of one row group. */
const ROW_GROUP_BYTES = 4 * 1024 ** 2
/** Most that all partitions together hold: records not encoded yet, and encoded bytes of unfinished files. */
const MOST_PENDING_BYTES = 12 * 1024 ** 2
const MOST_ENCODED_BYTES = 32 * 1024 ** 2

type Buffered = Pick<ChainWriter, 'records' | 'pendingBytes' | 'encodedBytes' | 'ageMs'>
type Limits = Pick<Config, 'OFFLINE_FILE_RECORDS' | 'OFFLINE_FILE_BYTES' | 'OFFLINE_FILE_MS'>

/** Encodes full row groups, and while all together hold too much, the largest. */
export function encodeWhatIsTooMuch(writers: ReadonlyMap<string, Pick<ChainWriter, 'pendingBytes' | 'encode'>>): void {
  const largestFirst = [...writers.values()].sort((a, b) => b.pendingBytes - a.pendingBytes)
  let pending = largestFirst.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0)
  for (const writer of largestFirst) {
    if (writer.pendingBytes < ROW_GROUP_BYTES && pending <= MOST_PENDING_BYTES) return
    pending -= writer.pendingBytes
    writer.encode()
  }
}

/** Files to close: by count, size and age, and while all together hold too much, the largest. */
export function dueWriters(writers: ReadonlyMap<string, Buffered>, limits: Limits): string[] {
  const nonEmpty = [...writers].filter(([, { records }]) => records > 0)
  const largestFirst = nonEmpty.sort(([, a], [, b]) => b.encodedBytes - a.encodedBytes)
  let encoded = largestFirst.reduce((sum, [, { encodedBytes }]) => sum + encodedBytes, 0)
  return largestFirst.flatMap(([input, writer]) => {
    if (!isFull(writer, limits) && encoded <= MOST_ENCODED_BYTES) return []
    encoded -= writer.encodedBytes
    return [input]
  })
}

function isFull({ records, encodedBytes, ageMs }: Buffered, limits: Limits): boolean {
  const { OFFLINE_FILE_RECORDS, OFFLINE_FILE_BYTES, OFFLINE_FILE_MS } = limits
  return records >= OFFLINE_FILE_RECORDS || encodedBytes >= OFFLINE_FILE_BYTES || ageMs >= OFFLINE_FILE_MS
}
