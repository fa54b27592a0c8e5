import { expect, test } from 'vitest'
import { dueWriters, encodeWhatIsTooMuch } from '../../../connectors/offline-buffers.ts'

const MB = 1024 ** 2
const limits = { OFFLINE_FILE_RECORDS: 1000, OFFLINE_FILE_BYTES: 32 * MB, OFFLINE_FILE_MS: 60_000 }
const small = { records: 10, pendingBytes: 1000, encodedBytes: 1000, ageMs: 1000 }

test.each([
  { name: 'nothing while all are small and young', files: { a: {}, b: {} }, due: [] },
  { name: 'one that has enough records', files: { a: { records: 1000 }, b: {} }, due: ['a'] },
  { name: 'one that is large enough', files: { a: {}, b: { encodedBytes: 32 * MB } }, due: ['b'] },
  { name: 'one that is old enough', files: { a: { ageMs: 60_000 }, b: {} }, due: ['a'] },
  { name: 'never an empty one', files: { a: { records: 0, ageMs: 90_000 } }, due: [] },
  {
    name: 'the largest when all together are too much',
    files: { a: { encodedBytes: 10 * MB }, b: { encodedBytes: 13 * MB }, c: { encodedBytes: 11 * MB } },
    due: ['b'],
  },
])('closes $name', ({ files, due }) => {
  const writers = new Map(Object.entries(files).map(([name, file]) => [name, { ...small, ...file }]))
  expect(dueWriters(writers, limits)).toEqual(due)
})

test.each([
  { name: 'no row group while little is pending', pendingMb: [1, 2, 3], encoded: [] },
  { name: 'row groups that are full', pendingMb: [2, 4.5, 1], encoded: [1] },
  { name: 'the largest while all together are too much', pendingMb: [3.5, 3, 3.75, 3.5], encoded: [2] },
])('encodes $name', ({ pendingMb, encoded }) => {
  const done: number[] = []
  const writers = pendingMb.map((mb, i) => [String(i), { pendingBytes: mb * MB, encode: () => void done.push(i) }]) as [
    string,
    { pendingBytes: number; encode: () => void },
  ][]
  encodeWhatIsTooMuch(new Map(writers))
  expect(done).toEqual(encoded)
})
