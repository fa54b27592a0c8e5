import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSpace } from '../../../features/characters.ts'
import { eachWord, lowerCase, stem } from '../../../features/words.ts'

function wordsOf(text: string): string[] {
  const words: string[] = []
  eachWord(text, 0, text.length, (start, end) => words.push(text.slice(start, end)))
  return words
}

test.each([
  { text: "I won't tell, it's 2 good", expected: ['I', "won't", 'tell', "it's", '2', 'good'] },
  { text: 'she’ll ‘quote’ dogs’ spoiler-free', expected: ['she’ll', 'quote', 'dogs', 'spoiler', 'free'] },
  { text: 'Amélie naïve Ærø Дом Ελλάδα עברית', expected: ['Amélie', 'naïve', 'Ærø', 'Дом', 'Ελλάδα', 'עברית'] },
  { text: '他死了。ok電影', expected: ['他', '死', '了', 'ok', '電', '影'] },
  { text: '×÷¡¿„“—–…«»‹›、。，！（）؟،।☺→€', expected: [] },
  { text: 'a😀b\ud83d', expected: ['a', 'b'] },
  { text: '', expected: [] },
])('words of $text', ({ text, expected }) => {
  expect(wordsOf(text)).toEqual(expected)
})

test('in scripts that Unicode calls letters or digits nothing is lost, and punctuation is never a word', () => {
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    const character = String.fromCharCode(unit)
    const isLetter = /[\p{L}\p{Nd}]/u.test(character)
    const isWord = wordsOf(character).length > 0
    const isCommon = unit < 0x600 || (unit >= 0x3040 && unit < 0xd7a4)
    if (isCommon && isLetter) expect(isWord, unit.toString(16)).toBe(true)
    if (unit < 0x300 && isWord) expect(/[\p{L}\p{Nd}\p{Sk}\p{Lm}]/u.test(character), unit.toString(16)).toBe(true)
  }
})

test('what JavaScript trims is space', () => {
  for (let unit = 0x20; unit <= 0xffff; unit += 1) {
    const trimmed = String.fromCharCode(unit).trim() === ''
    if (unit !== 0x85) expect(isSpace(unit), unit.toString(16)).toBe(trimmed)
  }
})

test('words lie in order inside the range asked for, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(), (text, a, b) => {
      const from = a % (text.length + 1)
      const to = from + (b % (text.length + 1 - from))
      let behind = from
      eachWord(text, from, to, (start, end) => {
        expect(start).toBeGreaterThanOrEqual(behind)
        expect(end).toBeGreaterThan(start)
        behind = end
      })
      expect(behind).toBeLessThanOrEqual(to)
    }),
    { seed: 5, numRuns: 500 },
  )
})

test('lower case keeps every unit at its place', () => {
  expect(lowerCase('İSTANBUL DIES')).toBe('İstanbul dies')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(lowerCase(text)).toHaveLength(text.length)
    }),
    { seed: 5 },
  )
})

test.each([
  ['kill', 'kills', 'killed', 'killing'],
  ['story', 'stories'],
  ['movie', 'movies', "movie's"],
  ['escape', 'escapes', 'escaped', 'escaping'],
  ['andy', "andy's", 'andy’s'],
  ['boss'],
  ['die', 'dies'],
])('%s and its forms have one stem', (...forms) => {
  expect(new Set(forms.map(stem)).size).toBe(1)
})

test.each(['die', 'red', 'ring', 'bed', 'sing', 'as', 'i'])('%s, being short, is its own stem', (word) => {
  expect(stem(word)).toBe(word)
})
