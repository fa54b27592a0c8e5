import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ExternalSort } from '../../../platform/external-sort.ts'

const folder = mkdtempSync(join(tmpdir(), 'external-sort-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Item {
  readonly key: string
  readonly payload: string
}

function sorted(items: readonly Item[], runBytes: number): Item[] {
  using sort = new ExternalSort(folder, runBytes)
  for (const { key, payload } of items) sort.add(key, Buffer.from(payload))
  const walk = (): Item[] => [...sort.sorted()].map(({ key, payload }) => ({ key, payload: payload.toString() }))
  const first = walk()
  expect(walk()).toEqual(first) // as often as wanted
  return first
}

const item = fc.record({
  key: fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', '0') }),
  payload: fc.string({ maxLength: 60 }),
})

test('gives every record, by key, equal keys in the order they came, for any number of runs', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 120 }), fc.integer({ min: 260, max: 4000 }), (items, runBytes) => {
      const expected = items.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)) // stable
      expect(sorted(items, runBytes)).toEqual(expected)
    }),
    { seed: 5 },
  )
})

test('two walks at once do not disturb each other', () => {
  using sort = new ExternalSort(folder, 300)
  const keys = Array.from({ length: 50 }, (_, i) => String((i * 7) % 50).padStart(2, '0'))
  for (const key of keys) sort.add(key, Buffer.from(`payload of ${key}`))
  const walked: string[] = []
  for (const { key, payload } of sort.sorted()) {
    expect([...sort.sorted()].map((record) => record.key)).toEqual(keys.toSorted())
    expect(payload.toString()).toBe(`payload of ${key}`)
    walked.push(key)
  }
  expect(walked).toEqual(keys.toSorted())
})

test('records larger than the read buffer survive the disk', () => {
  const items = ['c', 'a', 'b'].map((key) => ({ key, payload: key.repeat(300_000) }))
  expect(sorted(items, 400_000).map(({ key, payload }) => [key, payload.length])).toEqual([
    ['a', 300_000],
    ['b', 300_000],
    ['c', 300_000],
  ])
})

test('leaves no file behind, not even while it sorts', () => {
  using sort = new ExternalSort(folder, 300)
  for (let i = 0; i < 50; i++) sort.add(String(i % 7), Buffer.from('x'.repeat(100)))
  const records = sort.sorted()
  expect(records.next().value).toMatchObject({ key: '0' })
  expect(readdirSync(folder)).toEqual([])
})

test('a record larger than a run is refused', () => {
  using sort = new ExternalSort(folder, 100)
  expect(() => sort.add('k', Buffer.alloc(100))).toThrow(RangeError)
})
