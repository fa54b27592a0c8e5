import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EntityHistory, Review, ReviewLabel } from '../../../schemas/generated.ts'
import type { Processor, StreamRecord } from '../../../schemas/processor.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { spoilerV2 } from '../../../schemas/spoiler-v2.ts'
import { evaluator } from '../../../stream-processors/evaluator.ts'
import { intake } from '../../../stream-processors/intake.ts'
import { movieContext } from '../../../stream-processors/movie-context.ts'
import { scoreIntake } from '../../../stream-processors/score-intake.ts'
import { userHistory } from '../../../stream-processors/user-history.ts'
import { checkThatLabelsCountOnlyForLaterReviews } from '../../support/as-of-oracle.ts'
import { chain, valuesTo } from '../../support/fold-chain.ts'
import type { Chained } from '../../support/fold-chain.ts'
import { anyInputs, anySlowLog, logOf } from '../../support/review-world.ts'
import type { Input } from '../../support/review-world.ts'
import { drive, throughAvro } from '../../support/topology-test-driver.ts'
import type { Driven } from '../../support/topology-test-driver.ts'

/** A processor with the records that reach it. */
interface Case {
  readonly processor: Processor<never, unknown>
  readonly records: (chained: Chained, log: readonly StreamRecord<unknown>[]) => readonly StreamRecord<unknown>[]
}

const cases: readonly (readonly [name: string, of: Case])[] = [
  ['intake', { processor: intake as never, records: (_, log) => log }],
  ['user-history', { processor: userHistory as never, records: (chained) => chained.userActivity }],
  ['movie-context', { processor: movieContext(() => spoilerV2) as never, records: (chained) => chained.movieActivity }],
  ['score-intake', { processor: scoreIntake as never, records: (chained) => chained.scores }],
  ['evaluator', { processor: evaluator as never, records: (chained) => chained.scoreActivity }],
]
const SETTINGS = { seed: 42, numRuns: 150 }

test.each(cases)(
  '%s: a crash between any two records changes nothing: state in Avro is all there is',
  (_, { processor, records }) => {
    fc.assert(
      fc.property(anySlowLog, fc.nat(), (log, at) => {
        const all = records(chain(log), log) as StreamRecord<never>[]
        const cut = at % (all.length + 1)
        const whole = drive(processor, all)
        const first = drive(processor, all.slice(0, cut))
        const second = drive(processor, all.slice(cut), throughAvro(processor, first.state))
        expect([...first.output, ...second.output]).toEqual(whole.output)
        expect([...first.drops, ...second.drops]).toEqual(whole.drops)
        expect(plain(processor, second)).toEqual(plain(processor, whole))
      }),
      SETTINGS,
    )
  },
)

test.each(cases)(
  '%s: folding the same log again gives the same, and changes no record and no value put',
  (_, { processor, records }) => {
    fc.assert(
      fc.property(anySlowLog, (log) => {
        const all = records(chain(log), log) as StreamRecord<never>[]
        const before = structuredClone(all)
        const once = drive(processor, all)
        const outputBefore = JSON.stringify(once.output)
        expect(JSON.stringify(drive(processor, all).output)).toBe(outputBefore)
        // a mutated store value would show in what was forwarded or put earlier
        expect(all).toEqual(before)
        expect(JSON.stringify(once.output)).toBe(outputBefore)
      }),
      SETTINGS,
    )
  },
)

test('a label counts only for later reviews, in the log and in event time, however reviews and labels are scrambled', () => {
  checkThatLabelsCountOnlyForLaterReviews()
})

test('a revised label or review leaves no trace of its earlier revision in the counters', () => {
  fc.assert(
    fc.property(anyInputs, (inputs) => {
      const revised = chain(logOf(inputs))
      const final = chain(logOf(finalRevisions(inputs)))
      expect(countersOf(revised.userHistory, 'users')).toEqual(countersOf(final.userHistory, 'users'))
      expect(countersOf(revised.movieContext, 'histories')).toEqual(countersOf(final.movieContext, 'histories'))
    }),
    SETTINGS,
  )
})

test('duplicates give one row, and each higher revision one more', () => {
  fc.assert(
    fc.property(anyInputs, (inputs) => {
      const { rows, userHistory: folded } = chain(logOf([...inputs, ...inputs]))
      const expected: string[] = []
      const newest = new Map<string, number>()
      for (const { topic, value } of inputs) {
        const id = topic === 'reviews' ? `${value.userId}/${value.reviewId}` : ''
        if (topic !== 'reviews' || value.revision <= (newest.get(id) ?? -1)) continue
        newest.set(id, value.revision)
        expected.push(`${id}/${value.revision}`)
      }
      expect(rows.map((row) => `${row.userId}/${row.reviewId}/${row.revision}`)).toEqual(expected)
      const activity = inputs.filter(({ topic }) => topic !== 'movies').length
      expect(folded.drops.length).toBeGreaterThanOrEqual(activity)
    }),
    SETTINGS,
  )
})

test('every value of every row is finite, in its declared range, and whole where it is declared so', () => {
  fc.assert(
    fc.property(anySlowLog, (log) => {
      const folded = chain(log)
      for (const { values } of folded.rows) expectInRange(values, spoilerV1.features)
      for (const { values } of valuesTo('userFeatures', folded.userHistory.output)) {
        expectInRange(values, spoilerV1.views.user_features)
      }
      for (const { values } of valuesTo('movieFeatures', folded.movieContext.output)) {
        expectInRange(values, spoilerV1.views.movie_features)
      }
    }),
    SETTINGS,
  )
})

function expectInRange(values: readonly number[], features: typeof spoilerV1.features): void {
  expect(values).toHaveLength(features.length)
  features.forEach(({ name, type, min, max }, i) => {
    const value = values[i] as number
    expect(value, name).toBeGreaterThanOrEqual(min)
    expect(value, name).toBeLessThanOrEqual(max)
    if (type !== 'double') expect(Number.isInteger(value), name).toBe(true)
  })
}

function plain(processor: Processor<never, unknown>, { state }: Driven): unknown {
  return throughAvro(processor, state)
}

/** The log of a world in which nobody revised anything: the first record of each highest revision. */
function finalRevisions(inputs: readonly Input[]): Input[] {
  const idOf = ({ topic, value }: Input): string => `${topic}/${(value as Review).userId}/${(value as Review).reviewId}`
  const revisionOf = ({ value }: Input): number => (value as Review | ReviewLabel).revision
  return inputs.filter((input, i) => {
    if (input.topic === 'movies') return true
    const same = inputs.map((other, j) => ({ other, j })).filter(({ other }) => idOf(other) === idOf(input))
    const highest = Math.max(...same.map(({ other }) => revisionOf(other)))
    return same.find(({ other }) => revisionOf(other) === highest)?.j === i
  })
}

function countersOf({ state }: Driven, store: string): unknown {
  const entries =
    state.stores[store]?.map(([key, value]) => [key.join('/'), (value as EntityHistory).counters] as const) ?? []
  return Object.fromEntries(entries.filter(([, counters]) => counters.buckets.length > 0))
}
