import type { BatchWorker } from '../platform/batch-worker.ts'
import { FoldWorker } from '../platform/fold-worker.ts'
import { idOf } from '../platform/input-order.ts'
import { PartitionReader, READ_UNCOMMITTED, type TopicPartition } from '../platform/kafka-consumer.ts'
import type { Config } from '../platform/config.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import type { WorkerDeps } from '../platform/run-stream-task.ts'
import { scratchStateFiles } from '../platform/state-files.ts'
import { changelogFacts } from '../platform/topic-admin.ts'
import { committedValues } from '../platform/topic-values.ts'
import { mendLetter, type Mending } from '../replay/dead-letters/mend-letter.ts'
import { rehearse, type Rehearsal } from '../replay/dead-letters/rehearse.ts'
import { ScoreWorker } from '../scorer/score-worker.ts'
import { ServingModels } from '../scorer/serving-models.ts'
import { intake } from '../stream-processors/intake.ts'
import { movieContext, MOVIE_CONTEXT } from '../stream-processors/movie-context.ts'
import { userHistory } from '../stream-processors/user-history.ts'
import type { CliContext } from './context.ts'
import { findLetters, type WantedLetters } from './dead-letters.ts'
import { servingsNow } from './online-scoring.ts'
import { FEATURE_SERVICES } from '../schemas/feature-services.ts'
import type { Processor } from '../schemas/processor.ts'
import { letterId } from '../schemas/topics.ts'
import { openPipelineCodec } from './pipeline.ts'

export interface Rehearsed {
  readonly id: string
  readonly rehearsal: Rehearsal | null
  /** Why it could not be tried. */
  readonly problem: string | null
}

/** What would happen to each letter if it were replayed; nothing is written. */
export async function* rehearseOpenLetters(
  context: CliContext,
  wanted: WantedLetters,
  mending: Mending,
): AsyncGenerator<Rehearsed> {
  const config = context.config()
  const { codec } = await openPipelineCodec(config, context.signal)
  const { newest } = await findLetters(context, wanted)
  await using edges = await PartitionReader.open(config, 'shield-dlq', READ_UNCOMMITTED)
  const deps: WorkerDeps = {
    watermarks: (input) => edges.watermarks(input),
    openReader: () => PartitionReader.open(config, 'shield-dlq'),
  }
  await using stages = new Stages(config, codec, deps)
  for (const { letter } of newest) {
    context.signal.throwIfAborted()
    const id = letterId(letter)
    const mended = await mendLetter(letter, mending, codec)
    if ('problem' in mended) {
      yield { id, rehearsal: null, problem: mended.problem }
      continue
    }
    const { topic, partition } = letter.source
    const { high } = await edges.watermarks({ topic, partition })
    const worker = await stages.restored(letter.component, { topic, partition })
    const stage = { worker, codec, position: { topic, partition, offset: high }, nowMs: Date.now() }
    yield { id, rehearsal: await rehearse(mended.record, stage), problem: null }
  }
}

/** The steps as they are today; the state of a partition is read once. */
class Stages implements AsyncDisposable {
  readonly #config: Config
  readonly #codec: RecordCodec
  readonly #deps: WorkerDeps
  readonly #workers = new Map<string, BatchWorker>()
  readonly #restored = new Set<string>()
  readonly #opened = new AsyncDisposableStack()

  constructor(config: Config, codec: RecordCodec, deps: WorkerDeps) {
    this.#config = config
    this.#codec = codec
    this.#deps = deps
  }

  async restored(component: string, input: TopicPartition): Promise<BatchWorker> {
    const worker = this.#workers.get(component) ?? (await this.#open(component))
    this.#workers.set(component, worker)
    const place = `${component} ${idOf(input)}`
    if (!this.#restored.has(place)) await worker.restore(input)
    this.#restored.add(place)
    return worker
  }

  async #open(component: string): Promise<BatchWorker> {
    const service = FEATURE_SERVICES[this.#config.FEATURE_SERVICE]
    if (component === intake.name) return this.#openFold(intake)
    if (component === userHistory.name) return this.#openFold(userHistory)
    if (component === MOVIE_CONTEXT.name) return this.#openFold(movieContext(() => service))
    if (component === 'scorer') return this.#openScorer()
    throw new RangeError(`no step ${component}`)
  }

  /** On state of its own: that on disk belongs to the running fold. */
  #openFold<In, Stores>(processor: Processor<In, Stores>): BatchWorker {
    const deps = { codec: this.#codec, nowMs: Date.now, onRestored: () => undefined, ...this.#deps }
    return this.#opened.use(
      new FoldWorker(processor, {
        ...deps,
        states: scratchStateFiles(this.#config.STATE_DIR),
        changelogFacts: (topic) => changelogFacts(this.#config, topic),
      }),
    )
  }

  async #openScorer(): Promise<BatchWorker> {
    const codec = this.#codec
    const serving = this.#opened.use(new ServingModels(await servingsNow(this.#config), () => undefined))
    const readActivations = () => committedValues(this.#config, codec, 'modelActivations')
    return new ScoreWorker({ codec, serving, follows: false, readActivations })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync()
  }
}
