import { expect, test } from 'vitest'
import { bytesPreview, plainValue, recordLine, recordText } from '../../../cli/record-text.ts'

const NOT_TEXT = Buffer.from([0xff, 0xfe, 0x00])
const record = {
  topic: 'reviews',
  partition: 3,
  offset: 41,
  key: Buffer.from('u1'),
  value: NOT_TEXT,
  appendedAtMs: Date.UTC(2026, 0, 2),
  headers: [],
}

test('a decoded record carries its position, and bytes in it tell how they are written', () => {
  const line = recordLine(record, {
    value: { id: 'r1', text: Buffer.from('é'), raw: NOT_TEXT, list: [NOT_TEXT, null] },
  })
  expect(line).toEqual({
    topic: 'reviews',
    partition: 3,
    offset: 41,
    appendedAt: '2026-01-02T00:00:00.000Z',
    key: 'u1',
    value: { id: 'r1', text: { utf8: 'é' }, raw: { base64: '//4A' }, list: [{ base64: '//4A' }, null] },
  })
  expect(JSON.parse(JSON.stringify(line))).toEqual(line)
})

test('poison is shown with its code and all of its bytes', () => {
  const line = recordLine(record, { poison: 'SPL_AVRO_INVALID', cause: 'only 3 bytes' })
  expect(line.poison).toEqual({ code: 'SPL_AVRO_INVALID', cause: 'only 3 bytes', bytes: { base64: '//4A' } })
  expect(line).not.toHaveProperty('value')
  expect(recordText(line)).toBe(
    '2026-01-02T00:00:00.000Z 3/41 u1 POISON SPL_AVRO_INVALID: only 3 bytes {"base64":"//4A"}',
  )
})

test('a record that is not decoded shows its key and size, and stays one line', () => {
  const line = recordLine({ ...record, key: Buffer.from('users\u001eu1') }, undefined)
  expect(recordText(line)).toBe('2026-01-02T00:00:00.000Z 3/41 users␞u1 (3 bytes)')
})

test('a missing key and a value of null are told apart from empty ones', () => {
  expect(recordLine({ ...record, key: null }, { value: null })).toMatchObject({ key: null, value: null })
  expect(plainValue({ a: null, b: 0, c: '' })).toEqual({ a: null, b: 0, c: '' })
})

test('a preview of bytes is text where they are text, else hex, and is cut', () => {
  expect(bytesPreview(Buffer.from('{"a":\n1}'))).toBe('{"a": 1}')
  expect(bytesPreview(NOT_TEXT)).toBe('0xfffe00')
  expect(bytesPreview(null)).toBe('–')
  expect(bytesPreview(Buffer.from('x'.repeat(1000)), 10)).toBe('xxxxxxxxx…')
})
