/** A field that two records do not agree in. */
export interface FieldDifference {
  /** Such as `user.values.3`. */
  readonly path: string
  /** As JSON; undefined where there is none. */
  readonly made: string | undefined
  readonly live: string | undefined
}

const MOST_FIELDS = 10

/** Where two decoded records differ, in the order of their fields; the first ten places. */
export function fieldDifferences(made: unknown, live: unknown): FieldDifference[] {
  return [...differences(made, live, '')].slice(0, MOST_FIELDS)
}

function* differences(made: unknown, live: unknown, path: string): Generator<FieldDifference> {
  if (Object.is(made, live)) return
  if (!isComposite(made) || !isComposite(live) || Array.isArray(made) !== Array.isArray(live)) {
    yield { path, made: textOf(made), live: textOf(live) }
    return
  }
  for (const name of new Set([...Object.keys(made), ...Object.keys(live)])) {
    yield* differences(made[name], live[name], path === '' ? name : `${path}.${name}`)
  }
}

function isComposite(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** JSON has no word for -0 and for numbers that are none. */
function textOf(value: unknown): string | undefined {
  if (typeof value !== 'number') return JSON.stringify(value)
  return Object.is(value, -0) ? '-0' : String(value)
}
