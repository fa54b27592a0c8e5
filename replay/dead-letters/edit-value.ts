import type { DeadLetterEdit } from '../../schemas/generated.ts'

/** A field to set: its path from the root of the value, and what it becomes. */
export interface Edit {
  readonly path: readonly string[]
  readonly value: unknown
}

/**
 * `rating=7`, `spoiler=null`, `source.partition=3`, `title="7"`: what is JSON is taken as such, all else is text.
 *
 * @returns undefined when it is no edit.
 */
export function parseEdit(text: string): Edit | undefined {
  const equals = text.indexOf('=')
  const path = text.slice(0, Math.max(0, equals)).split('.')
  if (path.some((name) => name === '')) return undefined
  const value = text.slice(equals + 1)
  try {
    return { path, value: JSON.parse(value) as unknown }
  } catch {
    return { path, value }
  }
}

export interface Edited {
  readonly value: unknown
  /** For the audit trail, in the order in which they were made. */
  readonly edits: readonly DeadLetterEdit[]
}

/**
 * The value with its fields set; the given one stays as it is. Objects on the way that are missing are made.
 *
 * @returns The path as far as it leads when something on the way is no object.
 */
export function editValue(value: unknown, edits: readonly Edit[]): Edited | { readonly noObjectAt: string } {
  let edited = value
  const made: DeadLetterEdit[] = []
  for (const { path, value: after } of edits) {
    const blocked = path.findIndex((_, depth) => !isObject(valueAt(edited, path.slice(0, depth)) ?? {}))
    if (blocked >= 0) return { noObjectAt: path.slice(0, blocked).join('.') || 'the value itself' }
    const before = valueAt(edited, path)
    made.push({
      field: path.join('.'),
      before: before === undefined ? null : JSON.stringify(before),
      after: JSON.stringify(after),
    })
    edited = setAt(edited, path, after)
  }
  return { value: edited, edits: made }
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined), value)
}

function setAt(value: unknown, [name, ...rest]: readonly string[], after: unknown): unknown {
  if (name === undefined) return after
  const fields = isObject(value) ? value : {}
  const below = Object.hasOwn(fields, name) ? fields[name] : undefined
  // by entries: a field named __proto__ must not become a prototype
  return Object.fromEntries([
    ...Object.entries(fields).filter(([key]) => key !== name),
    [name, setAt(below, rest, after)],
  ])
}
