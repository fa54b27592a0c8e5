import type { Model } from '../../../inference/model.ts'
import { changelogSubjects } from '../../../platform/changelog.ts'
import { FoldWorker } from '../../../platform/fold-worker.ts'
import { idOf } from '../../../platform/input-order.ts'
import { topicSubjects } from '../../../platform/open-codec.ts'
import { RecordCodec } from '../../../platform/record-codec.ts'
import type { ModelActivation, ReviewFeatures, SpoilerScore } from '../../../schemas/generated.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import { type TopicId, topics, type ValueOf } from '../../../schemas/topics.ts'
import { scoreRows } from '../../../inference/score-row.ts'
import { ScoreWorker } from '../../../scorer/score-worker.ts'
import { ServingModels } from '../../../scorer/serving-models.ts'
import { SeededRandom } from '../../../stats/random.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { intake } from '../../../stream-processors/intake.ts'
import { movieContext, MOVIE_CONTEXT } from '../../../stream-processors/movie-context.ts'
import { userHistory } from '../../../stream-processors/user-history.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { checkPipeline, type Poisoned, type Recorded } from '../../support/oracle/pipeline-oracle.ts'
import { type Violation, violation } from '../../support/oracle/stage-check.ts'
import { checkOffsets, checkWitness } from '../verify.ts'
import { type Message, nextTurn, SimulatedCluster } from './cluster.ts'
import { SimulatedDisk } from './disk.ts'
import { SimulatedGroup } from './group.ts'
import { partitionOf } from './producer.ts'
import { type Ports, type Program, type RestorePorts, SimulatedProcess } from './process.ts'

const PARTITIONS = 2
/** By the clock that says when the position in a changelog is asked for: every twelve turns. */
const TURN_MS = 5_000
const INSTANCES = 2
const TURNS = 6_000
const RECORDS_PER_TURN = 0.5
const FAULT_EVERY = 25
const FAULT_STREAM = 9
const WITNESSED = ['userActivity', 'movieActivity', 'reviewFeatures', 'spoilerScores'] as const

/** What happens to a process: it is killed, it is frozen, its transaction is aborted, the reply to its commit is lost. */
export type SimulatedFault = 'kill' | 'freeze' | 'abortable' | 'reply lost'
const FAULTS: readonly SimulatedFault[] = ['kill', 'freeze', 'abortable', 'reply lost']

export type Task = 'intake' | 'user-history' | 'movie-context' | 'scorer'

/** A mistake that somebody could make in the runtime, or around it: it wraps what the runtime is given. */
export interface Bug {
  /** The task that has it. */
  readonly task: Task
  /** Shows only after this: then nothing else happens to that task, and it alone is hit. */
  readonly shownBy?: SimulatedFault
  readonly wrap?: (ports: Ports, cluster: SimulatedCluster, group: SimulatedGroup) => Ports
  readonly wrapRestore?: (ports: RestorePorts, cluster: SimulatedCluster) => RestorePorts
  /** The independent reader's own: it takes what is not committed. */
  readonly readerIsolation?: 'uncommitted'
}

export interface PublicRecord {
  readonly topic: 'reviews' | 'reviewLabels' | 'movies'
  /** A value of the topic, or bytes that nobody can read. */
  readonly value: unknown
}

export interface SimulationOptions {
  readonly seed: number
  readonly inputs: readonly PublicRecord[]
  readonly startMs: number
  readonly model: Model
  readonly bug?: Bug
}

function openCodec(): RecordCodec {
  const codec = new RecordCodec(new FakeRegistry())
  const stores = [userHistory, MOVIE_CONTEXT].flatMap(({ name, stores: declared }) => changelogSubjects(name, declared))
  for (const [index, subject] of [...topicSubjects(), ...stores].entries()) codec.learn(subject, index + 1)
  return codec
}

/**
 * The whole pipeline in one thread: the runtime, the folds and the scorer as they are, two instances of each, a broker
 * in memory, and faults at any step of any of them. Everything follows from the seed.
 */
export async function simulate(options: SimulationOptions): Promise<readonly Violation[]> {
  const run = new Simulation(options)
  return run.run()
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #codec = openCodec()
  readonly #cluster: SimulatedCluster
  readonly #groups: readonly SimulatedGroup[]
  readonly #processes: SimulatedProcess[] = []
  readonly #random: SeededRandom
  readonly #seen = new Map<string, number[]>()

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed, FAULT_STREAM)
    this.#cluster = new SimulatedCluster(PARTITIONS, options.startMs)
    this.#cluster.markerDelay = (id) => (id.includes('changelog') && this.#random.chance(0.3) ? 40 : 0)
    const group = (name: Task, inputs: readonly TopicId[]): SimulatedGroup =>
      new SimulatedGroup(
        this.#cluster,
        name,
        inputs.map((id) => topics[id].name),
      )
    this.#groups = [
      group('intake', ['reviews', 'reviewLabels', 'movies']),
      group('user-history', ['userActivity']),
      group('movie-context', ['movieActivity']),
      group('scorer', ['reviewFeatures']),
    ]
  }

  async run(): Promise<readonly Violation[]> {
    using disks = new DisposableStack()
    const shared = disks.use(new SimulatedDisk())
    const programs = [
      this.#fold(intake),
      this.#fold(userHistory),
      this.#fold(movieContext(() => spoilerV1)),
      this.#scorer(),
    ]
    for (const [index, program] of programs.entries())
      for (let slot = 0; slot < INSTANCES; slot += 1)
        this.#processes.push(
          new SimulatedProcess(this.#cluster, this.#groups[index] as SimulatedGroup, {
            program,
            slot,
            // both on one machine, or each on its own
            disk: this.#options.seed % 2 === 0 ? shared : disks.use(new SimulatedDisk()),
          }),
        )
    const finished = await this.#untilDone()
    for (const process of this.#processes) await process.stop()
    const stopped = this.#processes.flatMap(({ program, stopped: why }) =>
      why === undefined ? [] : violation(program.name, 'stopped', [why]),
    )
    const late = finished ? [] : violation('everything', 'not seen in time', [`after ${TURNS} turns`])
    const recorded = await this.#record()
    return [
      ...stopped,
      ...late,
      ...(await checkPipeline(recorded, (rows) => this.#scoresOf(rows))),
      ...checkWitness(this.#seen, this.#committedOffsets()),
      ...checkOffsets(this.#cluster.movedBack),
    ]
  }

  async #untilDone(): Promise<boolean> {
    const inputs = this.#options.inputs.values()
    let published = 0
    while (this.#cluster.turn < TURNS) {
      await nextTurn()
      this.#cluster.tick()
      for (const process of this.#processes) process.tick()
      for (; published < Math.min(this.#options.inputs.length, this.#cluster.turn * RECORDS_PER_TURN); published += 1)
        this.#publish((inputs.next() as { readonly value: PublicRecord }).value)
      const isAllPublished = published === this.#options.inputs.length
      if (!isAllPublished && this.#random.chance(1 / FAULT_EVERY)) this.#fault()
      this.#witness()
      if (this.#processes.some(({ stopped }) => stopped !== undefined)) return true
      if (isAllPublished && this.#isSettled()) return true
    }
    return false
  }

  #isSettled(): boolean {
    return (
      this.#processes.every(({ isWhole }) => isWhole) &&
      this.#groups.every(({ name, inputs }) => inputs.every((topic) => this.#cluster.hasRead(name, topic)))
    )
  }

  #fault(): void {
    const random = this.#random
    const { bug } = this.#options
    const hit = this.#processes.filter(({ program }) => bug?.shownBy === undefined || program.name === bug.task)
    const process = random.choice(hit)
    const kind = bug?.shownBy ?? random.choice(FAULTS)
    if (kind === 'kill') process.kill(random.below(100))
    else if (kind === 'freeze') process.freeze(5 + random.below(100))
    else process.failCommit(kind)
  }

  #publish({ topic: id, value }: PublicRecord): void {
    const { name, schema, key } = topics[id]
    const isPoison = Buffer.isBuffer(value)
    const encoded = isPoison ? value : this.#codec.encode({ subject: `${name}-value`, schema }, value)
    const keyed = isPoison ? null : (key as (value: unknown) => string)(value)
    const partition = partitionOf(keyed, PARTITIONS)
    this.#cluster.append({ topic: name, partition, key: keyed, value: encoded }, null)
  }

  #witness(): void {
    const isolation = this.#options.bug?.readerIsolation ?? 'committed'
    for (const input of WITNESSED.flatMap((id) => this.#cluster.partitionsOf(topics[id].name))) {
      const seen = this.#seen.get(idOf(input)) ?? []
      this.#seen.set(idOf(input), seen)
      const { messages } = this.#cluster.read({ ...input, offset: (seen.at(-1) ?? -1) + 1 }, Infinity, isolation)
      seen.push(...messages.map(({ offset }) => offset))
    }
  }

  #fold(processor: typeof intake | typeof userHistory | ReturnType<typeof movieContext>): Program {
    const open = (deps: RestorePorts) =>
      new FoldWorker(processor as typeof userHistory, {
        codec: this.#codec,
        changelogFacts: () => Promise.resolve({ topicId: 'simulated', tombstonesKeptMs: 86_400_000 }),
        nowMs: () => this.#cluster.turn * TURN_MS,
        onRestored: () => undefined,
        ...deps,
      })
    return { name: processor.name, openWorker: open, ...this.#bugOf(processor.name) }
  }

  #scorer(): Program {
    const { model } = this.#options
    const records = (): Message[] => this.#cluster.committedRecords(topics.modelActivations.name)
    const decode = (message: Message): Promise<ModelActivation> => this.#decode('modelActivations', message)
    const readActivations = async function* (): AsyncGenerator<ModelActivation> {
      for (const message of records()) yield await decode(message)
    }
    const openWorker = (): ScoreWorker => {
      const serving = new ServingModels([{ model, deploymentEpoch: 0 }], () => undefined)
      return new ScoreWorker({ codec: this.#codec, serving, follows: false, readActivations })
    }
    return { name: 'scorer', openWorker, ...this.#bugOf('scorer') }
  }

  #bugOf(task: string): Pick<Program, 'wrap' | 'wrapRestore'> {
    const bug = this.#options.bug?.task === task ? this.#options.bug : undefined
    return { wrap: bug?.wrap ?? ((ports) => ports), wrapRestore: bug?.wrapRestore ?? ((ports) => ports) }
  }

  async #record(): Promise<Recorded> {
    const publicInputs: StreamRecord<unknown>[] = []
    const poison: Poisoned[] = []
    for (const id of ['reviews', 'reviewLabels', 'movies'] as const)
      for (const message of this.#cluster.committedRecords(topics[id].name)) {
        const decoded = await this.#codec.decode(topics[id].schema, message.value, true)
        if ('poison' in decoded) poison.push({ position: positionOf(message), code: decoded.poison })
        else publicInputs.push(recordOf(message, decoded.value))
      }
    const newest = async <T extends 'userFeatures' | 'movieFeatures'>(id: T): Promise<Map<string, ValueOf<T>>> =>
      new Map((await this.#log(id)).map(({ key, value }) => [key ?? '', value]))
    return {
      publicInputs,
      poison,
      deadLetters: await this.#log('deadLetters'),
      userActivity: await this.#log('userActivity'),
      movieActivity: await this.#log('movieActivity'),
      reviewFeatures: await this.#log('reviewFeatures'),
      spoilerScores: await this.#log('spoilerScores'),
      userFeatures: await newest('userFeatures'),
      movieFeatures: await newest('movieFeatures'),
    }
  }

  async #log<T extends TopicId>(id: T): Promise<StreamRecord<ValueOf<T>>[]> {
    const messages = this.#cluster.committedRecords(topics[id].name)
    return Promise.all(messages.map(async (message) => recordOf(message, await this.#decode(id, message))))
  }

  async #decode<T extends TopicId>(id: T, { value }: Message): Promise<ValueOf<T>> {
    const decoded = await this.#codec.decode<ValueOf<T>>(topics[id].schema, value, false)
    if ('poison' in decoded) throw new Error(decoded.cause)
    return decoded.value
  }

  async #scoresOf(rows: readonly StreamRecord<ReviewFeatures>[]): Promise<SpoilerScore[]> {
    const results = await scoreRows(rows, [{ model: this.#options.model, deploymentEpoch: 0 }])
    return results.flatMap((result) => (result.kind === 'score' ? [result.score] : []))
  }

  #committedOffsets(): Map<string, number[]> {
    const messages = WITNESSED.flatMap((id) => this.#cluster.committedRecords(topics[id].name))
    const byPartition = Map.groupBy(messages, idOf)
    return new Map([...byPartition].map(([id, found]) => [id, found.map(({ offset }) => offset)]))
  }
}

function positionOf({ topic, partition, offset }: Message) {
  return { topic, partition, offset }
}

function recordOf<V>(message: Message, value: V): StreamRecord<V> {
  const key = message.key?.toString() ?? null
  return { key, value, position: positionOf(message), appendedAtMs: message.timestamp ?? 0 }
}
