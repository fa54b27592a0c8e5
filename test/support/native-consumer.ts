import { EventEmitter } from 'node:events'
import type { PartitionOffset, TopicPartition } from '../../platform/kafka-consumer.ts'

type Callback = (error: unknown, value?: unknown) => void

/** librdkafka's code of a revocation. */
export const REVOKE = -174
/** What the member still holds when it closes. */
export const CLOSED_WITH = { topic: 'user-activity', partition: 0 }
/** Every client that was made. */
export const natives: NativeConsumerFake[] = []

/** The native client, as far as it is called: no broker, and the test plays the group's coordinator. */
export class NativeConsumerFake extends EventEmitter {
  readonly calls: unknown[] = []
  lost = false
  committedOffsets: object[] = []
  /** Whether a commit reaches the coordinator. */
  commitsArrive = true
  /** What the next reads give. */
  readonly polls: object[][] = []
  /** Why no broker answers; null while one does. */
  unreachable: object | null = null
  readonly settings: { rebalance_cb: (error: { code: number }, partitions: TopicPartition[]) => void }
  readonly topicSettings: object
  constructor(settings: NativeConsumerFake['settings'], topicSettings: object) {
    super()
    this.topicSettings = topicSettings
    this.settings = settings
    natives.push(this)
  }
  connect(_: object, done: Callback): void {
    done(null)
  }
  disconnect(done: Callback): void {
    this.settings.rebalance_cb({ code: REVOKE }, [CLOSED_WITH])
    done(null)
  }
  subscribe(topics: string[]): void {
    this.calls.push(['subscribe', topics])
  }
  setDefaultIsTimeoutOnlyForFirstMessage(): void {
    this.calls.push('first only')
  }
  incrementalAssign(positions: PartitionOffset[]): void {
    this.calls.push(['assign', positions])
  }
  incrementalUnassign(partitions: TopicPartition[]): void {
    this.calls.push(['unassign', partitions])
  }
  assignmentLost(): boolean {
    return this.lost
  }
  committed(_: TopicPartition[], __: number, done: Callback): void {
    done(null, this.committedOffsets)
  }
  /** Calls back when it has queued the request: of its fate nothing is told. */
  commitCb(offsets: PartitionOffset[], done: Callback): void {
    if (this.commitsArrive) this.committedOffsets = offsets
    done(null)
  }
  setDefaultConsumeTimeout(timeoutMs: number): void {
    this.calls.push(['wait', timeoutMs])
  }
  consume(_: number, done: Callback): void {
    done(null, this.polls.shift() ?? [])
  }
  getMetadata(_: object, done: Callback): void {
    this.calls.push('ask')
    done(this.unreachable)
  }
  seek(position: PartitionOffset, _: number, done: Callback): void {
    this.calls.push(['seek', position])
    done(null)
  }
}
