/** A record as a check sees it: equal content means equal identity. */
export interface Item {
  readonly key: string
  readonly identity: string
}

type StageSymptom = 'lost' | 'duplicated' | 'unexpected' | 'reordered'
/** Besides what a stage can show, what a reader, a store or a process can. */
export type Symptom =
  | StageSymptom
  | 'aborted record seen'
  | 'not seen in time'
  | 'offset moved back'
  | 'stale row'
  | 'chain broken'
  | 'stopped'
  | 'fault failed'

export interface Violation {
  readonly stage: string
  readonly symptom: Symptom
  readonly count: number
  /** The first of them. */
  readonly example: string
}

export interface Stage {
  readonly stage: string
  /** What the stage has to make of each partition of its recorded input, in order. */
  readonly expected: ReadonlyMap<number, readonly Item[]>
  /** What a read_committed reader found, each partition in order; records of one key share a partition. */
  readonly actual: readonly Item[]
}

/**
 * Compares a stage's committed output with what follows from its recorded input: each record once, nothing besides, and
 * records of one key and one input partition in the order of the input. How input partitions interleave is free.
 */
export function checkStage({ stage, expected, actual }: Stage): Violation[] {
  const wanted = countsOf([...expected.values()].flat())
  const found = countsOf(actual)
  const examples: Record<StageSymptom, string[]> = {
    lost: [...wanted].flatMap(([identity, n]) => repeated(identity, n - Math.min(n, found.get(identity) ?? 0))),
    duplicated: [...found].flatMap(([identity, n]) => repeated(identity, excess(n, wanted.get(identity)))),
    unexpected: [...found].flatMap(([identity, n]) => (wanted.has(identity) ? [] : repeated(identity, n))),
    reordered: reordered(expected, actual),
  }
  return Object.entries(examples).flatMap(([symptom, shown]) => violation(stage, symptom as Symptom, shown))
}

/** One violation for all examples of a symptom; none when there is no example. */
export function violation(stage: string, symptom: Symptom, [example, ...more]: readonly string[]): Violation[] {
  return example === undefined ? [] : [{ stage, symptom, count: more.length + 1, example }]
}

function countsOf(items: readonly Item[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { identity } of items) counts.set(identity, (counts.get(identity) ?? 0) + 1)
  return counts
}

function excess(found: number, wanted: number | undefined): number {
  return wanted === undefined ? 0 : Math.max(0, found - wanted)
}

function repeated(identity: string, times: number): string[] {
  return Array.from({ length: times }, () => identity)
}

/** Records that come after one of the same key that followed them in the input. */
function reordered(expected: Stage['expected'], actual: readonly Item[]): string[] {
  const places = new Map<string, { readonly origin: number; readonly indices: number[] }>()
  for (const [origin, items] of expected) {
    for (const [index, { identity }] of items.entries()) {
      const place = places.get(identity) ?? { origin, indices: [] }
      place.indices.push(index)
      places.set(identity, place)
    }
  }
  const last = new Map<string, number>()
  return actual.flatMap(({ key, identity }) => {
    const place = places.get(identity)
    if (place === undefined) return []
    const line = `${place.origin}/${key}`
    const before = last.get(line) ?? -1
    const index = place.indices.find((candidate) => candidate > before)
    if (index === undefined) return [identity]
    last.set(line, index)
    return []
  })
}
