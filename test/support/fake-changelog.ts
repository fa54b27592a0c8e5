import type { PartitionOffset, PartitionReader, TopicPartition, Watermarks } from '../../platform/kafka-consumer.ts'
import type { OutgoingRecord } from '../../platform/kafka-producer.ts'

interface ChangelogRecord {
  readonly offset: number
  readonly key: string
  readonly value: Buffer | null
}

/** One partition of a compacted topic, and readers of it that may meet a transaction still open. */
export class FakeChangelog {
  #records: ChangelogRecord[] = []
  #end = 0
  /** Reads of a reader that find the log ending before the open transaction; then it is decided. */
  undecidedReads = 0
  /** Offset at which the open transaction begins. */
  lastStableOffset: number | undefined
  opened = 0
  closed = 0

  /** Appends what a batch sent to this changelog, and the transaction's marker, which takes an offset too. */
  write(outgoing: readonly OutgoingRecord[]): void {
    for (const { key, value } of outgoing) {
      this.#records.push({ offset: this.#end, key: String(key), value })
      this.#end += 1
    }
    this.#end += 1
  }

  /** Takes the offsets of a transaction that was aborted: a committed reader never sees its records. */
  abort(outgoing: readonly OutgoingRecord[]): void {
    this.#end += outgoing.length + 1
  }

  /** Keeps the newest record of every key as the broker's cleaner does; of deleted keys none, unless that is recent. */
  compact(tombstones: 'forgotten' | 'kept' = 'forgotten'): void {
    const newest = new Map(this.#records.map((record) => [record.key, record.offset]))
    const stays = (value: Buffer | null): boolean => value !== null || tombstones === 'kept'
    this.#records = this.#records.filter(({ key, offset, value }) => newest.get(key) === offset && stays(value))
  }

  /** High watermark, whatever is still open. */
  readonly watermarks = (_: TopicPartition): Promise<Watermarks> => Promise.resolve({ low: 0, high: this.#end })

  readonly openReader = (): Promise<PartitionReader> => {
    this.opened += 1
    return Promise.resolve(this.#reader() as unknown as PartitionReader)
  }

  #reader() {
    const atEnd = new Map<string, number>()
    const position = { id: '', offset: 0 }
    return {
      atEnd,
      assign: ([{ topic, partition, offset }]: [PartitionOffset]) => {
        position.id = `${topic}/${partition}`
        position.offset = offset
      },
      read: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        const undecided = this.undecidedReads > 0
        if (undecided) this.undecidedReads -= 1
        const end = undecided ? (this.lastStableOffset ?? 0) : this.#end
        const found = this.#records.filter(({ offset }) => offset >= position.offset && offset < end)
        position.offset = Math.max(position.offset, end)
        atEnd.set(position.id, end)
        return found
      },
      [Symbol.asyncDispose]: () => {
        this.closed += 1
        return Promise.resolve()
      },
    }
  }
}
