import type { ValueOf } from '../schemas/topics.ts'

/** The topics that publishers write. */
export type InputTopic = 'movies' | 'reviews' | 'reviewLabels'

/** Port to the broker; the shell implements it, so that producers know no client. */
export interface RecordPublisher {
  /**
   * Queues a record. Returns a promise only while the local queue is full: wait for it before the next call.
   * Records of one key keep their order.
   */
  publish<T extends InputTopic>(topic: T, value: ValueOf<T>): void | Promise<void>
  /** Resolves when the broker has acknowledged everything queued before the call; rejects if a record was lost. */
  flush(): Promise<void>
}
