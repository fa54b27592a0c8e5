import { idOf } from '../../../platform/input-order.ts'
import type {
  GroupMetadata,
  PartitionOffset,
  RebalanceEvent,
  TopicPartition,
} from '../../../platform/kafka-consumer.ts'
import { KafkaFault } from '../../../platform/kafka-fault.ts'
import type { StreamTaskDeps } from '../../../platform/stream-task.ts'
import { type Message, nextTurn, type SimulatedCluster } from './cluster.ts'

export type ConsumerPort = StreamTaskDeps['consumer']

/** A consumer group: who has which partition. A partition moves when its owner has let go of it, or is gone. */
export class SimulatedGroup {
  readonly name: string
  readonly inputs: readonly string[]
  readonly #cluster: SimulatedCluster
  readonly #members: SimulatedConsumer[] = []
  readonly #owners = new Map<string, SimulatedConsumer>()

  constructor(cluster: SimulatedCluster, name: string, inputs: readonly string[]) {
    this.#cluster = cluster
    this.name = name
    this.inputs = inputs
  }

  has(member: SimulatedConsumer): boolean {
    return this.#members.includes(member)
  }

  join(member: SimulatedConsumer): void {
    this.#members.push(member)
    this.#rebalance()
  }

  /** Its session is over, or it has left: what it had is free. */
  leave(member: SimulatedConsumer): void {
    this.#members.splice(this.#members.indexOf(member), 1)
    for (const [id, owner] of this.#owners) if (owner === member) this.#owners.delete(id)
    this.#rebalance()
  }

  released(member: SimulatedConsumer, partitions: readonly TopicPartition[]): void {
    for (const input of partitions) if (this.#owners.get(idOf(input)) === member) this.#owners.delete(idOf(input))
    this.#rebalance()
  }

  #rebalance(): void {
    if (this.#members.length === 0) return
    const partitions = this.inputs.flatMap((topic) => this.#cluster.partitionsOf(topic))
    for (const [index, input] of partitions.entries()) {
      const target = this.#members[index % this.#members.length] as SimulatedConsumer
      const owner = this.#owners.get(idOf(input))
      if (owner === undefined) {
        this.#owners.set(idOf(input), target)
        target.tell({ kind: 'assigned', partitions: [input] })
      } else if (owner !== target) owner.tell({ kind: 'revoked', partitions: [input], lost: false })
    }
  }
}

/** A member of a group, as the native client behaves. */
export class SimulatedConsumer implements ConsumerPort {
  readonly atEnd = new Map<string, number>()
  readonly group: SimulatedGroup
  readonly #cluster: SimulatedCluster
  readonly #events: RebalanceEvent[] = []
  readonly #positions = new Map<string, PartitionOffset>()
  readonly #had = new Map<string, TopicPartition>()
  #generation = 0
  #lost = false

  constructor(cluster: SimulatedCluster, group: SimulatedGroup) {
    this.#cluster = cluster
    this.group = group
    group.join(this)
  }

  tell(event: RebalanceEvent): void {
    const isKnown = (input: TopicPartition): boolean =>
      this.#events.some(
        ({ kind, partitions }) => kind === event.kind && partitions.some((p) => idOf(p) === idOf(input)),
      )
    if (event.kind === 'revoked' && event.partitions.every(isKnown)) return
    this.#events.push(event)
    for (const input of event.partitions) if (event.kind === 'assigned') this.#had.set(idOf(input), input)
  }

  /** It was thrown out while it could not answer; its client joins again in the background. */
  rejoin(): void {
    this.#events.length = 0
    this.#lost = true
    const partitions = [...this.#had.values()]
    this.#had.clear()
    if (partitions.length > 0) this.#events.push({ kind: 'revoked', partitions, lost: true })
    else this.#lost = false
    this.group.join(this)
  }

  nextRebalance(): RebalanceEvent | undefined {
    return this.#events.shift()
  }

  accept(positions: readonly PartitionOffset[]): void {
    for (const position of positions) {
      this.atEnd.delete(idOf(position))
      this.#positions.set(idOf(position), position)
    }
  }

  release(partitions: readonly TopicPartition[]): void {
    this.#generation += 1
    const wasLost = this.#lost
    this.#lost = false
    for (const input of partitions) {
      this.#positions.delete(idOf(input))
      this.atEnd.delete(idOf(input))
      if (!wasLost) this.#had.delete(idOf(input))
    }
    if (!wasLost) this.group.released(this, partitions)
  }

  /** As the broker answers who reads committed: not before every transaction with such an offset is decided. */
  async committed(partitions: readonly TopicPartition[]): Promise<(PartitionOffset | null)[]> {
    await nextTurn()
    while (!partitions.every((input) => this.#cluster.isStable(this.group.name, input))) await nextTurn()
    return partitions.map((input) => {
      const offset = this.#cluster.committedOffset(this.group.name, input)
      return offset === undefined ? null : { ...input, offset }
    })
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    await nextTurn()
    for (const position of offsets) this.#cluster.commitOffset(this.group.name, position)
  }

  async seek(positions: readonly PartitionOffset[]): Promise<void> {
    await nextTurn()
    for (const position of positions) {
      this.atEnd.delete(idOf(position))
      if (this.#positions.has(idOf(position))) this.#positions.set(idOf(position), position)
    }
  }

  read({ maxRecords }: { readonly maxRecords: number }): Promise<Message[]> {
    return this.readWith(maxRecords, 'committed')
  }

  async readWith(maxRecords: number, isolation: 'committed' | 'uncommitted'): Promise<Message[]> {
    await nextTurn()
    const found: Message[] = []
    for (const [id, position] of this.#positions) {
      const { messages, next } = this.#cluster.read(position, maxRecords - found.length, isolation)
      this.#positions.set(id, { ...position, offset: next })
      if (next >= this.#cluster.lastStable(id)) this.atEnd.set(id, next)
      if (messages.length > 0) this.atEnd.delete(id)
      found.push(...messages)
    }
    return found
  }

  groupMetadata(): GroupMetadata {
    const generation = this.#generation
    return {
      consumer: this as never,
      assertCurrent: () => {
        if (generation === this.#generation && !this.#lost) return
        throw new KafkaFault('sending offsets', { message: 'the assignment has changed', isTxnRequiresAbort: true })
      },
    }
  }
}
