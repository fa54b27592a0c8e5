import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitSentences } from '../../../features/sentences.ts'

function sentencesOf(text: string): string[] {
  return splitSentences(text).map(({ start, end }) => text.slice(start, end))
}

test.each([
  { name: 'stops, marks and questions', text: 'He dies. Really! Why?', expected: ['He dies.', 'Really!', 'Why?'] },
  { name: 'titles', text: 'Mr. Smith met Dr. Who. They fought.', expected: ['Mr. Smith met Dr. Who.', 'They fought.'] },
  {
    name: 'abbreviations before small letters',
    text: 'Guns, cars, etc. are in it.',
    expected: ['Guns, cars, etc. are in it.'],
  },
  { name: 'initials', text: 'J. R. R. Tolkien wrote it. Good.', expected: ['J. R. R. Tolkien wrote it.', 'Good.'] },
  { name: 'I at the end', text: 'So did I. He left.', expected: ['So did I.', 'He left.'] },
  { name: 'numbers', text: 'A 7.5 of 10. Fine.', expected: ['A 7.5 of 10.', 'Fine.'] },
  { name: 'an ellipsis inside', text: 'And then... he dies.', expected: ['And then... he dies.'] },
  { name: 'an ellipsis at the end', text: 'And then… He dies.', expected: ['And then…', 'He dies.'] },
  { name: 'closing quotes', text: '"He dies." She cried.', expected: ['"He dies."', 'She cried.'] },
  { name: 'brackets', text: '(He dies.) She cried.', expected: ['(He dies.)', 'She cried.'] },
  { name: 'marks in a row', text: 'What?!! No.', expected: ['What?!!', 'No.'] },
  {
    name: 'a missing space',
    text: 'This is the end.Then it goes on.',
    expected: ['This is the end.', 'Then it goes on.'],
  },
  { name: 'an address', text: 'See imdb.com for it.', expected: ['See imdb.com for it.'] },
  { name: 'authors without capitals', text: 'i liked it. he dies.', expected: ['i liked it.', 'he dies.'] },
  { name: 'an empty line', text: 'one\n\ntwo', expected: ['one', 'two'] },
  { name: 'an empty line of spaces', text: 'one\n  \t\ntwo', expected: ['one', 'two'] },
  { name: 'a wrapped line', text: 'one\ntwo', expected: ['one\ntwo'] },
  { name: 'a line that begins anew', text: 'Pros\r\nGood cast\n- short', expected: ['Pros', 'Good cast', '- short'] },
  { name: 'ideographs', text: '他死了。真的！為什麼？', expected: ['他死了。', '真的！', '為什麼？'] },
  { name: 'emoji', text: 'Great 😀. Wow 😀', expected: ['Great 😀.', 'Wow 😀'] },
  { name: 'marks alone', text: ' ... ', expected: ['...'] },
  { name: 'nothing', text: ' \n ', expected: [] },
])('splits at $name', ({ text, expected }) => {
  expect(sentencesOf(text)).toEqual(expected)
})

const pieces = fc.constantFrom(
  'He',
  'mr',
  'J',
  '.',
  '..',
  '…',
  '!',
  '?',
  '"',
  ')',
  ' ',
  '\n',
  '\n\n',
  '。',
  '死',
  '😀',
  '\ud83d',
  '5',
  '\u3000',
)
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(pieces, { size: 'max', maxLength: 60 }).map((all) => all.join('')),
)

test('sentences of any text are ordered, do not overlap, and cover every character that is no space', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      let behind = 0
      for (const { start, end } of splitSentences(text)) {
        expect(text.slice(behind, start).trim()).not.toMatch(/[\p{L}\p{N}\p{P}\p{S}]/u)
        expect(start).toBeGreaterThanOrEqual(behind)
        expect(end).toBeGreaterThan(start)
        expect(text.slice(start, end)).toBe(text.slice(start, end).trim())
        behind = end
      }
      expect(text.slice(behind).trim()).not.toMatch(/[\p{L}\p{N}\p{P}\p{S}]/u)
    }),
    { seed: 11, numRuns: 2_000 },
  )
})

test('no text makes the splitter slow: cost is linear in the length', () => {
  for (const unit of ['.', '\n', ' ', 'a. ', '.\n', '\n ', '."', 'mr.', 'A.']) {
    const text = unit.repeat(50_000 / unit.length) + 'x'
    expect(splitSentences(text).at(-1)?.end, JSON.stringify(unit)).toBe(text.length)
  }
}, 2_000)
