import { describe, expect, test } from 'vitest'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import {
  assertLineage,
  type LineageFacts,
  partitionAdded,
  topicsChanged,
  unrecorded,
} from '../../../platform/topic-lineage.ts'

const INPUT = 'user-activity'
const CHANGELOG = 'user-history-changelog'
const folds = [{ changelog: CHANGELOG, input: INPUT }]

type Found = Readonly<Record<string, readonly [id: string, partitions: number]>>
const BEFORE: Found = { reviews: ['r', 4], [INPUT]: ['a', 4], [CHANGELOG]: ['c', 4] }

const identities = (found: Found) =>
  new Map(Object.entries(found).map(([name, [id, n]]) => [name, { id, partitions: n }]))
const recordedOf = (facts: Pick<LineageFacts, 'found' | 'lineage'>, recorded: LineageFacts['recorded'] = new Map()) => {
  const news = unrecorded({ ...facts, recorded, folds })
  return new Map([...recorded, ...news.map((record) => [record.topic, record] as const)])
}
const used = recordedOf({ found: identities(BEFORE), lineage: 1 })

function startWith(found: Found, lineage = 1, recorded = used): string {
  try {
    assertLineage({ lineage, found: identities(found), recorded, folds })
    return 'starts'
  } catch (error) {
    if (!(error instanceof SpoilerError)) throw error
    expect(error.onError).toBe('stop')
    return error.message
  }
}

describe('a start under the LINEAGE that the topics were used under', () => {
  test('the first one takes the topics as they are, and later ones on the same topics go on', () => {
    expect(startWith(BEFORE, 1, new Map())).toBe('starts')
    expect(startWith(BEFORE)).toBe('starts')
    expect(unrecorded({ lineage: 1, found: identities(BEFORE), recorded: used, folds })).toEqual([])
  })

  test('a topic that is declared since then is no change', () => {
    expect(startWith({ ...BEFORE, 'drift-events': ['d', 4] })).toBe('starts')
  })

  test.each([
    {
      what: 'deleted',
      found: { reviews: ['r', 4], [CHANGELOG]: ['c', 4] },
      says: /SPL_TOPIC_MISSING.*user-activity was deleted\n/s,
    },
    {
      what: 'made anew',
      found: { ...BEFORE, reviews: ['R', 4] },
      says: /SPL_TOPIC_RECREATED.*reviews was deleted and made anew/s,
    },
    {
      what: 'given partitions',
      found: { ...BEFORE, [INPUT]: ['a', 6] },
      says: /SPL_TOPIC_REPARTITIONED.*has 6 partitions now, it had 4/s,
    },
  ] satisfies { what: string; found: Found; says: RegExp }[])(
    'a topic that was $what stops it, and says how to go on',
    ({ found, says }) => {
      const message = startWith(found)
      expect(message).toMatch(says)
      expect(message).toContain('shield topics --create')
      expect(message).toContain('LINEAGE=2')
    },
  )

  test('everything that has changed is named, not only the first', () => {
    const message = startWith({ reviews: ['R', 4], [CHANGELOG]: ['C', 4] })
    for (const name of ['reviews', INPUT, CHANGELOG]) expect(message).toContain(`- ${name} was deleted`)
  })
})

describe('a start under a higher LINEAGE', () => {
  const renewed: Found = { reviews: ['r', 4], [INPUT]: ['A', 4], [CHANGELOG]: ['C', 4] }

  test('takes topics that were made anew, and stops when they change again', () => {
    expect(startWith(renewed, 2)).toBe('starts')
    const recorded = recordedOf({ found: identities(renewed), lineage: 2 }, used)
    expect(startWith(renewed, 2, recorded)).toBe('starts')
    expect(startWith({ ...renewed, [INPUT]: ['B', 4] }, 2, recorded)).toContain('SPL_TOPIC_RECREATED')
  })

  test('does not take state that was folded from a topic that is gone, whoever started first', () => {
    const half: Found = { ...renewed, [CHANGELOG]: ['c', 4] }
    const wrong =
      /SPL_TOPIC_RECREATED.*user-history-changelog holds state that was folded from the user-activity that is gone/s
    expect(startWith(half, 2)).toMatch(wrong)
    const { [CHANGELOG]: _, ...others } = half
    const byScorer = recordedOf({ found: identities(others), lineage: 2 }, used)
    expect(startWith(half, 2, byScorer)).toMatch(wrong)
  })

  test('a topic that was given partitions in place is not taken: its keys have moved', () => {
    expect(startWith({ ...BEFORE, [INPUT]: ['a', 6] }, 2)).toContain('SPL_TOPIC_REPARTITIONED')
  })

  test('public inputs may grow: intake keys them anew', () => {
    expect(startWith({ ...BEFORE, reviews: ['r', 6] }, 2)).toBe('starts')
  })

  test('nobody goes back to a lower one: rows in Redis would count as stale', () => {
    const recorded = recordedOf({ found: identities(BEFORE), lineage: 3 }, used)
    expect(startWith(BEFORE, 2, recorded)).toMatch(/SPL_CONFIG_INVALID.*LINEAGE=3/s)
  })
})

describe('while a component runs', () => {
  const known = identities(BEFORE)

  test('topics that are the same, and others beside them, are no change', () => {
    expect(topicsChanged(known, identities({ ...BEFORE, other: ['o', 1] }), 1)).toBeUndefined()
  })

  test('a change ends the process; its next start is the one that stops', () => {
    const change = topicsChanged(known, identities({ ...BEFORE, [CHANGELOG]: ['C', 4] }), 1)
    expect(change).toMatchObject({ code: 'SPL_TOPIC_RECREATED', onError: 'exit' })
    expect(change?.message).toContain(CHANGELOG)
  })

  test('a partition that the configuration does not know stops at once', () => {
    const added = partitionAdded({ topic: INPUT, partition: 4 }, 4, 1)
    expect(added).toMatchObject({ code: 'SPL_TOPIC_REPARTITIONED', onError: 'stop' })
  })
})
