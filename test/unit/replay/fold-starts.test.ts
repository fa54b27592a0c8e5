import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FoldStarts, type FoldStart } from '../../../replay/fold-starts.ts'
import { SNAPSHOT_CODE, SNAPSHOT_PARTITION, SnapshotWorld } from '../../support/snapshot-world.ts'
import { tally } from '../../support/tally-processor.ts'

const RECORDS = 45
/** Kept at these offsets, if a fold folds so many records. */
const SNAPSHOTS = [11, 21, 31, 41]

let world: SnapshotWorld
let leftOut: string[]
let sent: string[]
beforeEach(async () => {
  world = new SnapshotWorld()
  leftOut = []
  const taker = world.takerOf()
  using worker = world.worker(taker)
  await worker.restore(SNAPSHOT_PARTITION)
  sent = []
  for (let from = 0; from < RECORDS; from += 5) {
    sent.push(...(await world.fold(worker, from, from + 5)))
    await taker.settled()
  }
})
afterEach(() => {
  world[Symbol.dispose]()
})

interface Changed {
  readonly low?: number
  readonly code?: string
  readonly ofAnyCode?: boolean
  readonly topicId?: string
}

function starts({ low = 0, code = SNAPSHOT_CODE, ofAnyCode = false, topicId = 'T' }: Changed = {}): FoldStarts {
  const logs = [0, 1, 2].map((partition) => ({ topic: 'review-labels', partition, from: low, to: RECORDS }))
  return new FoldStarts({
    processor: tally as never,
    input: { topic: 'review-labels', topicId, logs },
    ...{ code, ofAnyCode, codec: world.codec, snapshots: world.snapshots, workFolder: world.folder },
    onUnusable: ({ why }) => leftOut.push(why),
  })
}

async function offsetOf(from: number, changed?: Changed): Promise<number> {
  const { offset, state } = await starts(changed).before({ partition: 2, from })
  state?.file[Symbol.dispose]()
  return offset
}

/** What a fold sends that begins there. */
async function foldedFrom({ offset, state }: FoldStart): Promise<string[]> {
  const files = state === null ? undefined : { open: () => Promise.resolve(state.file) }
  using worker = world.worker(undefined, files, state?.snapshot.position.changelogOffset)
  const applied = await worker.restore(SNAPSHOT_PARTITION)
  expect(applied?.offset ?? 0).toBe(offset)
  return await world.fold(worker, offset, RECORDS)
}

const keyOf = (offset: number, file: string): string =>
  [...world.store.objects.keys()].find(
    (key) => key.includes(`/${String(offset).padStart(16, '0')}-`) && key.endsWith(file),
  ) ?? expect.unreachable()

describe('a fold begins', () => {
  test.each([0, 1, 10, 11, 20, 21, 30, 31, 44])(
    'at the newest snapshot at or before offset %i, and sends what one sends that began at offset 0',
    async (from) => {
      const start = await starts().before({ partition: 2, from })
      expect(start.offset).toBe(SNAPSHOTS.findLast((offset) => offset <= from) ?? 0)
      expect(await foldedFrom(start)).toEqual(sent.slice(start.offset * 2))
      expect(leftOut).toEqual([])
    },
  )

  test.each<[string, () => void]>([
    ['a byte of it is another', () => damage('.zst', (bytes) => bytes.with(200, (bytes[200] ?? 0) ^ 1))],
    ['it ends early', () => damage('.zst', (bytes) => bytes.slice(0, 300))],
    ['a part of it is gone', () => world.store.objects.delete(keyOf(31, '.zst'))],
    ['it is another snapshot', () => damage('.zst', () => world.store.objects.get(keyOf(21, '.zst')))],
    [
      'it claims another offset',
      () =>
        edit(31, (manifest) => ({ ...manifest, position: { ...(manifest['position'] as object), appliedOffset: 32 } })),
    ],
    [
      'its values have other schemas',
      () =>
        edit(31, (manifest) => ({
          ...manifest,
          state: { ...(manifest['state'] as object), schemaIds: { counts: 99, positions: 98 } },
        })),
    ],
    ['it is of another fold', () => edit(31, (manifest) => ({ ...manifest, processor: 'other' }))],
    ['it is of another topic', () => edit(31, (manifest) => ({ ...manifest, topicId: 'U' }))],
    [
      'it is of another partition',
      () => edit(31, (manifest) => ({ ...manifest, state: { ...(manifest['state'] as object), partition: 1 } })),
    ],
    ['other code has made it', () => edit(31, (manifest) => ({ ...manifest, code: 'other' }))],
  ])('at the next older one when %s', async (_, spoil) => {
    spoil()
    const start = await starts().before({ partition: 2, from: 35 })
    expect(start.offset).toBe(21)
    expect(leftOut).toHaveLength(1)
    expect(await foldedFrom(start)).toEqual(sent.slice(21 * 2))
  })

  test('at the next older one when a manifest cannot be read', async () => {
    world.store.objects.set(keyOf(31, '.json'), Buffer.from('{'))
    expect(await offsetOf(35)).toBe(21)
  })

  test('at offset 0 when other code has made all of them, or the topic was made anew; unless that is wanted', async () => {
    expect(await offsetOf(44, { code: 'code of tomorrow' })).toBe(0)
    expect(leftOut).toEqual(SNAPSHOTS.map(() => 'other code has made it (--any-code takes it)'))
    expect(await offsetOf(44, { code: 'code of tomorrow', ofAnyCode: true })).toBe(41)
    expect(await offsetOf(44, { topicId: 'made anew' })).toBe(0)
  })

  test('at offset 0 when the store is down', async () => {
    world.store.onRequest = () => 'down'
    expect(await offsetOf(44)).toBe(0)
    expect(leftOut).toEqual([expect.stringContaining('SPL_S3_UNAVAILABLE')])
  })
})

describe('a log that has lost its beginning', () => {
  test('is folded from a snapshot behind it', async () => {
    expect(await offsetOf(35, { low: 25 })).toBe(31)
    expect(await offsetOf(31, { low: 31 })).toBe(31)
  })

  test('is refused when none stands in, with why, and from where on it would do', async () => {
    const refused = starts({ low: 22 }).before({ partition: 2, from: 30 })
    await expect(refused).rejects.toThrow(/SPL_REPLAY_RANGE/)
    await expect(refused).rejects.toThrow(/review-labels\/2 again from offset 30: its log begins at offset 22/)
    await expect(refused).rejects.toThrow(/at 41: it lies behind the first offset/)
    await expect(refused).rejects.toThrow(/at 21: the log has lost what follows it/)
    await expect(refused).rejects.toThrow(/Begin at it: --from 2:31$/)
  })

  test('is refused before anything is folded, also for what a look at the manifests tells', async () => {
    const other = starts({ low: 22, code: 'other' })
    await expect(other.assertBefore([{ partition: 2, from: 35 }])).rejects.toThrow(/at 31: other code has made it/)
    await expect(starts({ low: 22 }).assertBefore([{ partition: 2, from: 35 }])).resolves.toBeUndefined()
    await expect(starts({ low: 22 }).assertBefore([{ partition: 1, from: 35 }])).rejects.toThrow(/there is none/)
  })

  test('is refused when the only one that would do is damaged', async () => {
    world.store.objects.delete(keyOf(31, '.zst'))
    await expect(starts({ low: 25 }).before({ partition: 2, from: 35 })).rejects.toThrow(/at 31: .*is missing/)
  })

  test('is refused when the store does not answer, and the error says so', async () => {
    world.store.onRequest = () => 'down'
    await expect(starts({ low: 22 }).before({ partition: 2, from: 35 })).rejects.toThrow(
      /^SPL_REPLAY_RANGE.*SPL_S3_UNAVAILABLE/s,
    )
  })
})

function damage(file: string, change: (bytes: Uint8Array) => Uint8Array | undefined): void {
  const key = keyOf(31, file)
  world.store.objects.set(key, change(world.store.objects.get(key) ?? expect.unreachable()) ?? expect.unreachable())
}

function edit(offset: number, change: (manifest: Record<string, unknown>) => object): void {
  const key = keyOf(offset, '.json')
  const manifest = JSON.parse(Buffer.from(world.store.objects.get(key) as Uint8Array).toString()) as Record<
    string,
    unknown
  >
  world.store.objects.set(key, Buffer.from(JSON.stringify(change(manifest))))
}
