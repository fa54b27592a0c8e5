import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Compared, RecordComparison, type Side } from '../../../../replay/verify/compare-records.ts'

type Added = readonly [side: Side, name: string, value: string]

function compare(added: readonly Added[]) {
  using comparison = new RecordComparison(tmpdir())
  for (const [offset, [side, name, value]] of added.entries())
    comparison.add(side, { name, value: Buffer.from(value), position: { partition: 1, offset } })
  return [...comparison.differences()].map(({ name, missing, unexpected }) => ({
    name,
    missing: missing.map(text),
    unexpected: unexpected.map(text),
  }))
}

function text({ value, position: { partition, offset } }: Compared): string {
  return `${value.toString()} at ${partition}/${offset}`
}

test.each<[string, readonly Added[], ReturnType<typeof compare>]>([
  [
    'equal records',
    [
      ['required', 'a', 'x'],
      ['live', 'a', 'x'],
    ],
    [],
  ],
  [
    'a record that was made of what lies beside the range',
    [
      ['possible', 'a', 'x'],
      ['live', 'a', 'x'],
    ],
    [],
  ],
  ['nothing live of what lies beside the range', [['possible', 'a', 'x']], []],
  [
    'a live record of unknown source that is made again, and one that is not',
    [
      ['required', 'a', 'x'],
      ['unplaced', 'a', 'x'],
      ['unplaced', 'b', 'y'],
    ],
    [],
  ],
  [
    'a live record of unknown source with another content than what is made again',
    [
      ['required', 'a', 'x'],
      ['unplaced', 'a', 'y'],
    ],
    [{ name: 'a', missing: ['x at 1/0'], unexpected: [] }],
  ],
  ['nothing live', [['required', 'a', 'x']], [{ name: 'a', missing: ['x at 1/0'], unexpected: [] }]],
  ['a live record that nobody makes', [['live', 'é', 'x']], [{ name: 'é', missing: [], unexpected: ['x at 1/0'] }]],
  [
    'another content',
    [
      ['required', 'a', 'x'],
      ['live', 'a', 'y'],
    ],
    [{ name: 'a', missing: ['x at 1/0'], unexpected: ['y at 1/1'] }],
  ],
  [
    'a record that is live twice',
    [
      ['required', 'a', 'x'],
      ['live', 'a', 'x'],
      ['live', 'a', 'x'],
    ],
    [{ name: 'a', missing: [], unexpected: ['x at 1/2'] }],
  ],
  [
    'a record that is live once instead of twice',
    [
      ['required', 'a', 'x'],
      ['required', 'a', 'x'],
      ['live', 'a', 'x'],
    ],
    [{ name: 'a', missing: ['x at 1/1'], unexpected: [] }],
  ],
  [
    'equal content under another name',
    [
      ['required', 'a', 'x'],
      ['live', 'b', 'x'],
      ['required', 'b', 'x'],
    ],
    [{ name: 'a', missing: ['x at 1/0'], unexpected: [] }],
  ],
])('%s', (_, added, expected) => {
  expect(compare(added)).toEqual(expected)
})

test('any records in any order: only counts of equal ones matter', () => {
  const record = fc.tuple(
    fc.constantFrom<Side>('required', 'possible', 'live'),
    fc.constantFrom('a', 'b', 'c'),
    fc.constantFrom('x', 'y'),
  )
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), (added) => {
      const count = (side: Side, name: string, value: string): number =>
        added.filter(([s, n, v]) => s === side && n === name && v === value).length
      const sum = (of: 'missing' | 'unexpected'): number =>
        compare(added).reduce((total, difference) => total + difference[of].length, 0)
      const pairs = ['a', 'b', 'c'].flatMap((name) => ['x', 'y'].map((value) => [name, value] as const))
      const [missing, unexpected] = pairs.reduce<readonly [number, number]>(
        ([m, u], [name, value]) => {
          const [required, possible, live] = [
            count('required', name, value),
            count('possible', name, value),
            count('live', name, value),
          ]
          return [m + Math.max(0, required - live), u + Math.max(0, live - required - possible)] as const
        },
        [0, 0],
      )
      expect([sum('missing'), sum('unexpected')]).toEqual([missing, unexpected])
    }),
    { seed: 11, numRuns: 200 },
  )
})
