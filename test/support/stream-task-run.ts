import { pino } from 'pino'
import { arrivalOrder, type InputOrder } from '../../platform/input-order.ts'
import type { TopicPartition } from '../../platform/kafka-consumer.ts'
import { StreamTask } from '../../platform/stream-task.ts'
import { taskTelemetry, Telemetry } from '../../platform/telemetry.ts'
import { FakeBroker, FakeConsumer, FakeProducer } from './fake-kafka.ts'
import { SummingWorker } from './summing-worker.ts'

const ENOUGH_TO_TAKE_ALL_HELD = 8
const log = pino({ level: 'silent' })

/** A stream task with everything around it faked: batches of two records, no waiting, a clock that moves when read. */
export class StreamTaskRun {
  readonly broker = new FakeBroker()
  readonly consumer = new FakeConsumer(this.broker)
  readonly producer = new FakeProducer(this.broker)
  readonly worker = new SummingWorker()
  readonly telemetry = new Telemetry()
  readonly pauses: number[] = []
  order: InputOrder = arrivalOrder()
  stopping = new AbortController()
  commitIntervalMs = 0
  /** Moves by 1 ms whenever the task looks at it. */
  nowMs = 0

  constructor() {
    this.consumer.onIdle = (emptyReads) => {
      if (emptyReads > ENOUGH_TO_TAKE_ALL_HELD + Math.min(this.commitIntervalMs, 100)) this.stopping.abort()
    }
  }

  /** Runs until the consumer finds nothing more, or until the test aborts. */
  async run(missingRecords: 'stop' | 'skip' = 'stop'): Promise<void> {
    const limits = { COMMIT_INTERVAL_MS: this.commitIntervalMs, MAX_BATCH_RECORDS: 2, STEP_DEADLINE_MS: 15_000 }
    const task = new StreamTask({
      name: 'summing',
      config: { ...limits, MISSING_RECORDS: missingRecords, TOPIC_PARTITIONS: 2, LINEAGE: 1 },
      consumer: this.consumer,
      producer: this.producer,
      worker: this.worker,
      order: this.order,
      watermarks: this.broker.watermarks,
      telemetry: taskTelemetry(this.telemetry, 'summing', log),
      log,
      nowMs: () => (this.nowMs += 1),
      pause: (ms) => {
        this.pauses.push(ms)
        return Promise.resolve()
      },
    })
    await task.run(this.stopping.signal)
  }

  assign(...partitions: TopicPartition[]): void {
    this.consumer.rebalances.push({ kind: 'assigned', partitions })
  }

  revoke(...partitions: TopicPartition[]): void {
    this.consumer.rebalances.push({ kind: 'revoked', partitions, lost: false })
  }

  append(input: TopicPartition, ...values: number[]): void {
    for (const value of values) this.broker.append(input, String(value))
  }

  /** Sums of a partition that committed transactions made visible. */
  sums({ topic, partition }: TopicPartition): number[] {
    const prefix = `${topic}/${partition}=`
    return this.broker.visible
      .filter((line) => line.startsWith(prefix))
      .map((line) => Number(line.slice(prefix.length)))
  }
}
