import type { ObjectStore, StoredObject } from '../../connectors/object-store.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'

/** What a request meets: nothing, a store that is down, or a reply that is lost after the effect. */
export type StoreFault = 'none' | 'down' | 'reply lost'

/** S3 as it should be: a conditional write has one winner, a listing is sorted and knows every finished write. */
export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array>()
  /** Asked before each request, so that a test can interleave others, fail, or stop here. */
  onRequest: (request: string) => StoreFault | Promise<StoreFault> = () => 'none'

  async putIfAbsent(key: string, body: Uint8Array): Promise<'written' | 'exists'> {
    return this.#request(`put ${key}`, () => {
      if (this.objects.has(key)) return 'exists'
      this.objects.set(key, Uint8Array.from(body))
      return 'written'
    })
  }

  async *list(prefix: string, after = ''): AsyncGenerator<StoredObject> {
    const keys = await this.#request(`list ${prefix}`, () => [...this.objects.keys()].sort())
    for (const key of keys) {
      const body = this.objects.get(key)
      if (key.startsWith(prefix) && key > after && body !== undefined) yield { key, sizeBytes: body.length }
    }
  }

  async read(key: string, start: number, end: number): Promise<Uint8Array> {
    return this.#request(`read ${key}`, () => (this.objects.get(key) ?? new Uint8Array()).slice(start, end))
  }

  async remove(key: string): Promise<void> {
    await this.#request(`remove ${key}`, () => this.objects.delete(key))
  }

  async #request<T>(request: string, effect: () => T): Promise<T> {
    const fault = await this.onRequest(request)
    if (fault === 'down') throw new SpoilerError('SPL_S3_UNAVAILABLE', request, { onError: 'retry' })
    const result = effect()
    if (fault === 'reply lost') throw new SpoilerError('SPL_S3_UNAVAILABLE', request, { onError: 'retry' })
    return result
  }
}
