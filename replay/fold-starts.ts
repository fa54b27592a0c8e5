import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Changelog } from '../platform/changelog.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { StateFile } from '../platform/state-file.ts'
import type { KeptSnapshot, SnapshotSource, SnapshotStore } from '../platform/state-snapshot.ts'
import type { PartitionRange } from '../platform/topic-reader.ts'
import type { Processor } from '../schemas/processor.ts'

/** Where a fold begins: at the beginning of its log, or behind what a snapshot holds. */
export interface FoldStart {
  readonly offset: number
  readonly state: OpenedSnapshot | null
}

interface OpenedSnapshot {
  readonly file: StateFile
  readonly snapshot: KeptSnapshot
}

export interface FoldStartsDeps {
  readonly processor: Processor<never, never>
  /** Name and id of the input, and what is left of each partition, in order. */
  readonly input: Pick<SnapshotSource, 'topic' | 'topicId'> & { readonly logs: readonly PartitionRange[] }
  /** Fingerprint of the fold's code. */
  readonly code: string
  /** Take snapshots that other code has made as well. */
  readonly ofAnyCode: boolean
  readonly codec: RecordCodec
  readonly snapshots: SnapshotStore
  readonly workFolder: string
  /** Told once of each snapshot that lies before the wanted offset and is left out. */
  readonly onUnusable: (told: { readonly snapshot: string; readonly why: string }) => void
}

type Wanted = Pick<PartitionRange, 'partition' | 'from'>

/** Finds where the fold of a partition may begin, so that it knows all that its state follows from. */
export class FoldStarts {
  readonly #deps: FoldStartsDeps
  readonly #schemaIds: Readonly<Record<string, number>>
  readonly #listed = new Map<number, Promise<readonly KeptSnapshot[]>>()
  /** Why a snapshot does not serve, by name. */
  readonly #unusable = new Map<string, string>()

  constructor(deps: FoldStartsDeps) {
    this.#deps = deps
    this.#schemaIds = new Changelog(deps.processor.name, deps.processor.stores, deps.codec).schemaIds()
  }

  /**
   * As far as can be told without opening a snapshot.
   *
   * @throws as {@link before}.
   */
  async assertBefore(wanted: readonly Wanted[]): Promise<void> {
    for (const place of wanted) await this.#candidates(place)
  }

  /**
   * The newest usable snapshot at or before an offset, or the beginning of the log. The caller closes its file.
   *
   * @throws SpoilerError SPL_REPLAY_RANGE when the log has lost its beginning and no snapshot stands in, with what was
   *   seen.
   */
  async before(wanted: Wanted): Promise<FoldStart> {
    for (const snapshot of await this.#candidates(wanted)) {
      const file = await this.#open(snapshot)
      if (file !== undefined) return { offset: snapshot.position.appliedOffset, state: { file, snapshot } }
    }
    if (this.#lowOf(wanted) > 0) throw await this.#refused(wanted)
    return { offset: 0, state: null }
  }

  /** Newest first. None where the beginning of the log is what is wanted, or is there and the store is not. */
  async #candidates(wanted: Wanted): Promise<readonly KeptSnapshot[]> {
    const low = this.#lowOf(wanted)
    if (wanted.from === 0) return []
    const found = await this.#list(wanted.partition)
    const usable = found.filter((snapshot) => {
      const { appliedOffset } = snapshot.position
      return appliedOffset >= low && appliedOffset <= wanted.from && this.#isOurs(snapshot)
    })
    if (low > 0 && usable.length === 0) throw await this.#refused(wanted)
    return usable
  }

  /** None while the store does not answer, or refuses. */
  #list(partition: number): Promise<readonly KeptSnapshot[]> {
    const { processor, input, snapshots } = this.#deps
    const { topic, topicId } = input
    const known = this.#listed.get(partition)
    if (known !== undefined) return known
    const listed = snapshots
      .list({ processor: processor.name, topic, topicId, partition })
      .catch((error: unknown): KeptSnapshot[] => {
        if (!(error instanceof SpoilerError)) throw error
        this.#leaveOut(STORE, error.message)
        return []
      })
    this.#listed.set(partition, listed)
    return listed
  }

  #isOurs(snapshot: KeptSnapshot): boolean {
    const { code, ofAnyCode, processor, input } = this.#deps
    if (this.#unusable.has(snapshot.name)) return false
    if (snapshot.processor !== processor.name || snapshot.topicId !== input.topicId)
      return this.#leaveOut(snapshot.name, `it is of ${snapshot.processor} on ${snapshot.topic} ${snapshot.topicId}`)
    if (snapshot.code !== code && !ofAnyCode)
      return this.#leaveOut(snapshot.name, 'other code has made it (--any-code takes it)')
    if (JSON.stringify(snapshot.state.schemaIds) !== JSON.stringify(this.#schemaIds))
      return this.#leaveOut(snapshot.name, 'its values have other schema ids than the registry gives today')
    return true
  }

  async #open(snapshot: KeptSnapshot): Promise<StateFile | undefined> {
    const path = join(this.#deps.workFolder, `snapshot-${randomUUID()}`)
    try {
      await this.#deps.snapshots.fetch(snapshot, path)
      const { changelog, topicId, partition, schemaIds } = snapshot.state
      const file = StateFile.open(path, { changelog, topicId, partition, schemaIds }, { kind: 'scratch' })
      if (file.position?.appliedOffset === snapshot.position.appliedOffset) return file
      file[Symbol.dispose]()
      this.#leaveOut(snapshot.name, 'it holds another offset than its manifest says')
    } catch (error) {
      if (!(error instanceof SpoilerError)) throw error
      this.#leaveOut(snapshot.name, error.message)
    }
    return undefined
  }

  #leaveOut(snapshot: string, why: string): false {
    if (!this.#unusable.has(snapshot)) this.#deps.onUnusable({ snapshot, why })
    this.#unusable.set(snapshot, why)
    return false
  }

  #lowOf({ partition }: Wanted): number {
    return this.#deps.input.logs[partition]?.from ?? 0
  }

  async #refused(wanted: Wanted): Promise<SpoilerError> {
    const { partition, from } = wanted
    const low = this.#lowOf(wanted)
    const found = await this.#list(partition)
    const later = found.findLast(({ position: { appliedOffset } }) => appliedOffset > from && appliedOffset >= low)
    const lines = [
      `folding ${this.#deps.input.topic}/${partition} again from offset ${from}: its log begins at offset ${low}, and`,
      'what a fold makes follows from all that went before. No snapshot of the state stands in:',
      ...(found.length === 0 ? [`  - ${this.#unusable.get(STORE) ?? 'there is none of this partition'}`] : []),
      ...found.map((snapshot) => `  - ${this.#whyNot(snapshot, wanted)}`),
      ...(later === undefined ? [] : [`Begin at it: --from ${partition}:${later.position.appliedOffset}`]),
    ]
    return new SpoilerError('SPL_REPLAY_RANGE', lines.join('\n'), { onError: 'stop' })
  }

  #whyNot(snapshot: KeptSnapshot, wanted: Wanted): string {
    const { appliedOffset } = snapshot.position
    if (appliedOffset < this.#lowOf(wanted)) return `at ${appliedOffset}: the log has lost what follows it`
    if (appliedOffset > wanted.from) return `at ${appliedOffset}: it lies behind the first offset that is wanted`
    return `at ${appliedOffset}: ${this.#unusable.get(snapshot.name) ?? 'unknown'}`
  }
}

/** What is left out when none can be listed. */
const STORE = 'snapshots'
