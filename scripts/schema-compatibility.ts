// Whether a changed Avro schema still fits everything that was written with its earlier versions.
import avro from 'avsc'
import type { Compatibility } from '../schemas/topics.ts'

/** One released version of a record's schema. */
export interface SchemaVersion {
  readonly version: number
  readonly schema: unknown
}

/**
 * What breaks if `current` follows `versions`, one line each; empty when it is compatible.
 * Backward: the current schema reads what every version wrote. Full: every version also reads what the current one writes.
 * Aliases are refused: plain JSON on the public inputs is read by field name, and readers of an old schema know none.
 */
export function incompatibilities(
  mode: Compatibility,
  current: unknown,
  versions: readonly SchemaVersion[],
): readonly string[] {
  const parsed = parse(current)
  if (typeof parsed === 'string') return [`is not a valid Avro schema: ${parsed}`]
  const found = hasAliases(current) ? ['uses an alias: a rename is a new field with a default'] : []
  for (const { version, schema } of versions) {
    const earlier = parse(schema)
    if (typeof earlier === 'string') {
      found.push(`version ${version} is damaged: ${earlier}`)
      continue
    }
    found.push(
      ...stringsAsBytes(schema, current).map(
        (path) => `${path} changed between string and bytes in version ${version}`,
      ),
    )
    const backward = unreadable(parsed, earlier)
    if (backward !== null) found.push(`cannot read what version ${version} wrote: ${backward}`)
    const forward = mode === 'FULL_TRANSITIVE' ? unreadable(earlier, parsed) : null
    if (forward !== null) found.push(`version ${version} cannot read what it writes: ${forward}`)
  }
  return found
}

/** Whether two schemas are the same but for their comments. */
export function sameSchema(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, withoutDocs) === JSON.stringify(b, withoutDocs)
}

function parse(schema: unknown): avro.Type | string {
  try {
    return avro.Type.forSchema(schema as avro.Schema)
  } catch (error) {
    return (error as Error).message
  }
}

function unreadable(reader: avro.Type, writer: avro.Type): string | null {
  try {
    reader.createResolver(writer)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function hasAliases(schema: unknown): boolean {
  if (!isObject(schema)) return false
  if ('aliases' in schema) return true
  return Object.values(schema).some(hasAliases)
}

/** Avro reads strings as bytes and back; our types, and publishers of plain JSON, do not. */
function stringsAsBytes(earlier: unknown, current: unknown): string[] {
  const [before, now] = [primitives(earlier), primitives(current)]
  return [...now].flatMap(([path, types]) => {
    const known = before.get(path) ?? types
    const swapped = (a: string, b: string): boolean => known.has(a) && !known.has(b) && types.has(b) && !types.has(a)
    return swapped('string', 'bytes') || swapped('bytes', 'string') ? [path] : []
  })
}

/** Which primitive types stand at each path of a schema; the branches of a union share a path. */
function primitives(schema: unknown, path = '', found = new Map<string, Set<string>>()): Map<string, Set<string>> {
  if (typeof schema === 'string') found.set(path, (found.get(path) ?? new Set()).add(schema))
  else if (Array.isArray(schema)) for (const branch of schema) primitives(branch, path, found)
  else if (isObject(schema)) {
    const { type, fields, items, values } = schema
    if (Array.isArray(fields))
      for (const field of fields.filter(isObject)) primitives(field['type'], join(path, field), found)
    else primitives(items ?? values ?? type, path, found)
  }
  return found
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
const join = (path: string, field: Readonly<Record<string, unknown>>): string =>
  `${path}${path && '.'}${String(field['name'])}`

function withoutDocs(key: string, value: unknown): unknown {
  return key === 'doc' && typeof value === 'string' ? undefined : value
}
