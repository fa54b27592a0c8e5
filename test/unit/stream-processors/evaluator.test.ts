import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Outcome, OutcomeLabel, QualityCounters, ScoreActivity, ScoreTrace } from '../../../schemas/generated.ts'
import type { Forward, StreamRecord } from '../../../schemas/processor.ts'
import { topics } from '../../../schemas/topics.ts'
import { counted, NOTHING_COUNTED, type QualityCounts } from '../../../stats/quality-counts.ts'
import { isAudited } from '../../../stream-processors/audit-sample.ts'
import { EVALUATED_REVIEW_MS, evaluator } from '../../../stream-processors/evaluator.ts'
import { valuesTo } from '../../support/fold-chain.ts'
import { LOG_START_MS, record } from '../../support/review-world.ts'
import { drive } from '../../support/topology-test-driver.ts'

const SCORE: ScoreTrace = {
  mode: 'serve',
  revision: 0,
  writtenAtMs: 1_000,
  modelName: 'prior',
  modelVersion: 'abc',
  deploymentEpoch: 0,
  probability: 0.75,
  isSpoiler: true,
  threshold: 0.5,
  textUnits: 300,
  slices: ['author: new', 'genre: drama'],
}
const LABEL: OutcomeLabel = { revision: 0, isSpoiler: true, source: 'self-declared', labelledAtMs: 2_000 }
const ROW = { topic: topics.reviewFeatures.name, partition: 1, offset: 9 }

interface Entry {
  readonly reviewId?: string
  readonly score?: Partial<ScoreTrace>
  readonly label?: Partial<OutcomeLabel>
  readonly atMs?: number
}

function logOf(entries: readonly Entry[]): StreamRecord<ScoreActivity>[] {
  return entries.map(({ reviewId = 'r1', score, label, atMs }, offset) => {
    const value: ScoreActivity = {
      reviewId,
      userId: 'u1',
      movieId: 'm1',
      score: score === undefined ? null : { ...SCORE, ...score },
      row: score === undefined ? null : ROW,
      label: label === undefined ? null : { ...LABEL, ...label },
    }
    return record('score-activity', { value, offset, appendedAtMs: LOG_START_MS + (atMs ?? offset) })
  })
}

function fold(...entries: Entry[]) {
  const { output, drops, state } = drive(evaluator, logOf(entries))
  const to = <T extends Forward['to']>(topic: T) => valuesTo(topic, output)
  return { to, output, drops, state, outcomes: to('scoreOutcomes'), counters: newestCounters(output) }
}

function newestCounters(output: readonly Forward[]): Map<string, QualityCounters> {
  return new Map(valuesTo('qualityCounters', output).map((value) => [topics.qualityCounters.key(value), value]))
}

/** An audited review, and one that is not. */
const [audited = '', other = ''] = [true, false].map((wanted) =>
  Array.from({ length: 1_000 }, (_, i) => `review ${i}`).find((id) => isAudited(id) === wanted),
)

describe('a score and a label meet', () => {
  const met = { outcome: { score: SCORE, label: LABEL }, previous: null }

  test.each([
    { name: 'the score first', entries: [{ score: {} }, { label: {} }] },
    { name: 'the label first', entries: [{ label: {} }, { score: {} }] },
  ])('once, $name', ({ entries }) => {
    expect(fold(...entries).outcomes).toEqual([{ reviewId: 'r1', userId: 'u1', movieId: 'm1', ...met }])
  })

  test('and again when the label is revised: the outcome says what it takes the place of', () => {
    const { outcomes } = fold({ score: {} }, { label: {} }, { label: { revision: 1, isSpoiler: false } })
    const label = { ...LABEL, revision: 1, isSpoiler: false }
    expect(outcomes[1]).toMatchObject({ outcome: { score: SCORE, label }, previous: met.outcome })
  })

  test('and again when the review is revised and scored anew, by whichever version', () => {
    const revised = { ...SCORE, revision: 1, modelVersion: 'def', probability: 0.1, isSpoiler: false }
    const { outcomes } = fold({ score: {} }, { label: {} }, { score: revised })
    expect(outcomes[1]).toMatchObject({ outcome: { score: revised, label: LABEL }, previous: met.outcome })
  })

  test('a shadow has outcomes of its own', () => {
    const shadow = { ...SCORE, mode: 'shadow', modelVersion: 'def', probability: 0.2, isSpoiler: false }
    const { outcomes } = fold({ score: {} }, { score: shadow }, { label: {} })
    expect(outcomes.map(({ outcome, previous }) => [outcome.score, previous])).toEqual([
      [SCORE, null],
      [shadow, null],
    ])
  })

  test('the score of a canary takes the place of that of the champion', () => {
    const { outcomes } = fold({ score: {} }, { label: {} }, { score: { mode: 'canary', revision: 1 } })
    expect(outcomes[1]).toMatchObject({
      outcome: { score: { mode: 'canary' } },
      previous: { score: { mode: 'serve' } },
    })
  })

  test('what comes twice, or is older, changes nothing', () => {
    const entries: Entry[] = [{ score: { revision: 1 } }, { label: { revision: 1 } }]
    const once = fold(...entries)
    const twice = fold(...entries, ...entries, { score: {} }, { label: {} })
    expect(twice.outcomes).toEqual(once.outcomes)
    expect(twice.counters).toEqual(once.counters)
    expect(twice.drops).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate'])
  })

  test('reviews of one id by two users are two', () => {
    const [first, second] = logOf([{ score: {} }, { label: {} }]) as [
      StreamRecord<ScoreActivity>,
      StreamRecord<ScoreActivity>,
    ]
    const ofOther = { ...second, value: { ...second.value, userId: 'u2' } }
    expect(valuesTo('scoreOutcomes', drive(evaluator, [first, ofOther]).output)).toEqual([])
  })
})

describe('state is bounded', () => {
  const late: Entry = { reviewId: 'r2', score: {}, atMs: EVALUATED_REVIEW_MS + 10 }

  test('a label whose score never came goes to late-records, with the place where it stood', () => {
    const { to, drops, state } = fold({ label: {} }, late)
    expect(to('lateRecords')).toEqual([
      {
        reason: 'score-unknown',
        component: 'evaluator',
        source: { topic: 'score-activity', partition: 0, offset: 0 },
        label: { reviewId: 'r1', userId: 'u1', movieId: 'm1', ...LABEL },
      },
    ])
    expect(drops).toEqual(['late'])
    expect(state.stores['reviews']?.map(([key]) => key)).toEqual([['u1', 'r2']])
  })

  test('a score whose label never came is forgotten, and stays counted as one without', () => {
    const { to, state, counters } = fold({ score: {} }, late)
    expect(to('lateRecords')).toEqual([])
    expect(state.stores['reviews']).toHaveLength(1)
    expect(counters.get('serve/prior@abc/all/scored/0')).toMatchObject({ rows: 2 })
    expect(counters.has('serve/prior@abc/all/self-declared/0')).toBe(false)
  })

  test('what is talked about stays', () => {
    const word = { label: { revision: 1 }, atMs: EVALUATED_REVIEW_MS - 10 }
    expect(fold({ score: {} }, word, late).state.stores['reviews']).toHaveLength(2)
  })
})

describe('people are asked', () => {
  test('about a published score of the sample, once, wherever its score lies', () => {
    for (const probability of [0, 0.4, 1]) {
      const { to } = fold(
        { reviewId: audited, score: { probability } },
        { reviewId: audited, score: { mode: 'shadow' } },
        { reviewId: audited, label: {} },
        { reviewId: other, score: { probability } },
      )
      const asked = { reviewId: audited, userId: 'u1', movieId: 'm1', revision: 0, writtenAtMs: 1_000, row: ROW }
      expect(to('labelRequests')).toEqual([asked])
    }
  })

  test('until somebody has answered', () => {
    const answer = { reviewId: audited, label: { source: 'audit', revision: 7 } }
    const { to } = fold({ reviewId: audited, score: {} }, answer, { reviewId: audited, score: { revision: 1 } })
    expect(to('labelRequests').map(({ row }) => row)).toEqual([ROW, null])
  })

  test('about 2 % of reviews, whatever their ids look like', () => {
    for (const idOf of [
      (i: number) => `${i}`,
      (i: number) => `tt${i}-review`,
      (i: number) => (i * 0x9e3779b1).toString(16),
    ]) {
      const asked = Array.from({ length: 100_000 }, (_, i) => idOf(i)).filter(isAudited).length
      expect(asked).toBeGreaterThan(1_800)
      expect(asked).toBeLessThan(2_200)
    }
  })
})

const anyEntry: fc.Arbitrary<Entry> = fc
  .record({
    reviewId: fc.constantFrom('r1', 'r2', 'r3', audited),
    what: fc.constantFrom('serve', 'shadow', 'self-declared', 'report', 'audit'),
    revision: fc.nat(3),
  })
  .map(({ reviewId, what, revision }) => {
    // what a revision says follows from it, since of two equal ones the first counts
    const seed = revision * 7 + reviewId.length
    if (what !== 'serve' && what !== 'shadow') {
      const source = ['self-declared', 'report', 'audit'][seed % 3] as string
      return { reviewId, label: { revision, isSpoiler: seed % 2 === 0, source } }
    }
    const probability = ((seed * 13) % 100) / 100
    const version = what === 'shadow' ? 'def' : ['abc', 'xyz'][seed % 2]
    const score = { mode: what, revision, probability, isSpoiler: probability >= 0.5, modelVersion: version as string }
    return { reviewId, score: { ...score, textUnits: 100 * seed, slices: seed % 2 === 0 ? ['author: new'] : [] } }
  })

const newest = <T extends { readonly revision?: number }>(all: readonly T[]): T | undefined =>
  all.toSorted((a, b) => (a.revision ?? 0) - (b.revision ?? 0)).at(-1)

/** Straight from the definition: of each review the newest score published, the newest in the shadow, the newest label. */
function known(entries: readonly Entry[]) {
  const ids = new Set(entries.map(({ reviewId }) => String(reviewId)))
  return [...ids].flatMap((reviewId) =>
    [false, true].flatMap((isShadow) => {
      const own = entries.filter((entry) => entry.reviewId === reviewId)
      const scores = own.flatMap(({ score }) => score ?? []).filter(({ mode }) => (mode === 'shadow') === isShadow)
      const [score, said] = [newest(scores), newest(own.flatMap(({ label }) => label ?? []))]
      if (score === undefined) return []
      return [{ id: `${reviewId} ${isShadow}`, score: { ...SCORE, ...score }, label: said && { ...LABEL, ...said } }]
    }),
  )
}

function byDefinition(entries: readonly Entry[]) {
  const outcomes = new Map<string, Outcome>()
  const counters = new Map<string, QualityCounts>()
  for (const { id, score, label } of known(entries)) {
    if (label !== undefined) outcomes.set(id, { score, label })
    const { probability, isSpoiler: isCalled, textUnits: units } = score
    const keys = [{ source: 'scored', isPositive: null }, ...(label === undefined ? [] : [labelled(label)])]
    for (const { source, isPositive } of keys)
      for (const slice of ['all', ...score.slices]) {
        const key = `${score.mode}/prior@${score.modelVersion}/${slice}/${source}/0`
        const row = { probability, isCalled, units, isPositive }
        counters.set(key, counted(counters.get(key) ?? NOTHING_COUNTED, row, 1))
      }
  }
  return { outcomes, counters }
}

const labelled = ({ source, isSpoiler }: OutcomeLabel) => ({ source, isPositive: isSpoiler })

const countsOf = ({ rows, called, positives, hits, ...counters }: QualityCounters | QualityCounts): QualityCounts => ({
  rows,
  called,
  positives,
  hits,
  expectedPositiveMicros: counters.expectedPositiveMicros,
  expectedHitMicros: counters.expectedHitMicros,
  squaredErrorMicros: counters.squaredErrorMicros,
  rowsByScore: counters.rowsByScore,
  positivesByScore: counters.positivesByScore,
  rowsByLength: counters.rowsByLength,
  positivesByLength: counters.positivesByLength,
})

test('in whatever order they come, the last outcomes and the counters are those of the newest score and label', () => {
  const property = fc.property(fc.array(anyEntry, { maxLength: 40 }), (entries) => {
    const { outcomes, counters } = fold(...entries)
    const expected = byDefinition(entries)
    const isShadow = ({ score }: Outcome): boolean => score.mode === 'shadow'
    const last = new Map(outcomes.map(({ reviewId, outcome }) => [`${reviewId} ${isShadow(outcome)}`, outcome]))
    expect(last).toEqual(expected.outcomes)
    const filled = [...counters]
      .filter(([, { rows }]) => rows > 0)
      .map(([key, found]) => [key, countsOf(found)] as const)
    expect(new Map(filled)).toEqual(expected.counters)
    for (const [key, found] of counters) if (found.rows === 0) expect(countsOf(found), key).toEqual(NOTHING_COUNTED)
  })
  fc.assert(property, { seed: 11, numRuns: 300 })
})

test('who adds outcomes up and takes back what they replace has the newest ones', () => {
  const property = fc.property(fc.array(anyEntry, { maxLength: 40 }), (entries) => {
    const present: Outcome[] = []
    for (const { outcome, previous } of fold(...entries).outcomes) {
      const at = previous === null ? -1 : present.findIndex((one) => JSON.stringify(one) === JSON.stringify(previous))
      if (previous !== null) expect(at).toBeGreaterThanOrEqual(0)
      if (at >= 0) present.splice(at, 1)
      present.push(outcome)
    }
    const sorted = (all: Iterable<Outcome>) => Array.from(all, (one) => JSON.stringify(one)).sort()
    expect(sorted(present)).toEqual(sorted(byDefinition(entries).outcomes.values()))
  })
  fc.assert(property, { seed: 12, numRuns: 300 })
})
