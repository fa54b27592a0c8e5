import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StoreFault } from '../../support/memory-object-store.ts'
import { SNAPSHOT_PARTITION, SnapshotWorld } from '../../support/snapshot-world.ts'

let world: SnapshotWorld
beforeEach(() => {
  world = new SnapshotWorld()
})
afterEach(() => {
  world[Symbol.dispose]()
})

const offsetsKept = async (): Promise<number[]> =>
  (await world.snapshots.list(world.source)).map(({ position }) => position.appliedOffset)

describe('a snapshot', () => {
  test('is taken whenever append time passes a multiple of the interval, at exactly that offset', async () => {
    const taker = world.takerOf()
    using worker = world.worker(taker)
    await worker.restore(SNAPSHOT_PARTITION)
    await world.fold(worker, 0, 35)
    await taker.settled()
    // the record of offset 10 is the first of its interval, and in the copy
    expect(world.told.filter((line) => line.startsWith('copied'))).toEqual(['copied 11', 'copied 21', 'copied 31'])
    expect((await offsetsKept())[0]).toBe(31)
    expect(readdirSync(world.folder)).toEqual([])
  })

  test('is not taken again by a process that begins anew in the same interval', async () => {
    using worker = world.worker(undefined)
    await worker.restore(SNAPSHOT_PARTITION)
    await world.fold(worker, 0, 15)
    const taker = world.takerOf()
    taker.committed(2, { streamTimeMs: 15, copyTo: () => expect.unreachable() }, 14)
    taker.committed(2, { streamTimeMs: 15, copyTo: () => expect.unreachable() }, -Infinity)
    await taker.settled()
    expect(world.told).toEqual([])
  })

  test('that cannot be copied is told and left out: the fold goes on', async () => {
    const taker = world.takerOf()
    const copyTo = () => {
      throw new RangeError('no room')
    }
    taker.committed(2, { streamTimeMs: 25, copyTo }, 14)
    taker.committed(2, { streamTimeMs: 35, copyTo: () => null }, 25)
    await taker.settled()
    expect(world.told).toEqual(['failed RangeError: no room'])
    expect(readdirSync(world.folder)).toEqual([])
  })
})

describe('a store that is down', () => {
  const fold = async (faults: StoreFault[]): Promise<void> => {
    world.store.onRequest = () => faults.shift() ?? 'none'
    const taker = world.takerOf()
    using worker = world.worker(taker)
    await worker.restore(SNAPSHOT_PARTITION)
    await world.fold(worker, 0, 15)
    await taker.settled()
  }

  test('is waited for, and the fold does not notice', async () => {
    await fold(['down', 'down', 'none', 'reply lost', 'down'])
    expect(world.told.filter((line) => line.startsWith('waiting')).length).toBeGreaterThanOrEqual(3)
    expect(world.told.at(-1)).toBe('kept 11')
    expect(new Set(await offsetsKept())).toEqual(new Set([11]))
  })

  test('keeps only the newest copy of a partition waiting', async () => {
    let isDown = true
    world.store.onRequest = () => (isDown ? 'down' : 'none')
    const taker = world.takerOf()
    using worker = world.worker(taker)
    await worker.restore(SNAPSHOT_PARTITION)
    await world.fold(worker, 0, 45)
    isDown = false
    await taker.settled()
    const kept = await offsetsKept() // the first one may have been under way
    expect(kept.filter((offset) => offset !== 11)).toEqual([41])
  })

  test('is not waited for by a component that ends', async () => {
    world.store.onRequest = () => 'down'
    const taker = world.takerOf()
    using worker = world.worker(taker)
    await worker.restore(SNAPSHOT_PARTITION)
    await world.fold(worker, 0, 15)
    world.stop()
    await taker.settled()
    expect(world.told.some((line) => line.startsWith('kept'))).toBe(false)
  })
})
