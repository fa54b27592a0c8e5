import type { ModelActivation, ReviewFeatures } from '../schemas/generated.ts'
import { CHALLENGER, CHAMPION } from '../schemas/deployment-slots.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { topics } from '../schemas/topics.ts'
import { type BatchWorker, type ComputedOutput, OutputCollector } from '../platform/batch-worker.ts'
import type { Applied } from '../platform/changelog.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { TopicPartition } from '../platform/kafka-consumer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { activationKey, decideActivation } from './activations.ts'
import { type ChallengerSlot, setAsideError } from './challenger.ts'
import { type Reject, scoreRows, type ScoreResult, type Serving, servingFor } from '../inference/score-row.ts'
import type { ServingModels } from './serving-models.ts'
import { decideTrial, noTrial, type Trial } from './trial.ts'

interface ScoreWorkerDeps {
  readonly codec: RecordCodec
  readonly serving: ServingModels
  /** Nobody challenges without it. */
  readonly challenger?: ChallengerSlot
  /** Whether newer deployments come by themselves; else one that is behind waits for a person. */
  readonly follows: boolean
  /** Every record of `model-activations`, up to its present end. */
  readonly readActivations: () => AsyncIterable<ModelActivation>
}

type Row = StreamRecord<ReviewFeatures>
/** A row, or why there is none. */
type ReadRow = Row | Reject

/** The challenger's results, and what of it holds for the whole batch: nothing when it was set aside. */
interface Tried {
  readonly results: ReadonlyMap<Row, ScoreResult>
  readonly trial: Trial
}

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
      this.#recorded.set(activationKey(activation, activation.slot), activation)
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
    const { serving, challenger } = this.#deps
    const [servings, trial] = [serving.begin(), challenger?.begin() ?? noTrial(0)]
    try {
      const rows: ReadRow[] = []
      for (const record of records) rows.push(await this.#read(record))
      const readable = rows.filter((row): row is Row => !('kind' in row))
      for (const row of readable) this.#activate(row, servings, output)
      const trying = challenger?.start(readable, trial)
      const own = await scoreRows(readable, servings)
      const ofRows = new Map(readable.map((row, i) => [row, own[i] as ScoreResult]))
      const tried = this.#triedOf(ofRows, trial, await trying?.())
      const trials = this.#activateTrials(readable, tried.trial, output)
      for (const [i, row] of rows.entries())
        if ('kind' in row) reject(records[i] as InputRecord, row, output)
        else {
          const mode = trials.get(placeOf(row))?.mode ?? 'off'
          const answers = { own: ofRows.get(row) as ScoreResult, trial: tried.results.get(row), mode }
          forward(records[i] as InputRecord, answers, output)
        }
    } finally {
      challenger?.end()
      serving.end()
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
    if (serving === undefined || this.#pending.has(activationKey(at, CHAMPION))) return
    const decision = decideActivation(this.#recorded, at, serving)
    if (decision.kind === 'unchanged') return
    if (decision.kind === 'behind') throw this.#behind(at.partition, decision.recordedEpoch, serving)
    this.#pending.set(activationKey(at, CHAMPION), decision.activation)
    output.forward({ to: 'modelActivations', value: decision.activation })
  }

  /** A challenger that gives up a row which the champion scores is set aside for the whole batch. */
  #triedOf(
    own: ReadonlyMap<Row, ScoreResult>,
    trial: Trial,
    results: ReadonlyMap<Row, ScoreResult> | null | undefined,
  ): Tried {
    const none = { results: new Map<Row, ScoreResult>(), trial: noTrial(trial.deploymentEpoch) }
    if (results == null || trial.mode === 'off') return none
    const given = [...results].find(([row, { kind }]) => kind === 'reject' && own.get(row)?.kind === 'score')?.[1]
    if (given?.kind !== 'reject') return { results, trial }
    this.#deps.challenger?.setAside(trial, setAsideError(`it gives up a row that the champion scores: ${given.cause}`))
    return none
  }

  /** Records, as {@link #activate} does, from which offset a challenger takes part, or does not any more. */
  #activateTrials(rows: readonly Row[], trial: Trial, output: OutputCollector): ReadonlyMap<string, Trial> {
    const trials = new Map<string, Trial>()
    for (const row of rows) {
      const { position, value } = row
      const place = placeOf(row)
      if (trials.has(place)) continue
      const { partition, offset: fromOffset } = position
      const at = { partition, fromOffset, featureService: value.featureService }
      const step = decideTrial(this.#recorded.get(place), at, trial)
      trials.set(place, step.trial)
      if (step.activation === undefined) continue
      this.#pending.set(place, step.activation)
      output.forward({ to: 'modelActivations', value: step.activation })
    }
    return trials
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

/** Where the challenger's activation of a row is kept. */
function placeOf({ position: { partition }, value: { featureService } }: Row): string {
  return activationKey({ partition, featureService }, CHALLENGER)
}

function reject(record: InputRecord, { code, cause, attempts }: Reject, output: OutputCollector): void {
  output.reject(record, code, cause, attempts)
}

interface Answers {
  readonly own: ScoreResult
  readonly trial: ScoreResult | undefined
  readonly mode: Trial['mode']
}

/** The canary answers for its share; whoever does not answer goes to the shadow. */
function forward(record: InputRecord, { own, trial, mode }: Answers, output: OutputCollector): void {
  if (own.kind === 'reject') {
    reject(record, own, output)
    return
  }
  const other = mode === 'off' || trial?.kind !== 'score' ? undefined : trial.score
  const answersItself = mode !== 'canary' || other === undefined
  output.forward({ to: 'spoilerScores', value: answersItself ? own.score : other })
  if (other !== undefined) output.forward({ to: 'shadowScores', value: answersItself ? other : own.score })
}
