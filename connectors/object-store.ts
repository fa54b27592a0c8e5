/** An object as a listing shows it. */
export interface StoredObject {
  readonly key: string
  readonly sizeBytes: number
}

/**
 * The few operations of S3 that are used, so that tests can stand in for it. Every method throws SpoilerError
 * SPL_S3_UNAVAILABLE (retry) when the store does not answer, and SPL_S3_REFUSED (stop) when it refuses.
 */
export interface ObjectStore {
  /**
   * Writes an object that must not be there yet. `exists` also after a reply that was lost: then it may be our own.
   * Nothing is ever overwritten.
   */
  putIfAbsent(key: string, body: Uint8Array): Promise<'written' | 'exists'>
  /** Objects below a prefix, in the order of their keys; `after` leaves out keys up to and including it. */
  list(prefix: string, after?: string): AsyncIterable<StoredObject>
  /** Bytes from `start` up to `end`, exclusive. */
  read(key: string, start: number, end: number): Promise<Uint8Array>
  remove(key: string): Promise<void>
}
