import type { ModelActivation, ReviewFeatures } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { type BatchWorker, type ComputedOutput, OutputCollector } from '../platform/batch-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { TopicPartition } from '../platform/kafka-consumer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { decideActivation } from './activations.ts'
import { scoreRow, type Serving } from './score-row.ts'

interface ScoreWorkerDeps {
  readonly codec: RecordCodec
  readonly serving: Serving
  /** Every record of `model-activations`, up to its present end. */
  readonly readActivations: () => AsyncIterable<ModelActivation>
}

/** Scores feature rows in log order; its state per partition is which activation was recorded last. */
export class ScoreWorker implements BatchWorker {
  /** What it keeps is restored from a ledger, which has no offset of its own. */
  readonly stateful = false
  readonly #deps: ScoreWorkerDeps
  readonly #recorded = new Map<number, ModelActivation>()
  readonly #pending = new Map<number, ModelActivation>()

  constructor(deps: ScoreWorkerDeps) {
    this.#deps = deps
  }

  async restore({ partition }: TopicPartition): Promise<null> {
    for await (const activation of this.#deps.readActivations()) {
      if (activation.partition === partition) this.#recorded.set(partition, activation)
    }
    return null
  }

  release({ partition }: TopicPartition): void {
    this.#recorded.delete(partition)
  }

  async compute(records: readonly InputRecord[]): Promise<ComputedOutput> {
    const output = new OutputCollector(this.#deps.codec, 'scorer')
    for (const record of records) {
      this.#activate(record, output)
      await this.#score(record, output)
    }
    return { outgoing: output.outgoing(), drops: output.drops, rejects: output.rejects }
  }

  commit(): void {
    for (const [partition, activation] of this.#pending) this.#recorded.set(partition, activation)
    this.#pending.clear()
  }

  discard(): void {
    this.#pending.clear()
  }

  /** Records in the same transaction as the first score from which offset the model serves the partition. */
  #activate({ partition, offset }: InputRecord, output: OutputCollector): void {
    if (this.#pending.has(partition)) return
    const decision = decideActivation(this.#recorded, { partition, fromOffset: offset }, this.#deps.serving)
    if (decision.kind === 'unchanged') return
    if (decision.kind === 'behind') throw behind(partition, decision.recordedEpoch, this.#deps.serving)
    this.#pending.set(partition, decision.activation)
    output.forward({ to: 'modelActivations', value: decision.activation })
  }

  async #score(input: InputRecord, output: OutputCollector): Promise<void> {
    const decoded = await this.#deps.codec.decode<ReviewFeatures>(topics.reviewFeatures.schema, input.value, false)
    if ('poison' in decoded) {
      output.reject(input, decoded.poison, decoded.cause)
      return
    }
    const { topic, partition, offset, appendedAtMs } = input
    const position = { topic, partition, offset }
    const row: StreamRecord<ReviewFeatures> = { key: null, value: decoded.value, position, appendedAtMs }
    const result = await scoreRow(row, this.#deps.serving)
    if (result.kind === 'score') output.forward({ to: 'spoilerScores', value: result.score })
    else output.reject(input, result.code, result.cause)
  }
}

function behind(partition: number, recordedEpoch: number, { deploymentEpoch }: Serving): SpoilerError {
  const doing = [
    `scoring partition ${partition}: deployment epoch ${recordedEpoch} has scored it already,`,
    `this process serves epoch ${deploymentEpoch}. Start it with the newer deployment.`,
  ]
  return new SpoilerError('SPL_MODEL_INVALID', doing.join(' '), { onError: 'stop' })
}
