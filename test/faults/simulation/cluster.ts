import type { inputRecord } from '../../../platform/input-record.ts'
import { idOf } from '../../../platform/input-order.ts'
import type { PartitionOffset, PartitionReader, TopicPartition, Watermarks } from '../../../platform/kafka-consumer.ts'
import type { MovedBack } from '../witness.ts'

export type Message = Parameters<typeof inputRecord>[0]

/** Turns after which the broker aborts a transaction that nobody ends. */
const TRANSACTION_TIMEOUT = 60

/** A transaction as its coordinator has it. Partitions learn of the decision one by one: by a marker in their log. */
export interface Transaction {
  readonly producer: string
  readonly openedAt: number
  decision: 'open' | 'committed' | 'aborted'
  readonly touched: Set<string>
  readonly marked: Set<string>
  readonly offsets: { readonly group: string; readonly position: PartitionOffset }[]
}

interface Entry {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly appendedAtMs: number
  readonly transaction: Transaction | null
  readonly isMarker: boolean
}

export interface NewRecord extends TopicPartition {
  readonly key: Buffer | string | null
  readonly value: Buffer | null
}

/**
 * A broker in memory: logs, transactions with markers that take offsets, last stable offsets, committed offsets of
 * groups. Time is counted in turns, so a run follows from its seed alone.
 */
export class SimulatedCluster {
  turn = 0
  readonly partitionCount: number
  readonly #startMs: number
  readonly #logs = new Map<string, Entry[]>()
  readonly #transactions: Transaction[] = []
  /** Markers that are on their way. */
  #late: { readonly transaction: Transaction; readonly id: string; readonly atTurn: number }[] = []
  readonly #committed = new Map<string, number>()
  readonly movedBack: MovedBack[] = []
  /** Decides how many turns the marker of a partition takes. */
  markerDelay: (id: string) => number = () => 0

  constructor(partitionCount: number, startMs: number) {
    this.partitionCount = partitionCount
    this.#startMs = startMs
  }

  partitionsOf(topic: string): TopicPartition[] {
    return Array.from({ length: this.partitionCount }, (_, partition) => ({ topic, partition }))
  }

  tick(): void {
    this.turn += 1
    for (const transaction of this.#transactions)
      if (transaction.decision === 'open' && this.turn - transaction.openedAt > TRANSACTION_TIMEOUT)
        this.decide(transaction, 'aborted')
    const due = this.#late.filter(({ atTurn }) => atTurn <= this.turn)
    this.#late = this.#late.filter(({ atTurn }) => atTurn > this.turn)
    for (const { transaction, id } of due) this.#mark(transaction, id)
  }

  append({ topic, partition, key, value }: NewRecord, transaction: Transaction | null): void {
    const id = idOf({ topic, partition })
    transaction?.touched.add(id)
    const bytes = typeof key === 'string' ? Buffer.from(key) : key
    this.#log(id).push({ key: bytes, value, appendedAtMs: this.#nowMs(), transaction, isMarker: false })
  }

  begin(producer: string): Transaction {
    const [touched, marked] = [new Set<string>(), new Set<string>()]
    const opened: Transaction = { producer, openedAt: this.turn, decision: 'open', touched, marked, offsets: [] }
    this.#transactions.push(opened)
    return opened
  }

  /** An earlier self of this producer may have left one open. */
  abortOpen(producer: string): void {
    for (const transaction of this.#transactions)
      if (transaction.producer === producer && transaction.decision === 'open') this.decide(transaction, 'aborted')
  }

  decide(transaction: Transaction, decision: 'committed' | 'aborted'): void {
    transaction.decision = decision
    if (decision === 'committed')
      for (const { group, position } of transaction.offsets) this.commitOffset(group, position)
    for (const id of transaction.touched) {
      const delay = this.markerDelay(id)
      if (delay === 0) this.#mark(transaction, id)
      else this.#late.push({ transaction, id, atTurn: this.turn + delay })
    }
  }

  commitOffset(group: string, position: PartitionOffset): void {
    const key = `${group} ${idOf(position)}`
    const before = this.#committed.get(key)
    if (before !== undefined && position.offset < before)
      this.movedBack.push({ group, partition: idOf(position), from: before, to: position.offset })
    this.#committed.set(key, position.offset)
  }

  committedOffset(group: string, input: TopicPartition): number | undefined {
    return this.#committed.get(`${group} ${idOf(input)}`)
  }

  /** False while a transaction that is not decided holds an offset of the partition. */
  isStable(group: string, input: TopicPartition): boolean {
    return !this.#transactions.some(
      ({ decision, offsets }) =>
        decision === 'open' && offsets.some((o) => o.group === group && idOf(o.position) === idOf(input)),
    )
  }

  readonly watermarks = (input: TopicPartition): Promise<Watermarks> =>
    Promise.resolve({ low: 0, high: this.#log(idOf(input)).length })

  /** Where a read_committed reader has to stop: at the first record whose transaction has no marker yet. */
  lastStable(id: string): number {
    const log = this.#log(id)
    const open = log.findIndex(({ transaction: t, isMarker }) => t !== null && !isMarker && !t.marked.has(id))
    return open < 0 ? log.length : open
  }

  /** Records from an offset on, and where the reader stands then. */
  read(
    from: PartitionOffset,
    max: number,
    isolation: 'committed' | 'uncommitted',
  ): { messages: Message[]; next: number } {
    const id = idOf(from)
    const log = this.#log(id)
    const end = isolation === 'committed' ? this.lastStable(id) : log.length
    const messages: Message[] = []
    let offset = from.offset
    for (; offset < end && messages.length < max; offset += 1) {
      const { key, value, appendedAtMs, transaction, isMarker } = log[offset] as Entry
      if (isMarker || (isolation === 'committed' && transaction?.decision === 'aborted')) continue
      const { topic, partition } = from
      messages.push({ topic, partition, offset, key, value, size: value?.length ?? 0, timestamp: appendedAtMs })
    }
    return { messages, next: offset }
  }

  /** All committed records of a topic. */
  committedRecords(topic: string): Message[] {
    return this.partitionsOf(topic).flatMap(
      (input) => this.read({ ...input, offset: 0 }, Infinity, 'committed').messages,
    )
  }

  /** True when a group has committed everything that it may read. */
  hasRead(group: string, topic: string): boolean {
    return this.partitionsOf(topic).every((input) => {
      const offset = this.committedOffset(group, input) ?? 0
      const isWhole = this.lastStable(idOf(input)) === this.#log(idOf(input)).length
      return isWhole && this.read({ ...input, offset }, 1, 'committed').messages.length === 0
    })
  }

  /** A reader that is moved by hand, as a restore uses it. */
  openReader(isolation: 'committed' | 'uncommitted' = 'committed'): PartitionReader {
    const atEnd = new Map<string, number>()
    let positions: PartitionOffset[] = []
    const reader = {
      atEnd,
      assign: (assigned: readonly PartitionOffset[]) => {
        atEnd.clear()
        positions = [...assigned]
      },
      read: async ({ maxRecords }: { readonly maxRecords: number }) => {
        await nextTurn()
        return positions.flatMap((position, i) => {
          const { messages, next } = this.read(position, maxRecords, isolation)
          positions[i] = { ...position, offset: next }
          if (next >= this.lastStable(idOf(position))) atEnd.set(idOf(position), next)
          return messages
        })
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
    return reader as unknown as PartitionReader
  }

  #mark(transaction: Transaction, id: string): void {
    transaction.marked.add(id)
    this.#log(id).push({ key: null, value: null, appendedAtMs: this.#nowMs(), transaction, isMarker: true })
  }

  #log(id: string): Entry[] {
    const log = this.#logs.get(id) ?? []
    this.#logs.set(id, log)
    return log
  }

  #nowMs(): number {
    return this.#startMs + this.turn
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
