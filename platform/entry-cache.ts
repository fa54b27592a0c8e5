interface Cached<V> {
  readonly value: V
  readonly bytes: number
}

/** Values used last, by key, up to a sum of their encoded sizes. */
export class EntryCache<V> {
  readonly #mostBytes: number
  readonly #entries = new Map<string, Cached<V>>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get(key: string): V | undefined {
    const cached = this.#entries.get(key)
    if (cached === undefined) return undefined
    this.#entries.delete(key) // a map keeps the order of insertion: the oldest use stands first
    this.#entries.set(key, cached)
    return cached.value
  }

  set(key: string, value: V, bytes: number): void {
    this.delete(key)
    this.#entries.set(key, { value, bytes })
    this.#bytes += bytes
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.#mostBytes) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const cached = this.#entries.get(key)
    if (cached === undefined) return
    this.#entries.delete(key)
    this.#bytes -= cached.bytes
  }
}
