import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { s3Snapshots } from '../../connectors/s3-snapshots.ts'
import { FoldWorker } from '../../platform/fold-worker.ts'
import type { InputRecord } from '../../platform/input-record.ts'
import { SnapshotTaker } from '../../platform/snapshot-taker.ts'
import type { StateFiles } from '../../platform/state-files.ts'
import type { SnapshotSource } from '../../platform/state-snapshot.ts'
import { nextOffsets } from '../../platform/stream-task.ts'
import { FakeChangelog } from './fake-changelog.ts'
import { FakeRegistry, learnedCodec } from './fake-registry.ts'
import { foldDeps } from './fold-deps.ts'
import { MemoryObjectStore } from './memory-object-store.ts'
import { tally, type TallyStores } from './tally-processor.ts'

export const SNAPSHOT_CODE = 'code of today'
/** Append time of a record is its offset: a snapshot is due whenever that passes a multiple of it. */
const SNAPSHOT_EVERY = 10
const PARTITION = 2

/** A fold whose log is in memory, and that takes snapshots of its state into a store in memory. */
export class SnapshotWorld implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'snapshots-'))
  readonly codec = learnedCodec(new FakeRegistry(), tally)
  readonly store = new MemoryObjectStore()
  readonly snapshots = s3Snapshots(this.store, 'offline')
  readonly source: SnapshotSource = { processor: 'tally', topic: 'review-labels', topicId: 'T', partition: PARTITION }
  readonly told: string[] = []
  readonly #stopping = new AbortController()
  readonly #changelog = new FakeChangelog()

  takerOf(code = SNAPSHOT_CODE): SnapshotTaker {
    return new SnapshotTaker({
      source: { processor: 'tally', topic: 'review-labels', topicId: 'T' },
      code,
      everyMs: SNAPSHOT_EVERY,
      folder: this.folder,
      open: () => Promise.resolve({ ...this.snapshots, [Symbol.dispose]: () => undefined }),
      telemetry: {
        copied: ({ offset }) => this.told.push(`copied ${offset}`),
        kept: ({ offset }) => this.told.push(`kept ${offset}`),
        waiting: (error) => this.told.push(`waiting ${error.code}`),
        failed: (error) => this.told.push(`failed ${String(error)}`),
      },
      signal: this.#stopping.signal,
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    })
  }

  worker(taker: SnapshotTaker | undefined, states?: StateFiles, high?: number): FoldWorker<never, TallyStores> {
    return new FoldWorker<never, TallyStores>(tally, {
      ...foldDeps(this.codec, this.#changelog),
      ...(states === undefined ? {} : { states }),
      ...(high === undefined ? {} : { watermarks: () => Promise.resolve({ low: 0, high }) }),
      ...(taker === undefined ? {} : { snapshots: taker }),
    })
  }

  record(offset: number): InputRecord {
    const label = { reviewId: `r${offset % 7}`, userId: `u${offset % 3}`, movieId: 'm1', isSpoiler: true }
    const value = { ...label, labelledAtMs: 5, source: 'moderator', revision: 0 }
    const bytes = this.codec.encode({ subject: 'review-labels-value', schema: 'ReviewLabel' }, value)
    const place = { topic: 'review-labels', partition: PARTITION, offset }
    return { ...place, key: Buffer.from(label.userId), value: bytes, appendedAtMs: offset, headers: [] }
  }

  /** Folds one record after the other, each a batch. @returns what it sent, its changelog left out. */
  async fold(worker: FoldWorker<never, TallyStores>, from: number, to: number): Promise<string[]> {
    const sent: string[] = []
    for (let offset = from; offset < to; offset += 1) {
      const records = [this.record(offset)]
      const { outgoing } = await worker.compute(records, nextOffsets(records))
      worker.commit(nextOffsets(records))
      for (const { topic, key, value } of outgoing)
        if (topic !== 'tally-changelog') sent.push(`${topic} ${String(key)} ${value?.toString('base64') ?? ''}`)
    }
    return sent
  }

  stop(): void {
    this.#stopping.abort()
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export const SNAPSHOT_PARTITION = { topic: 'review-labels', partition: PARTITION }
