import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FoldWorker, type FoldDeps } from '../../../platform/fold-worker.ts'
import type { InputRecord } from '../../../platform/input-record.ts'
import type { OutgoingRecord } from '../../../platform/kafka-producer.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { keptStateFiles, type StateFiles } from '../../../platform/state-files.ts'
import { nextOffsets } from '../../../platform/stream-task.ts'
import type { Restored } from '../../../platform/telemetry.ts'
import type { ReviewLabel, UserFeatures } from '../../../schemas/generated.ts'
import { FakeChangelog } from '../../support/fake-changelog.ts'
import { FakeRegistry, learnedCodec } from '../../support/fake-registry.ts'
import { foldDeps } from '../../support/fold-deps.ts'
import { tally, type TallyStores } from '../../support/tally-processor.ts'

const P2 = { topic: 'review-labels', partition: 2 }
const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
const codec = learnedCodec(new FakeRegistry(), tally)

/** One machine with a disk, a partition of a changelog that outlives it, and a fold that is started again and again. */
class Machine implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-state-'))
  readonly log = new FakeChangelog()
  readonly restored: Restored[] = []
  readonly states = keptStateFiles({
    folder: this.folder,
    log: pino({ level: 'silent' }),
    pause: () => Promise.resolve(),
  })
  topicId = 'a topic'
  nowMs = 0
  /** Next offset of the input, and how often each user was seen: what the state must tell. */
  offset = 0
  readonly seen = new Map<string, number>()
  worker = this.#worker(this.states)

  get path(): string {
    return join(this.folder, 'state', 'tally-changelog', '2.sqlite')
  }

  #worker(states: StateFiles): FoldWorker<ReviewLabel, TallyStores> {
    const deps: FoldDeps = {
      ...foldDeps(codec, this.log),
      states,
      changelogFacts: () => Promise.resolve({ topicId: this.topicId, tombstonesKeptMs: DAY_MS }),
      nowMs: () => this.nowMs,
      onRestored: (event) => this.restored.push(event),
    }
    return new FoldWorker(tally, deps)
  }

  async start(states: StateFiles = this.states): Promise<Restored> {
    this.worker[Symbol.dispose]()
    this.worker = this.#worker(states)
    const applied = await this.worker.restore(P2)
    expect(applied?.offset ?? 0).toBe(this.offset)
    return this.restored.at(-1) as Restored
  }

  /** Folds a label of each user and tells what came out beside what had to; nothing is visible yet. */
  async compute(users: readonly string[]): Promise<{ batch: InputRecord[]; changes: OutgoingRecord[] }> {
    const batch = users.map((userId, i) => this.#record(userId, this.offset + i))
    const { outgoing } = await this.worker.compute(batch, nextOffsets(batch))
    const counts = outgoing
      .filter(({ topic }) => topic === 'user-features')
      .map(({ value }) => codec.decodeKnown<UserFeatures>('UserFeatures', value, false))
      .map((decoded) => (decoded !== undefined && 'value' in decoded ? decoded.value : undefined))
    const folded = new Map(this.seen)
    for (const user of users) folded.set(user, (folded.get(user) ?? 0) + 1)
    const expected = [...new Set(users)].map((userId) => ({ userId, values: [folded.get(userId)] }))
    expect(counts.map((row) => ({ userId: row?.userId, values: row?.values }))).toEqual(expected)
    return { batch, changes: outgoing.filter(({ topic }) => topic === 'tally-changelog') }
  }

  #record(userId: string, offset: number, source = 'moderator'): InputRecord {
    const label = { reviewId: 'r1', userId, movieId: 'm1', isSpoiler: true, labelledAtMs: 5 }
    const value = { ...label, source, revision: 0 }
    const bytes = codec.encode({ subject: 'review-labels-value', schema: 'ReviewLabel' }, value)
    return { ...P2, offset, key: Buffer.from(userId), value: bytes, appendedAtMs: offset, headers: [] }
  }

  /** Deletes what is known of users. */
  async forget(users: readonly string[]): Promise<void> {
    const batch = users.map((userId, i) => this.#record(userId, this.offset + i, 'forget'))
    const { outgoing } = await this.worker.compute(batch, nextOffsets(batch))
    this.log.write(outgoing.filter(({ topic }) => topic === 'tally-changelog'))
    for (const user of users) this.seen.delete(user)
    this.offset += users.length
    this.worker.commit(nextOffsets(batch))
  }

  async fold(...users: string[]): Promise<void> {
    this.worker.commit(nextOffsets(await this.makeVisible(users)))
  }

  /** Commits to Kafka, and not to the disk: as far as a process gets that is killed in between. */
  async makeVisible(users: readonly string[]): Promise<InputRecord[]> {
    const { batch, changes } = await this.compute(users)
    this.log.write(changes)
    for (const user of users) this.seen.set(user, (this.seen.get(user) ?? 0) + 1)
    this.offset += users.length
    return batch
  }

  [Symbol.dispose](): void {
    this.worker[Symbol.dispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

let machine: Machine
beforeEach(async () => {
  machine = new Machine()
  await machine.start()
})
afterEach(() => {
  machine[Symbol.dispose]()
})

describe('a restart on the same machine', () => {
  test('reads only what was written since the position in the changelog was asked for', async () => {
    for (let i = 0; i < 50; i += 1) await machine.fold('a', `u${i}`)
    machine.nowMs += MINUTE_MS
    await machine.fold('a')
    expect(await machine.start()).toMatchObject({ records: 3, because: null })
    expect(await machine.start()).toMatchObject({ records: 0, because: null })
    await machine.fold('a', 'u3')
  })

  test('asks for that position after so many changes too, however little time they take', async () => {
    const users = Array.from({ length: 5_000 }, (_, i) => `u${i}`)
    await machine.fold(...users)
    await machine.fold('a')
    expect((await machine.start()).records).toBe(3)
  })

  test('after a kill between the commit to Kafka and that to the disk brings the batch back', async () => {
    await machine.fold('a', 'b')
    await machine.makeVisible(['a', 'c'])
    expect(await machine.start()).toMatchObject({ because: null })
    await machine.fold('a', 'b', 'c')
  })

  test('after an abort finds no trace of the batch', async () => {
    await machine.fold('a', 'b')
    const { changes } = await machine.compute(['a', 'c'])
    machine.log.abort(changes)
    expect(await machine.start()).toMatchObject({ because: null })
    await machine.fold('a', 'b', 'c')
  })

  test('that is killed while it restores is restored again', async () => {
    await machine.fold('a', 'b')
    rmSync(machine.path)
    machine.log.undecidedReads = 1
    const restoring = machine.worker
    const killed = new SpoilerError('SPL_BROKER_UNAVAILABLE', 'reading', { onError: 'retry' })
    const openReader = machine.log.openReader
    const breaking = new FoldWorker(tally, {
      ...foldDeps(codec, machine.log),
      states: machine.states,
      openReader: async () => {
        const reader = await openReader()
        let reads = 0
        return new Proxy(reader, {
          get: (target, property) => {
            if (property === 'read' && (reads += 1) > 1) return () => Promise.reject(killed)
            return Reflect.get(target, property) as unknown
          },
        })
      },
    })
    restoring[Symbol.dispose]()
    await expect(breaking.restore(P2)).rejects.toThrow(killed.message)
    breaking[Symbol.dispose]()
    expect(await machine.start()).toMatchObject({ because: 'no state on disk' })
    await machine.fold('a', 'b')
  })
})

describe('the changelog is read from its beginning', () => {
  beforeEach(() => machine.fold('a', 'b', 'a'))

  test.each([
    {
      when: 'the file was cut off',
      damage: () => writeFileSync(machine.path, readFileSync(machine.path).subarray(0, 5000)),
    },
    { when: 'the file is something else', damage: () => writeFileSync(machine.path, 'garbage') },
    { when: 'the file is gone', damage: () => rmSync(machine.path) },
    { when: 'the topic was made anew', damage: () => (machine.topicId = 'another topic') },
    { when: 'deletions may be gone from it', damage: () => (machine.nowMs += DAY_MS) },
  ])('when $when, and the state is as it was', async ({ damage }) => {
    machine.worker[Symbol.dispose]()
    damage()
    const restored = await machine.start()
    expect(restored.because).not.toBeNull()
    await machine.fold('b', 'a', 'c')
  })

  test('when what another machine deleted is gone from it too: it stays deleted', async () => {
    await machine.start(foldDeps(codec, machine.log).states)
    await machine.forget(['a'])
    machine.nowMs += DAY_MS
    machine.log.compact()
    await machine.start()
    await machine.fold('a', 'b')
  })

  test('when it ends before the state on disk: the broker has lost what the disk still has', async () => {
    await machine.start()
    await machine.fold('a')
    await machine.start()
    machine.worker[Symbol.dispose]()
    const shorter = new Machine()
    await shorter.start()
    await shorter.fold('x')
    shorter.worker[Symbol.dispose]()
    writeFileSync(shorter.path, readFileSync(machine.path))
    expect(await shorter.start()).toMatchObject({ because: 'the changelog ends before the state on disk' })
    await shorter.fold('x', 'a')
    shorter[Symbol.dispose]()
  })
})

test('a file that is damaged while it is used ends the process, and poisons no record', async () => {
  const damaged = new SpoilerError('SPL_STATE_DAMAGED', 'reading', { onError: 'exit' })
  const open: StateFiles['open'] = async (identity) => {
    const file = await machine.states.open(identity)
    file.get = () => {
      throw damaged
    }
    return file
  }
  await machine.start({ open })
  await expect(machine.compute(['a'])).rejects.toBe(damaged)
})

test('a disk that is full holds the next batch back, until it has taken the one before', async () => {
  let isFull = false
  const open: StateFiles['open'] = async (identity) => {
    const file = await machine.states.open(identity)
    const write = file.write.bind(file)
    file.write = (...args) => {
      if (isFull) throw new SpoilerError('SPL_STATE_UNAVAILABLE', 'writing', { onError: 'retry' })
      write(...args)
    }
    return file
  }
  await machine.start({ open })
  isFull = true
  await machine.fold('a', 'b')
  await expect(machine.compute(['a'])).rejects.toThrow('SPL_STATE_UNAVAILABLE')
  machine.worker.discard()
  await expect(machine.compute(['a'])).rejects.toThrow('SPL_STATE_UNAVAILABLE')
  isFull = false
  await machine.fold('a')
  expect(await machine.start()).toMatchObject({ because: null })
  await machine.fold('a', 'b')
})

test('two processes of one name do not share a file: the second restores its own, and both fold right', async () => {
  await machine.fold('a', 'b')
  const first = machine.worker
  machine.worker = new FoldWorker(tally, { ...foldDeps(codec, machine.log), states: machine.states })
  await machine.worker.restore(P2)
  await machine.fold('a') // the second has fenced the first, whose last batch was the one before
  first[Symbol.dispose]()
  expect(await machine.start()).toMatchObject({ because: null })
  await machine.fold('a', 'b')
})

const user = fc.constantFrom('a', 'b', 'c', 'd')
const steps = fc.array(
  fc.record({
    users: fc.array(user, { minLength: 1, maxLength: 5 }),
    outcome: fc.constantFrom('commit', 'commit', 'abort', 'forget', 'killed at the commit', 'restart', 'elsewhere'),
    then: fc.constantFrom('nothing', 'nothing', 'minutes', 'compaction', 'days, compaction'),
  }),
  { maxLength: 14 },
)

const OUTCOMES: Readonly<Record<string, (on: Machine, users: readonly string[]) => Promise<unknown>>> = {
  commit: (on, users) => on.fold(...users),
  abort: async (on, users) => {
    const { changes } = await on.compute(users)
    on.log.abort(changes)
    on.worker.discard()
  },
  'killed at the commit': async (on, users) => {
    await on.makeVisible(users)
    await on.start()
  },
  restart: (on) => on.start(),
  forget: (on, users) => on.forget(users),
  // and there it stays until a restart
  elsewhere: (on) => on.start(foldDeps(codec, on.log).states),
}

test('state on disk is that of the changelog, whatever was aborted, killed, compacted or folded elsewhere', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      using on = new Machine()
      await on.start()
      for (const { users, outcome, then } of taken) {
        await OUTCOMES[outcome]?.(on, users)
        if (then === 'minutes') on.nowMs += 2 * MINUTE_MS
        if (then === 'days, compaction') on.nowMs += 2 * DAY_MS
        if (then.endsWith('compaction')) on.log.compact(then === 'compaction' ? 'kept' : 'forgotten')
      }
      await on.start()
      await on.fold('a', 'b', 'c', 'd')
    }),
    { seed: 73, numRuns: 60 },
  )
})
