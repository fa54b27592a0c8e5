import type { BatchWorker, ComputedOutput } from '../../platform/batch-worker.ts'
import type { Applied } from '../../platform/changelog.ts'
import type { InputRecord } from '../../platform/input-record.ts'
import { idOf } from '../../platform/input-order.ts'
import type { PartitionOffset, TopicPartition } from '../../platform/kafka-consumer.ts'

/** Sums numbers per partition and sends every new sum: a wrong batch, or one computed twice, shows in all later ones. */
export class SummingWorker implements BatchWorker {
  readonly stateful: boolean
  /** What a changelog would hold. */
  readonly applied = new Map<string, Applied>()
  readonly held = new Set<string>()
  readonly computed: string[][] = []
  readonly faults: Error[] = []
  /** Awaited in the middle of a computation. */
  during: () => void | Promise<void> = () => undefined
  readonly #committed = new Map<string, number>()
  readonly #running = new Map<string, number>()

  constructor(stateful = true) {
    this.stateful = stateful
  }

  restore(input: TopicPartition): Promise<Applied | null> {
    this.held.add(idOf(input))
    return Promise.resolve(this.applied.get(idOf(input)) ?? null)
  }

  release(input: TopicPartition): void {
    this.held.delete(idOf(input))
    this.#committed.delete(idOf(input))
  }

  async compute(records: readonly InputRecord[]): Promise<ComputedOutput> {
    this.computed.push(records.map(({ value }) => String(value)))
    const outgoing = records.map((record) => {
      const id = idOf(record)
      const sum = (this.#running.get(id) ?? this.#committed.get(id) ?? 0) + Number(String(record.value))
      this.#running.set(id, sum)
      return { topic: 'sums', partition: record.partition, key: id, value: Buffer.from(`${id}=${sum}`) }
    })
    await this.during()
    const fault = this.faults.shift()
    if (fault !== undefined) throw fault
    return { outgoing, drops: {}, rejects: {} }
  }

  commit(next: readonly PartitionOffset[]): void {
    for (const position of next) this.applied.set(idOf(position), { offset: position.offset, streamTimeMs: 0 })
    for (const [id, sum] of this.#running) this.#committed.set(id, sum)
    this.#running.clear()
  }

  discard(): void {
    this.#running.clear()
  }
}
