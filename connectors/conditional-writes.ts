import { randomUUID } from 'node:crypto'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ObjectStore } from './object-store.ts'

const PROBE = new TextEncoder().encode('Asks whether the store has conditional writes; may be deleted.\n')

/**
 * Proves by two writes of one new key that the store keeps the first: without that a zombie could overwrite files.
 *
 * @throws SpoilerError SPL_S3_UNCONDITIONAL (stop) when it does not; SPL_S3_UNAVAILABLE, SPL_S3_REFUSED.
 */
export async function assertConditionalWrites(store: ObjectStore, prefix: string): Promise<void> {
  const key = `${prefix}/probe/${randomUUID()}`
  const first = await store.putIfAbsent(key, PROBE)
  const second = await store.putIfAbsent(key, PROBE)
  await store.remove(key)
  if (first === 'written' && second === 'exists') return
  const doing = [
    `probing conditional writes: two PUTs with If-None-Match: * of one key were answered as ${first} and ${second}.`,
    'Use a store that has them: Amazon S3, MinIO, versitygw, Ceph, Cloudflare R2.',
  ]
  throw new SpoilerError('SPL_S3_UNCONDITIONAL', doing.join('\n'), { onError: 'stop' })
}
