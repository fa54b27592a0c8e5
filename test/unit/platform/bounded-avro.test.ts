import avro from 'avsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundedType } from '../../../platform/bounded-avro.ts'

const FIELDS = [
  { name: 'names', type: { type: 'array', items: 'string' } },
  { name: 'grid', type: { type: 'array', items: { type: 'array', items: 'double' } } },
  { name: 'notes', type: { type: 'map', values: 'string' } },
  { name: 'choice', type: ['null', { type: 'array', items: 'long' }], default: null },
]
const SCHEMA = { type: 'record', name: 'Row', fields: FIELDS } as const

const finite = fc.double({ noNaN: true })
const rows = fc.record({
  names: fc.array(fc.string()),
  grid: fc.array(fc.array(finite)),
  notes: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  choice: fc.option(fc.array(fc.integer())),
})

test('values are read as avsc reads them, also through a writer schema of their own', () => {
  const type = boundedType(SCHEMA)
  const plain = avro.Type.forSchema(structuredClone(SCHEMA) as unknown as avro.Schema)
  const narrow = boundedType({ ...SCHEMA, fields: [...FIELDS.slice(0, 1), ...FIELDS.slice(3)] })
  const resolver = narrow.createResolver(type)
  fc.assert(
    fc.property(rows, (row) => {
      const bytes = plain.toBuffer(row)
      expect(type.fromBuffer(bytes)).toEqual(plain.fromBuffer(bytes))
      expect(narrow.fromBuffer(bytes, resolver)).toEqual({ names: row.names, choice: row.choice })
    }),
    { seed: 7 },
  )
})

/** Two billion, as Avro writes a long. */
const TWO_BILLION = [0x80, 0xd0, 0xac, 0xf3, 0x0e]

test.each([
  { name: 'an array', bytes: [...TWO_BILLION, 0] },
  { name: 'an array with its size in bytes', bytes: [0xff, 0xcf, 0xac, 0xf3, 0x0e, 2, 0] },
  { name: 'an array in an array', bytes: [0, 2, ...TWO_BILLION, 0] },
  { name: 'a map', bytes: [0, 0, ...TWO_BILLION, 0] },
])('$name that announces two billion items in ten bytes is refused at once', ({ bytes }) => {
  expect(() => boundedType(SCHEMA).fromBuffer(Buffer.from(bytes)) as unknown).toThrow('truncated buffer')
})

test('a field that only the writer knows is passed over as carefully', () => {
  const narrow = boundedType({ ...SCHEMA, fields: FIELDS.slice(3) })
  const resolver = narrow.createResolver(boundedType(SCHEMA))
  for (const bytes of [
    [...TWO_BILLION, 0],
    [0, 0, ...TWO_BILLION, 0],
  ]) {
    expect(() => narrow.fromBuffer(Buffer.from(bytes), resolver) as unknown).toThrow('truncated buffer')
  }
})

test('items that take no bytes are refused, since nothing would bound their number', () => {
  const nulls = boundedType({ type: 'array', items: 'null' })
  expect(() => nulls.fromBuffer(Buffer.from([...TWO_BILLION, 0])) as unknown).toThrow('truncated buffer')
})
