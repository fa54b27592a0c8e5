import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeTimestamp, decodeValue, encodeTimestamp, encodeValue } from '../../../connectors/feast-values.ts'
import type { FeatureValue } from '../../../connectors/feast-values.ts'

// Vectors made with Feast 0.67's own Python code, but for the two marked ones, which are protobuf by hand.
test.each<{ value: FeatureValue; hex: string }>([
  { value: { type: 'string', value: 'abc' }, hex: '1203616263' },
  { value: { type: 'int64', value: -1n }, hex: '20ffffffffffffffffff01' },
  { value: { type: 'int64', value: 0n }, hex: '2000' },
  { value: { type: 'double', value: 0.5 }, hex: '29000000000000e03f' },
  { value: { type: 'stringList', value: ['a', 'b'] }, hex: '62060a01610a0162' },
  { value: { type: 'unset' }, hex: '' },
  { value: { type: 'bytes', value: Buffer.from([7]) }, hex: '0a0107' }, // by hand
  { value: { type: 'stringList', value: [] }, hex: '6200' }, // by hand
])('$value has the bytes $hex', ({ value, hex }) => {
  expect(encodeValue(value).toString('hex')).toBe(hex)
  expect(decodeValue(Buffer.from(hex, 'hex'))).toEqual(value)
})

test.each([
  { at: '2024-01-02T03:04:05.678Z', hex: '08a5facdac061080eba5c302' },
  { at: '2024-01-02T03:04:05Z', hex: '08a5facdac06' },
  { at: '1970-01-01T00:00:00Z', hex: '' },
])('timestamp $at has the bytes that Feast writes', ({ at, hex }) => {
  expect(encodeTimestamp(Date.parse(at)).toString('hex')).toBe(hex)
})

test('a time before 1970 has negative seconds and nanoseconds that count forward', () => {
  // -1 s + 999,000,000 ns
  expect(encodeTimestamp(-1).toString('hex')).toBe('08ffffffffffffffffff0110c08faedc03')
})

test('values come back from their bytes', () => {
  const values: fc.Arbitrary<FeatureValue> = fc.oneof(
    fc.record({ type: fc.constant('double' as const), value: fc.double() }),
    fc.record({ type: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
    fc.record({ type: fc.constant('int64' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
    fc.record({ type: fc.constant('stringList' as const), value: fc.array(fc.string({ unit: 'grapheme' })) }),
  )
  fc.assert(
    fc.property(values, (value) => {
      expect(decodeValue(encodeValue(value))).toEqual(value)
    }),
    { seed: 13 },
  )
})

test('times come back from their bytes, also those before 1970', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (timestampMs) => {
      expect(decodeTimestamp(encodeTimestamp(timestampMs))).toBe(timestampMs)
    }),
    { seed: 14 },
  )
})

test.each([Number.NaN, 0.5, -62_135_596_800_001, 253_402_300_800_000])('%d ms is refused', (timestampMs) => {
  expect(() => encodeTimestamp(timestampMs)).toThrow(RangeError)
})

test.each([
  { name: 'a cut double', hex: '290000' },
  { name: 'a type that we never write', hex: '3801' },
  { name: 'two values', hex: '20002000' },
  { name: 'an endless varint', hex: `20${'ff'.repeat(11)}` },
  { name: 'a list of numbers', hex: '62020801' },
])('$name is refused', ({ hex }) => {
  expect(() => decodeValue(Buffer.from(hex, 'hex'))).toThrow(RangeError)
})
