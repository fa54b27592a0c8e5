import type { EncodedChange, StateIdentity } from '../../platform/state-file.ts'

export const STATE: StateIdentity = { changelog: 'c', topicId: 't', partition: 0, schemaIds: { users: 1, seen: 2 } }
export const WRITTEN_KEYS: readonly string[] = Array.from({ length: 50 }, (_, i) => `key ${i}`)

export function put(store: string, key: string, value: string | null): EncodedChange {
  return { store, key, value: value === null ? null : Buffer.from(value) }
}

export function positionAt(offset: number) {
  return { appliedOffset: offset, streamTimeMs: 5, changelogOffset: offset, syncedAtMs: 7 }
}
