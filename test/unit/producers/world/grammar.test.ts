import { expect, test } from 'vitest'
import { Grammar } from '../../../../producers/world/grammar.ts'
import { SeededRandom } from '../../../../stats/random.ts'

test('expands symbols and slots, and gives every alternative its turn', () => {
  const grammar = new Grammar({ line: ['{who} met {@other}', 'nobody came'], who: ['Ada', 'Ida'] })
  const random = new SeededRandom(1)
  const seen = new Set(Array.from({ length: 100 }, () => grammar.sentence('line', random, { other: 'Una' })))
  expect([...seen].sort()).toEqual(['Ada met Una', 'Ida met Una', 'Nobody came'])
})

test.each([
  ['a symbol that does not exist', () => new Grammar({ a: ['{b}'] }), /there is no b/],
  ['a symbol declared twice', () => new Grammar({ a: ['x'] }, { a: ['y'] }), /a is declared twice/],
  ['a symbol without alternative', () => new Grammar({ a: [] }), /a has no alternative/],
  [
    'a slot without value',
    () => new Grammar({ a: ['{@b}'] }).expand('a', new SeededRandom(1), {}),
    /slot b has no value/,
  ],
])('%s is refused', (_name, use, message) => {
  expect(use).toThrow(message)
})
