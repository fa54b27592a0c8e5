import type { AvroSchema } from '../../platform/parquet-columns.ts'
import type { SeededRandom } from '../../stats/random.ts'

const TEXTS = ['', 'a', 'Rosebud was his sled.', 'Ünïcode 影 🎬', '{"json": "looks"}', 'a longer text '.repeat(20)]
const TIME_MS = 1_700_000_000_000

type Fields = readonly { readonly name: string; readonly type: AvroSchema }[]

/** A value of an Avro schema; longs named `…AtMs` are times of this century, other longs up to 2^53. */
export function randomAvro(schema: AvroSchema, random: SeededRandom): unknown {
  const named = new Map<string, Fields>()
  collectNames(schema, named)
  return randomOf(schema, random, named, '')
}

function collectNames(schema: AvroSchema, named: Map<string, Fields>): void {
  if (typeof schema === 'string') return
  if (Array.isArray(schema)) for (const branch of schema as readonly AvroSchema[]) collectNames(branch, named)
  else if ('fields' in schema) {
    named.set(`${schema.namespace ?? ''}.${schema.name}`, schema.fields)
    for (const { type } of schema.fields) collectNames(type, named)
  } else collectNames('items' in schema ? schema.items : (schema as { type: AvroSchema }).type, named)
}

function randomOf(schema: AvroSchema, random: SeededRandom, named: Map<string, Fields>, name: string): unknown {
  if (typeof schema === 'string') {
    const fields = named.get(schema)
    return fields === undefined ? randomPrimitive(schema, random, name) : randomRecord(fields, random, named)
  }
  if (Array.isArray(schema)) {
    const branches = schema as readonly AvroSchema[]
    return randomOf(branches[random.below(branches.length)] as AvroSchema, random, named, name)
  }
  if ('fields' in schema) return randomRecord(schema.fields, random, named)
  if ('items' in schema) return Array.from({ length: random.below(4) }, () => randomOf(schema.items, random, named, ''))
  return randomOf((schema as { type: AvroSchema }).type, random, named, name)
}

function randomRecord(fields: Fields, random: SeededRandom, named: Map<string, Fields>): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ name, type }) => [name, randomOf(type, random, named, name)]))
}

function randomPrimitive(type: string, random: SeededRandom, name: string): unknown {
  if (type === 'null') return null
  if (type === 'boolean') return random.chance(0.5)
  if (type === 'string') return TEXTS[random.below(TEXTS.length)]
  if (type === 'int') return random.uint32() | 0
  if (type === 'long') return name.endsWith('AtMs') ? TIME_MS + random.uint32() : random.uint32() * 2 ** 21
  return random.normal(0, 1e6)
}
