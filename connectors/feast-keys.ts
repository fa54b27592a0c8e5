/**
 * Keys of Feast's Redis online store, entity key serialisation version 3.
 * Source: `feast/infra/key_encoding_utils.py` and `feast/infra/online_stores/helpers.py` of Feast 0.67.
 */

import { murmur3 } from '../schemas/murmur3.ts'

/** Join key name -> value. All entities of ours are strings. */
export type EntityKey = Readonly<Record<string, string>>

/** `ValueType.STRING`, of join key names and of our values. */
const STRING_TYPE = 2

/** Serialised entity key: names and values sorted by name, all integers u32 little-endian. */
export function serializeEntityKey(entity: EntityKey): Buffer {
  const names = Object.keys(entity).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const parts = [u32(names.length)]
  for (const name of names) parts.push(...typedString(name))
  for (const name of names) parts.push(...typedString(entity[name] ?? ''))
  return Buffer.concat(parts)
}

/** Redis key of the hash that every feature view with these join keys shares. */
export function redisKey(project: string, entity: EntityKey): Buffer {
  return Buffer.concat([serializeEntityKey(entity), Buffer.from(project, 'utf8')])
}

/**
 * Inverse of {@link redisKey}, for scans: SCAN can match the project as a suffix only, and project `a` is also the
 * suffix of project `extra`.
 *
 * @returns The entity, or undefined if the key does not belong to the project.
 */
export function parseRedisKey(project: string, key: Buffer): EntityKey | undefined {
  let at = 0
  const takeU32 = (): number => {
    if (at + 4 > key.length) return -1
    at += 4
    return key.readUInt32LE(at - 4)
  }
  const takeString = (): string | undefined => {
    if (takeU32() !== STRING_TYPE) return undefined
    const length = takeU32()
    if (length < 0 || at + length > key.length) return undefined
    at += length
    return key.toString('utf8', at - length, at)
  }
  const count = takeU32()
  // Every name takes eight bytes at least: a foreign key cannot make this loop long.
  if (count < 1 || count * 8 > key.length) return undefined
  const names = Array.from({ length: count }, takeString)
  const values = Array.from({ length: count }, takeString)
  const entity: Record<string, string> = {}
  for (const [i, name] of names.entries()) {
    const value = values[i]
    if (name === undefined || value === undefined) return undefined
    entity[name] = value
  }
  return key.toString('utf8', at) === project ? entity : undefined
}

/** Hash field of a feature: murmur3 of `view:feature`, four bytes, little-endian. */
export function featureField(view: string, feature: string): Buffer {
  return u32(murmur3(Buffer.from(`${view}:${feature}`, 'utf8')) >>> 0)
}

/** Hash field of the event time of a view's row. */
export function timestampField(view: string): Buffer {
  return Buffer.from(`_ts:${view}`, 'utf8')
}

function typedString(value: string): Buffer[] {
  const bytes = Buffer.from(value, 'utf8')
  return [u32(STRING_TYPE), u32(bytes.length), bytes]
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
