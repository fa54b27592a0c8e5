import type { InputRecord } from './input-record.ts'
import type { TopicPartition } from './kafka-consumer.ts'

/** Decides in which order polled records are processed. Per partition it is always the order of the log. */
export interface InputOrder {
  add(records: readonly InputRecord[]): void
  /** Records that may be processed now, at most `max`. */
  take(max: number): InputRecord[]
  assign(partitions: readonly TopicPartition[]): void
  revoke(partitions: readonly TopicPartition[]): void
  /** Forgets what was polled and not taken: the caller rewinds. */
  clear(): void
  /** Records held back. */
  readonly held: number
}

/** One input topic: as polled. */
export function arrivalOrder(): InputOrder {
  let queue: InputRecord[] = []
  return {
    add: (records) => {
      queue.push(...records)
    },
    take: (max) => queue.splice(0, max),
    assign: () => undefined,
    revoke: (partitions) => {
      const gone = new Set(partitions.map(idOf))
      queue = queue.filter((record) => !gone.has(idOf(record)))
    },
    clear: () => {
      queue = []
    },
    get held() {
      return queue.length
    },
  }
}

interface MergeOptions {
  /** True when a partition was read to its end: nothing to wait for. */
  readonly caughtUp: (input: TopicPartition) => boolean
  readonly nowMs: () => number
  /** Longest wait for a partition that lags and has nothing polled. */
  readonly waitMs: number
}

interface PolledQueue {
  readonly input: TopicPartition
  records: InputRecord[]
  next: number
}

/**
 * Several input topics: the smallest append time first. Before it passes over a partition that has nothing polled but
 * was not read to its end, it waits; after a stop, reviews and labels that piled up come out as they were appended.
 */
export class AppendTimeOrder implements InputOrder {
  readonly #options: MergeOptions
  readonly #queues = new Map<string, PolledQueue>()
  #waitingSinceMs: number | null = null

  constructor(options: MergeOptions) {
    this.#options = options
  }

  add(records: readonly InputRecord[]): void {
    for (const record of records) this.#queues.get(idOf(record))?.records.push(record)
  }

  take(max: number): InputRecord[] {
    const taken: InputRecord[] = []
    while (taken.length < max) {
      const { smallest, lagging } = this.#smallestHead()
      if (smallest === undefined || (lagging && !this.#mayPass())) break
      if (!lagging) this.#waitingSinceMs = null
      taken.push(smallest.records[smallest.next] as InputRecord)
      smallest.next += 1
    }
    for (const queue of this.#queues.values()) {
      queue.records = queue.records.slice(queue.next)
      queue.next = 0
    }
    return taken
  }

  assign(partitions: readonly TopicPartition[]): void {
    for (const input of partitions) this.#queues.set(idOf(input), { input, records: [], next: 0 })
    this.#waitingSinceMs = null
  }

  revoke(partitions: readonly TopicPartition[]): void {
    for (const input of partitions) this.#queues.delete(idOf(input))
  }

  clear(): void {
    for (const queue of this.#queues.values()) queue.records = []
    this.#waitingSinceMs = null
  }

  get held(): number {
    return [...this.#queues.values()].reduce((sum, { records }) => sum + records.length, 0)
  }

  #smallestHead(): { smallest: PolledQueue | undefined; lagging: boolean } {
    let smallest: PolledQueue | undefined
    let smallestMs = Infinity
    let lagging = false
    for (const queue of this.#queues.values()) {
      const head = queue.records[queue.next]
      if (head === undefined) lagging ||= !this.#options.caughtUp(queue.input)
      else if (head.appendedAtMs < smallestMs) {
        smallest = queue
        smallestMs = head.appendedAtMs
      }
    }
    return { smallest, lagging }
  }

  #mayPass(): boolean {
    const { nowMs, waitMs } = this.#options
    this.#waitingSinceMs ??= nowMs()
    return nowMs() - this.#waitingSinceMs >= waitMs
  }
}

export function idOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
