import { isUtf8 } from 'node:buffer'
import type { InputRecord } from '../platform/input-record.ts'
import type { Poison } from '../platform/record-codec.ts'
import { clip, oneLine } from './text.ts'

/** A record as `--json` prints it. */
export interface RecordLine {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly appendedAt: string
  readonly key: unknown
  /** The decoded value; absent when the record is poison, or of a topic whose values are internal. */
  readonly value?: unknown
  readonly poison?: { readonly code: string; readonly cause: string; readonly bytes: unknown }
  /** Size of a value that is not decoded. */
  readonly valueBytes?: number
}

const LONGEST_PREVIEW = 200

/** @param decoded Undefined where values are not decoded. */
export function recordLine(record: InputRecord, decoded: { readonly value: unknown } | Poison | undefined): RecordLine {
  const { topic, partition, offset, appendedAtMs, key } = record
  const position = { topic, partition, offset, appendedAt: new Date(appendedAtMs).toISOString() }
  const known = { ...position, key: key === null ? null : plainKey(key) }
  if (decoded === undefined) return { ...known, valueBytes: record.value?.length ?? 0 }
  if ('value' in decoded) return { ...known, value: plainValue(decoded.value) }
  const bytes = record.value === null ? null : plainBytes(record.value)
  return { ...known, poison: { code: decoded.poison, cause: decoded.cause, bytes } }
}

/** One line for a person. */
export function recordText({ partition, offset, appendedAt, key, value, poison, valueBytes }: RecordLine): string {
  const shownKey = key === null ? '–' : typeof key === 'string' ? key : JSON.stringify(key)
  const content =
    poison !== undefined
      ? `POISON ${poison.code}: ${poison.cause}  ${JSON.stringify(poison.bytes)}`
      : valueBytes !== undefined
        ? `(${valueBytes} bytes)`
        : JSON.stringify(value)
  return oneLine(`${appendedAt} ${partition}/${offset} ${shownKey} ${content}`)
}

/** Values as JSON can hold them: bytes become {"utf8": …} where they are text, else {"base64": …}. */
export function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return plainBytes(value)
  if (Array.isArray(value)) return value.map(plainValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plainValue(field)]))
}

/** The first of some bytes, for a person. */
export function bytesPreview(bytes: Uint8Array | null, columns = LONGEST_PREVIEW): string {
  if (bytes === null) return '–'
  const head = bytes.subarray(0, 4 * columns)
  const text = isUtf8(bytes) ? Buffer.from(head).toString('utf8') : `0x${Buffer.from(head).toString('hex')}`
  return clip(oneLine(text), columns)
}

function plainKey(key: Buffer): unknown {
  return isUtf8(key) ? key.toString('utf8') : plainBytes(key)
}

function plainBytes(bytes: Uint8Array): { utf8: string } | { base64: string } {
  const buffer = Buffer.from(bytes)
  return isUtf8(buffer) ? { utf8: buffer.toString('utf8') } : { base64: buffer.toString('base64') }
}
