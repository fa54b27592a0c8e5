import type { ModelActivation, ReviewFeatures } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { type BatchWorker, type ComputedOutput, OutputCollector } from '../platform/batch-worker.ts'
import type { Applied } from '../platform/changelog.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { TopicPartition } from '../platform/kafka-consumer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { activationKey, decideActivation } from './activations.ts'
import { type Reject, scoreRows, type ScoreResult, type Serving, servingFor } from '../inference/score-row.ts'
import type { ServingModels } from './serving-models.ts'

interface ScoreWorkerDeps {
  readonly codec: RecordCodec
  readonly serving: ServingModels
  /** Whether newer deployments come by themselves; else one that is behind waits for a person. */
  readonly follows: boolean
  /** Every record of `model-activations`, up to its present end. */
  readonly readActivations: () => AsyncIterable<ModelActivation>
}

/** A row, or why there is none. */
type ReadRow = StreamRecord<ReviewFeatures> | Reject

/** Scores feature rows; its state per partition is which activations were recorded last. */
export class ScoreWorker implements BatchWorker {
  /** What it keeps is restored from a ledger, which has no offset of its own. */
  readonly stateful = false
  readonly #deps: ScoreWorkerDeps
  readonly #recorded = new Map<string, ModelActivation>()
  readonly #pending = new Map<string, ModelActivation>()

  constructor(deps: ScoreWorkerDeps) {
    this.#deps = deps
  }

  /** @returns What the ledger proves: so far the partition has been scored. A group without offsets has forgotten them. */
  async restore({ partition }: TopicPartition): Promise<Applied | null> {
    let offset = -1
    for await (const activation of this.#deps.readActivations()) {
      if (activation.partition !== partition) continue
      this.#recorded.set(activationKey(activation), activation)
      offset = Math.max(offset, activation.fromOffset)
    }
    return offset < 0 ? null : { offset, streamTimeMs: -Infinity }
  }

  release({ partition }: TopicPartition): void {
    for (const [key, activation] of this.#recorded) if (activation.partition === partition) this.#recorded.delete(key)
  }

  /** The same models for the whole batch; the rows are scored side by side, the outputs are in log order. */
  async compute(records: readonly InputRecord[]): Promise<ComputedOutput> {
    const output = new OutputCollector(this.#deps.codec, 'scorer')
    const servings = this.#deps.serving.begin()
    try {
      const rows: ReadRow[] = []
      for (const record of records) rows.push(await this.#read(record))
      const readable = rows.filter((row): row is StreamRecord<ReviewFeatures> => !('kind' in row))
      for (const row of readable) this.#activate(row, servings, output)
      const results = (await scoreRows(readable, servings)).values()
      for (const [i, row] of rows.entries()) {
        const result = 'kind' in row ? row : (results.next().value as ScoreResult)
        if (result.kind === 'score') output.forward({ to: 'spoilerScores', value: result.score })
        else output.reject(records[i] as InputRecord, result.code, result.cause, result.attempts)
      }
    } finally {
      this.#deps.serving.end()
    }
    return { outgoing: output.outgoing(), drops: output.drops, rejects: output.rejects }
  }

  commit(): void {
    for (const [key, activation] of this.#pending) this.#recorded.set(key, activation)
    this.#pending.clear()
  }

  discard(): void {
    this.#pending.clear()
  }

  /** Records in the same transaction as the first score from which offset a model serves rows of the partition. */
  #activate({ position, value }: StreamRecord<ReviewFeatures>, servings: readonly Serving[], output: OutputCollector) {
    const { featureService } = value
    const at = { partition: position.partition, fromOffset: position.offset, featureService }
    const serving = servingFor(servings, featureService)
    // a row that nobody reads is refused, and nothing serves it
    if (serving === undefined || this.#pending.has(activationKey(at))) return
    const decision = decideActivation(this.#recorded, at, serving)
    if (decision.kind === 'unchanged') return
    if (decision.kind === 'behind') throw this.#behind(at.partition, decision.recordedEpoch, serving)
    this.#pending.set(activationKey(at), decision.activation)
    output.forward({ to: 'modelActivations', value: decision.activation })
  }

  async #read(input: InputRecord): Promise<ReadRow> {
    const decoded = await this.#deps.codec.decode<ReviewFeatures>(topics.reviewFeatures.schema, input.value, false)
    if ('poison' in decoded) return { kind: 'reject', code: decoded.poison, cause: decoded.cause, attempts: 1 }
    const { topic, partition, offset, appendedAtMs } = input
    return { key: null, value: decoded.value, position: { topic, partition, offset }, appendedAtMs }
  }

  #behind(partition: number, recordedEpoch: number, { deploymentEpoch }: Serving): SpoilerError {
    const doing = `scoring partition ${partition}: deployment epoch ${recordedEpoch} has scored it already, this process serves epoch ${deploymentEpoch}`
    return this.#deps.follows
      ? new SpoilerError('SPL_MODEL_UNAVAILABLE', `${doing} until the newer one is loaded`, { onError: 'retry' })
      : new SpoilerError('SPL_MODEL_INVALID', `${doing}. Start it with the newer deployment.`, { onError: 'stop' })
  }
}
