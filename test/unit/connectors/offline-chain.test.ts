import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChainWriter } from '../../../connectors/chain-writer.ts'
import { chainEnd, chainKey, type ChainLink, type ChainPlace, readChain } from '../../../connectors/offline-chain.ts'
import { parquetColumns } from '../../../platform/parquet-columns.ts'
import type { InputRecord } from '../../../platform/input-record.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { MemoryObjectStore, type StoreFault } from '../../support/memory-object-store.ts'
import { parquetRows } from '../../support/parquet-rows.ts'

const place: ChainPlace = { prefix: 'offline', lineage: 1, topic: 'reviews', partition: 3 }
const schema = {
  name: 'Word',
  id: 7,
  columns: parquetColumns({ type: 'record', name: 'Word', fields: [{ name: 'word', type: 'string' }] }),
}

/** Offsets of the records that a partition has, and where it ends: between them stand markers. */
interface Log {
  readonly offsets: readonly number[]
  readonly end: number
}

function record(offset: number): InputRecord {
  const bytes = Buffer.from(`word ${offset}`)
  return { topic: 'reviews', partition: 3, offset, key: null, value: bytes, appendedAtMs: offset, headers: [] }
}

/** Every fifth record cannot be decoded. */
const isPoison = (offset: number): boolean => offset % 5 === 4

function openWriter(store: MemoryObjectStore, first: number, availableFrom = first): ChainWriter {
  return new ChainWriter({ store, place, schema, first, availableFrom, nowMs: () => 0 })
}

/** Appends up to so many records, and moves to the end when there are no more. */
function readOn(writer: ChainWriter, log: Log, most: number): void {
  const next = log.offsets.filter((offset) => offset >= writer.position)
  for (const offset of next.slice(0, most)) {
    writer.append(record(offset), isPoison(offset) ? undefined : { word: `word ${offset}` })
  }
  if (next.length <= most) writer.advance(log.end)
}

async function links(store: MemoryObjectStore): Promise<ChainLink[]> {
  const found: ChainLink[] = []
  for await (const { link } of readChain(store, place)) found.push(link)
  return found
}

async function archivedOffsets(store: MemoryObjectStore): Promise<number[]> {
  const files = [...store.objects].sort(([a], [b]) => (a < b ? -1 : 1))
  const rows = await Promise.all(files.map(([, file]) => parquetRows(file, ['__offset'])))
  return rows.flat().map((row) => Number(row['__offset']))
}

interface Dice {
  /** 0 up to n, exclusive. */
  roll(n: number): number
}

/** One sink: opens the chain, reads, rotates at moments that nobody could foresee, until it is killed or done. */
async function runSink(store: MemoryObjectStore, log: Log, dice: Dice): Promise<void> {
  const writer = openWriter(store, await chainEnd(store, place))
  while (writer.position < log.end || writer.records > 0) {
    readOn(writer, log, 1 + dice.roll(4))
    const isDue = writer.records > 0 && (writer.position >= log.end || dice.roll(3) === 0)
    for (let isDone = !isDue; !isDone;) isDone = await rotated(writer, dice)
  }
}

/** A store that does not answer is asked again, unless the sink is killed just then. */
async function rotated(writer: ChainWriter, dice: Dice): Promise<boolean> {
  try {
    await writer.rotate()
    return true
  } catch (error) {
    if (dice.roll(2) === 0) throw error
    return false
  }
}

/** Its supervisor starts it again. */
async function superviseSink(store: MemoryObjectStore, log: Log, dice: Dice): Promise<void> {
  for (;;) {
    try {
      await runSink(store, log, dice)
      return
    } catch (error) {
      if (!(error instanceof SpoilerError)) throw error
    }
  }
}

describe('any number of sinks on one partition', () => {
  const logs = fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 25, size: 'max' })
    .map((steps): Log => {
      const offsets = steps.reduce<number[]>((all, step) => [...all, (all.at(-1) ?? -1) + step], [])
      return { offsets, end: (offsets.at(-1) as number) + 2 }
    })
  const faults = fc.array(fc.constantFrom<StoreFault[]>('none', 'none', 'down', 'reply lost'), { maxLength: 30 })
  const dice = fc.infiniteStream(fc.nat({ max: 1000 })).map((stream): Dice => ({
    roll: (n) => (stream.next().value as number) % n,
  }))

  test('leave a chain without gap or overlap with every record once, whatever is interleaved, lost or killed', async () => {
    const outcomes = { files: 0, crashes: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        logs,
        faults,
        fc.array(dice, { minLength: 1, maxLength: 3 }),
        async (s, log, ...rest) => {
          const [todo, sinks] = [[...rest[0]], rest[1]]
          const store = new MemoryObjectStore()
          store.onRequest = async (request) => {
            await s.schedule(Promise.resolve(), request)
            const fault = todo.shift() ?? 'none'
            if (fault !== 'none') outcomes.crashes += 1
            return fault
          }
          await s.waitFor(Promise.all(sinks.map((each) => superviseSink(store, log, each))))
          store.onRequest = () => 'none'
          const chain = await links(store)
          outcomes.files += chain.length
          expect(chain.at(-1)?.end).toBe(log.end)
          expect(await archivedOffsets(store)).toEqual(log.offsets.filter((offset) => !isPoison(offset)))
          const leftOut = chain.reduce((sum, link) => sum + link.leftOut, 0)
          expect(leftOut).toBe(log.offsets.filter(isPoison).length)
        },
      ),
      { numRuns: 200, seed: 20_261_121 },
    )
    expect(outcomes.files).toBeGreaterThan(300)
    expect(outcomes.crashes).toBeGreaterThan(300)
  })
})

describe('a rotation', () => {
  const log: Log = { offsets: [0, 1, 2, 5, 6, 7], end: 9 }

  test('ends where reading stands, markers behind the last record included', async () => {
    const store = new MemoryObjectStore()
    const writer = openWriter(store, 0)
    readOn(writer, log, 6)
    expect(await writer.rotate()).toMatchObject({ outcome: 'written', end: 9, count: 6 })
    expect(await links(store)).toEqual([
      {
        lineage: 1,
        topic: 'reviews',
        partition: 3,
        first: 0,
        end: 9,
        availableFrom: 0,
        count: 6,
        leftOut: 0,
        schema: 'Word',
        schemaId: 7,
      },
    ])
    expect([...store.objects.keys()]).toEqual(['offline/lineage=1/reviews/3/00000000000000000000.parquet'])
  })

  test('of a zombie adopts what others wrote meanwhile, all of it, and goes on at its end', async () => {
    const store = new MemoryObjectStore()
    const [zombie, heir] = [openWriter(store, 0), openWriter(store, 0)]
    readOn(zombie, log, 2)
    readOn(heir, log, 1)
    await heir.rotate()
    readOn(heir, log, 3)
    await heir.rotate()
    expect(await zombie.rotate()).toMatchObject({ outcome: 'adopted', end: 6 })
    readOn(zombie, log, 6)
    expect(await zombie.rotate()).toMatchObject({ outcome: 'written', end: 9, count: 2 })
    expect((await links(store)).map(({ first, end }) => [first, end])).toEqual([
      [0, 1],
      [1, 6],
      [6, 9],
    ])
  })

  test('whose reply was lost adopts its own file', async () => {
    const store = new MemoryObjectStore()
    const writer = openWriter(store, 0)
    readOn(writer, log, 6)
    store.onRequest = () => 'reply lost'
    await expect(writer.rotate()).rejects.toThrow('SPL_S3_UNAVAILABLE')
    store.onRequest = () => 'none'
    expect(await writer.rotate()).toMatchObject({ outcome: 'adopted', end: 9 })
    expect(await links(store)).toHaveLength(1)
  })

  test('says what retention had deleted before it was begun, and leaves no gap', async () => {
    const store = new MemoryObjectStore()
    const writer = openWriter(store, 0, 5)
    readOn(writer, log, 6)
    await writer.rotate()
    expect(await links(store)).toMatchObject([{ first: 0, availableFrom: 5, end: 9, count: 3 }])
  })

  test('leaves out what cannot be decoded and counts it', async () => {
    const store = new MemoryObjectStore()
    const writer = openWriter(store, 0)
    writer.append(record(0), undefined)
    await writer.rotate()
    expect(await links(store)).toMatchObject([{ first: 0, end: 1, count: 0, leftOut: 1 }])
  })
})

describe('a chain is broken', () => {
  async function threeFiles(): Promise<MemoryObjectStore> {
    const store = new MemoryObjectStore()
    const writer = openWriter(store, 0)
    for (let i = 0; i < 3; i += 1) {
      readOn(writer, { offsets: [0, 1, 2], end: 3 }, 1)
      await writer.rotate()
    }
    return store
  }
  const key = (first: number): string => chainKey(place, first)
  const file = (store: MemoryObjectStore, first: number): Uint8Array => store.objects.get(key(first)) as Uint8Array

  test.each<{ name: string; damage: (store: MemoryObjectStore) => void; says: string }>([
    {
      name: 'a lost file',
      damage: (s) => s.objects.delete(key(1)),
      says: 'gap: it begins at 2, the file before it ends at 1',
    },
    { name: 'a lost beginning', damage: (s) => s.objects.delete(key(0)), says: 'gap: it begins at 1' },
    { name: 'a renamed file', damage: (s) => s.objects.set(key(7), file(s, 2)), says: 'its footer says that it is' },
    { name: 'a cut file', damage: (s) => s.objects.set(key(1), file(s, 1).slice(0, 100)), says: key(1) },
    { name: 'a foreign file', damage: (s) => s.objects.set(`${key(1)}.bak`, new Uint8Array(50)), says: '.bak' },
  ])('by $name', async ({ damage, says }) => {
    const store = await threeFiles()
    expect(await links(store)).toHaveLength(3)
    damage(store)
    await expect(links(store)).rejects.toThrow(says)
    await expect(links(store)).rejects.toMatchObject({ code: 'SPL_CHAIN_BROKEN', onError: 'stop' })
  })

  test('by an overlap', async () => {
    const store = await threeFiles()
    const longer = new MemoryObjectStore()
    const writer = openWriter(longer, 1)
    readOn(writer, { offsets: [1, 2], end: 3 }, 2)
    await writer.rotate()
    store.objects.set(key(1), file(longer, 1))
    await expect(links(store)).rejects.toThrow('overlap: it begins at 2, the file before it ends at 3')
  })
})
