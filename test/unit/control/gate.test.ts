import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decideGate,
  GATE_LIMITS,
  GATE_RULES,
  type GateEvidence,
  type GateFigures,
  type JudgedVersion,
} from '../../../control/gate.ts'

const sure = (value: number) => ({ value, low: value - 0.01, high: value + 0.01 })
const judged = (version: string, changed: Partial<JudgedVersion> = {}): JudgedVersion => {
  return { version, featureService: 'spoiler_v1', sizeBytes: 1e6, msPerReview: 1, unseenRows: 400, ...changed }
}
const gain = (over: string, changed: object = {}) => {
  return { over, prAuc: sure(0.1), f1: sure(0.05), brier: sure(-0.02), ...changed }
}
const FIGURES: GateFigures = {
  rows: 400,
  positives: 100,
  scorers: [
    { name: 'new', rocAuc: sure(0.8), calibrationError: 0.03 },
    { name: 'old', rocAuc: sure(0.7), calibrationError: 0.2 },
    { name: 'length', rocAuc: sure(0.6), calibrationError: null },
  ],
  gains: [gain('old'), gain('length')],
  slices: [
    { slice: 'author: new', gains: [gain('old'), gain('length')] },
    { slice: 'length: long', gains: [gain('old'), gain('length', { prAuc: null })] },
  ],
}
const GOOD: GateEvidence = {
  featureService: 'spoiler_v1',
  challenger: judged('c'),
  champion: judged('p'),
  isFirst: false,
  uses: 1,
  figures: FIGURES,
  lengthName: 'length',
}
const overOld = (changed: object): GateFigures => ({ ...FIGURES, gains: [gain('old', changed), gain('length')] })
const inSlice = (prAuc: unknown): GateFigures => {
  return { ...FIGURES, slices: [{ slice: 'author: new', gains: [gain('old', { prAuc })] }] }
}
const ofOwn = (changed: object): GateFigures => {
  return { ...FIGURES, scorers: FIGURES.scorers.map((one, i) => (i === 0 ? { ...one, ...changed } : one)) }
}

test('one that is better, has seen nothing, and costs little passes every rule; the reason says by how much', () => {
  const { passed, checks, reason } = decideGate(GOOD)
  expect([passed, checks.map(({ rule }) => rule), checks.every((check) => check.passed)]).toEqual([
    true,
    GATE_RULES,
    true,
  ])
  expect(reason).toBe(
    'better-than-champion: PR-AUC +0.100 (+0.090 to +0.110); better-than-length: PR-AUC +0.100 (+0.090 to +0.110)',
  )
})

const unreadable = (version: string, problem: string) => ({ version, problem })
interface Refusal {
  readonly name: string
  readonly changed: Partial<GateEvidence>
  /** The rules that refuse; all others pass. */
  readonly by: readonly string[]
  readonly says?: string
}
/** What refuses when nothing could be scored. */
const NO_FIGURES = ['enough-labels', 'span-unseen', 'better-than-champion', 'f1', 'brier', 'slices', 'calibration']
const UNSCORED = [...NO_FIGURES, 'latency']

test.each<Refusal>([
  {
    name: 'no readable champion',
    changed: { champion: unreadable('p', 'the object store does not have it'), figures: null },
    by: ['champion-readable', 'feature-service', ...UNSCORED, 'better-than-length'],
    says: 'the object store does not have it',
  },
  {
    name: 'golden rows missed',
    changed: { challenger: unreadable('c', 'golden.jsonl: row 3: probability: expected 0.5'), figures: null },
    by: ['challenger-readable', 'feature-service', ...UNSCORED, 'size', 'better-than-length'],
    says: 'golden.jsonl',
  },
  { name: 'it serves already', changed: { champion: judged('c') }, by: ['another-version'], says: 'it serves already' },
  {
    name: 'another feature service',
    changed: { challenger: judged('c', { featureService: 'spoiler_v2' }) },
    by: ['feature-service'],
    says: 'spoiler_v2 and spoiler_v1',
  },
  {
    name: 'a champion of another feature service',
    changed: { champion: judged('p', { featureService: 'spoiler_v0' }) },
    by: ['feature-service'],
  },
  {
    name: 'too few spoilers',
    changed: { figures: { ...FIGURES, positives: 29 } },
    by: ['enough-labels'],
    says: '29 spoilers, 371 other reviews, at least 30',
  },
  { name: 'too few other reviews', changed: { figures: { ...FIGURES, positives: 371 } }, by: ['enough-labels'] },
  {
    name: 'one row that the challenger may have seen',
    changed: { challenger: judged('c', { unseenRows: 399 }) },
    by: ['span-unseen'],
    says: 'of 400 rows challenger and champion may have seen 1 and 0',
  },
  {
    name: 'a champion that may have seen all',
    changed: { champion: judged('p', { unseenRows: 0 }) },
    by: ['span-unseen'],
  },
  { name: 'a span used too often', changed: { uses: 21 }, by: ['span-uses'], says: 'judged 21 versions, at most 20' },
  { name: 'a span of which nobody knows how often', changed: { uses: null }, by: ['span-uses'] },
  {
    name: 'not shown to be better than the champion',
    changed: { figures: overOld({ prAuc: { value: 0.1, low: -0.001, high: 0.2 } }) },
    by: ['better-than-champion'],
    says: '+0.100 (-0.001 to +0.200)',
  },
  { name: 'not comparable', changed: { figures: overOld({ prAuc: null }) }, by: ['better-than-champion'] },
  { name: 'F1 may be worse', changed: { figures: overOld({ f1: { value: 0, low: -0.06, high: 0.1 } }) }, by: ['f1'] },
  { name: 'F1 unknown', changed: { figures: overOld({ f1: null }) }, by: ['f1'] },
  {
    name: 'Brier score may be worse',
    changed: { figures: overOld({ brier: { value: 0, low: -0.1, high: 0.006 } }) },
    by: ['brier'],
  },
  {
    name: 'worse on one slice',
    changed: { figures: inSlice({ value: -0.1, low: -0.2, high: -0.021 }) },
    by: ['slices'],
    says: 'author: new -0.100 (-0.200 to -0.021)',
  },
  { name: 'not comparable on one slice', changed: { figures: inSlice(null) }, by: ['slices'] },
  { name: 'probabilities off', changed: { figures: ofOwn({ calibrationError: 0.11 }) }, by: ['calibration'] },
  { name: 'calibration unknown', changed: { figures: ofOwn({ calibrationError: null }) }, by: ['calibration'] },
  { name: 'too slow', changed: { challenger: judged('c', { msPerReview: 11 }) }, by: ['latency'], says: '11.0 times' },
  { name: 'a time that is none', changed: { challenger: judged('c', { msPerReview: NaN }) }, by: ['latency'] },
  { name: 'too large', changed: { challenger: judged('c', { sizeBytes: 6e8 }) }, by: ['size'], says: '600.0 MB' },
  {
    name: 'not shown to be better than length',
    changed: { figures: { ...FIGURES, gains: [gain('old'), gain('length', { prAuc: sure(0.005) })] } },
    by: ['better-than-length'],
  },
  {
    name: 'never compared with length',
    changed: { figures: { ...FIGURES, gains: [gain('old')] } },
    by: ['better-than-length'],
  },
  {
    name: 'a first model below the floor',
    changed: { isFirst: true, figures: ofOwn({ rocAuc: { value: 0.6, low: 0.54, high: 0.7 } }) },
    by: ['floor'],
  },
])('refused: $name', ({ changed, by, says }) => {
  const { passed, checks, reason } = decideGate({ ...GOOD, ...changed })
  expect([
    passed,
    checks
      .filter((check) => !check.passed)
      .map(({ rule }) => rule)
      .toSorted(),
  ]).toEqual([false, [...by].toSorted()])
  if (says !== undefined) expect(reason).toContain(says)
})

test.each<{ name: string; changed: Partial<GateEvidence> }>([
  {
    name: 'slow against the champion, and fast all the same',
    changed: { champion: judged('p', { msPerReview: 0.01 }) },
  },
  {
    name: 'slow, and no slower than the champion',
    changed: {
      challenger: judged('c', { msPerReview: 60 }),
      champion: judged('p', { msPerReview: 50 }),
    },
  },
  { name: 'a first model above the floor', changed: { isFirst: true } },
  {
    name: 'a slice where it may be worse, and is not shown to be',
    changed: {
      figures: inSlice({ value: -0.1, low: -0.2, high: 0 }),
    },
  },
  { name: 'as many uses as are allowed', changed: { uses: GATE_LIMITS.mostUses } },
])('passed: $name', ({ changed }) => {
  expect(decideGate({ ...GOOD, ...changed })).toMatchObject({ passed: true })
})

test('whatever number is missing or none, the gate is shut', () => {
  type Path = readonly (string | number)[]
  const numbers = (value: unknown, path: Path): Path[] => {
    if (typeof value === 'number') return [path]
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).flatMap(([key, inner]) => numbers(inner, [...path, key]))
  }
  // what the gate does not decide on
  const told = /value$|champion,sizeBytes|scorers,[12]|scorers,0,rocAuc|slices,\d,gains,1|low$|high$/
  const decisive = numbers(GOOD, []).filter((path) => !told.test(path.join()))
  const intervals: Path[] = [
    ...['prAuc', 'f1'].map((metric) => ['figures', 'gains', 0, metric, 'low']),
    ['figures', 'gains', 0, 'brier', 'high'],
    ['figures', 'gains', 1, 'prAuc', 'low'],
    ['figures', 'slices', 0, 'gains', 0, 'prAuc', 'high'],
  ]
  fc.assert(
    fc.property(fc.constantFrom(...decisive, ...intervals), (path) => {
      const evidence = structuredClone(GOOD) as unknown as Record<string, unknown>
      const last = path.at(-1) as string
      const holder = path.slice(0, -1).reduce<Record<string, unknown>>((at, key) => at[key] as never, evidence)
      holder[last] = NaN
      expect(decideGate(evidence as unknown as GateEvidence).passed, path.join('.')).toBe(false)
    }),
    { seed: 7 },
  )
})
