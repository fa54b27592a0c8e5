import { expect, test } from 'vitest'
import { decideStage, LIVE_LIMITS, type LiveTally, type Stage, stepOf } from '../../../control/promotion.ts'
import { SeededRandom } from '../../../stats/random.ts'

/** Of so many reviews a quarter spoils; the version finds such a share of them, and calls so many others. */
function tally(rows: number, recall: number, falseShare = 0.05, brier = 0.12): LiveTally {
  const positives = Math.round(rows / 4)
  const hits = Math.round(recall * positives)
  const called = hits + Math.round(falseShare * (rows - positives))
  return { rows, positives, hits, called, squaredErrorMicros: Math.round(brier * rows * 1e6) }
}
const NONE: LiveTally = { rows: 0, called: 0, positives: 0, hits: 0, squaredErrorMicros: 0 }

test.each<{ name: string; candidate: LiveTally; before: LiveTally; verdict: string; says: string }>([
  { name: 'no labels yet', candidate: NONE, before: NONE, verdict: 'wait', says: '0 and 0 labelled' },
  {
    name: 'too few spoilers of one',
    candidate: tally(116, 1),
    before: tally(9_000, 0.1),
    verdict: 'wait',
    says: '29 and 2250 labelled spoilers',
  },
  { name: 'few, and alike', candidate: tally(200, 0.7), before: tally(200, 0.7), verdict: 'wait', says: 'F1 ' },
  {
    name: 'many, and alike',
    candidate: tally(20_000, 0.7),
    before: tally(20_000, 0.7),
    verdict: 'advance',
    says: 'no worse',
  },
  { name: 'better', candidate: tally(3_000, 0.9), before: tally(3_000, 0.6), verdict: 'advance', says: 'no worse' },
  {
    name: 'worse by F1',
    candidate: tally(3_000, 0.5),
    before: tally(3_000, 0.8),
    verdict: 'retreat',
    says: 'worse: F1',
  },
  {
    name: 'worse by its probabilities alone',
    candidate: tally(5_000, 0.7, 0.05, 0.2),
    before: tally(5_000, 0.7),
    verdict: 'retreat',
    says: 'worse',
  },
  {
    name: 'calls everything a spoiler',
    candidate: tally(200, 1, 1),
    before: tally(200, 0.7),
    verdict: 'retreat',
    says: 'times as many reviews spoilers',
  },
  {
    name: 'calls nothing',
    candidate: tally(200, 0, 0),
    before: tally(200, 0.7),
    verdict: 'retreat',
    says: '0.00 times',
  },
  {
    name: 'counters that are none',
    candidate: { ...tally(200, 0.7), hits: NaN },
    before: tally(200, 0.7),
    verdict: 'retreat',
    says: 'counters',
  },
  {
    name: 'more hits than calls',
    candidate: { ...tally(200, 0.7), called: 1 },
    before: tally(200, 0.7),
    verdict: 'retreat',
    says: 'counters',
  },
])('$name: $verdict', ({ candidate, before, verdict, says }) => {
  const decision = decideStage({ candidate, before })
  expect(decision).toMatchObject({ verdict, reason: expect.stringContaining(says) as string })
})

test('what is undecided when there were labels enough is a retreat', () => {
  const alike = { candidate: tally(600, 0.68), before: tally(600, 0.7) }
  expect(decideStage(alike).verdict).toBe('wait')
  expect(decideStage(alike, { ...LIVE_LIMITS, mostRows: 600 })).toMatchObject({ verdict: 'retreat' })
})

test('asked after every label, an equal candidate is rarely said to be worse, and a bad one always', () => {
  const outcomes = (recall: number, seed: number): string => {
    const random = new SeededRandom(seed)
    const sums = [
      { ...NONE, recall },
      { ...NONE, recall: 0.7 },
    ]
    for (let row = 0; row < 6_000; row++) {
      const label = random.chance(0.25)
      for (const sum of sums) {
        const called = random.chance(label ? sum.recall : 0.05)
        const one = {
          rows: 1,
          called: +called,
          positives: +label,
          hits: +(called && label),
          squaredErrorMicros: 120_000,
        }
        for (const [key, count] of Object.entries(one) as [keyof LiveTally, number][])
          Object.assign(sum, { [key]: sum[key] + count })
      }
      const [mine, other] = sums.map(({ recall: _, ...counted }) => counted) as [LiveTally, LiveTally]
      const { verdict } = decideStage({ candidate: mine, before: other })
      if (verdict !== 'wait') return verdict
    }
    return 'wait'
  }
  const seeds = Array.from({ length: 60 }, (_, seed) => seed)
  expect(seeds.filter((seed) => outcomes(0.7, seed) === 'retreat').length).toBeLessThanOrEqual(3)
  expect(seeds.filter((seed) => outcomes(0.4, seed) === 'retreat')).toEqual(seeds)
})

test('a candidate goes from shadow to canary to champion, where the one before watches it, and back at any step', () => {
  type Held = Record<'champion' | 'challenger', string>
  const run = (...verdicts: ('advance' | 'retreat')[]): readonly [Stage | null, Held] => {
    const held: Held = { champion: 'before serve', challenger: 'candidate shadow' }
    let stage: Stage | null = 'shadow'
    for (const verdict of verdicts) {
      if (stage === null) throw new RangeError('the trial has ended')
      const step = stepOf(stage, verdict)
      for (const { slot, mode, version } of step.changes) held[slot] = mode === 'off' ? 'off' : `${version} ${mode}`
      stage = step.next
    }
    return [stage, held]
  }
  const kept = [null, { champion: 'before serve', challenger: 'off' }]
  expect(run('retreat')).toEqual(kept)
  expect(run('advance')).toEqual(['canary', { champion: 'before serve', challenger: 'candidate canary' }])
  expect(run('advance', 'retreat')).toEqual(kept)
  expect(run('advance', 'advance')).toEqual(['watch', { champion: 'candidate serve', challenger: 'before shadow' }])
  expect(run('advance', 'advance', 'retreat')).toEqual(kept)
  expect(run('advance', 'advance', 'advance')).toEqual([null, { champion: 'candidate serve', challenger: 'off' }])
})
