import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FencedRow } from '../../../connectors/feast-rows.ts'
import { decodeValue, encodeValue } from '../../../connectors/feast-values.ts'
import { readOnlineEntities } from '../../../connectors/online-entities.ts'
import { MOVIE_VIEW, ONLINE_TOPICS, onlineRow } from '../../../connectors/online-rows.ts'
import type { OnlineStore } from '../../../connectors/redis-online-store.ts'
import { FEATURE_SERVICES } from '../../../schemas/feature-services.ts'
import { onlineFeatureRow } from '../../../features/online-row.ts'
import { chain, valuesTo } from '../../support/fold-chain.ts'
import { anyInputs, EXAMPLE, type Input, logOf } from '../../support/review-world.ts'

type Store = Pick<OnlineStore, 'read'>

/** The store after the sinks have read all that the folds published; values as bytes, there and back. */
function storeAfter(inputs: readonly Input[]): Store {
  const { userHistory, movieContext } = chain(logOf(inputs))
  const rows = new Map<string, FencedRow>()
  for (const topic of ONLINE_TOPICS)
    for (const [offset, value] of valuesTo(topic, [...userHistory.output, ...movieContext.output]).entries()) {
      const row = onlineRow({ topic, offset, value }, 0)
      if ('poison' in row) throw new Error(row.cause)
      rows.set(`${row.value.view.name}/${row.value.id}`, row.value)
    }
  return {
    read: (view, id) => {
      const row = rows.get(`${view.name}/${id}`)
      if (row === undefined) return Promise.resolve(undefined)
      const { lineage, offset, updatedAtMs, values } = row
      const stored = view.features.map(
        (name, i) => [name, decodeValue(encodeValue(values[i] ?? { type: 'unset' }))] as const,
      )
      return Promise.resolve({ lineage, offset, updatedAtMs, values: new Map(stored) })
    },
  }
}

const NEXT = { ...EXAMPLE.review, reviewId: 'next', text: 'Andy dies in prison. Or does he? Spoilers!' }
const anyNext = fc.record({
  userId: fc.constantFrom('u0', 'u1', 'nobody'),
  movieId: fc.constantFrom('m0', 'm1', 'unheard-of'),
  rating: fc.option(fc.integer({ min: 1, max: 10 })),
})

test('the online row of a review is the row of the folds, were it the next one, bit for bit', async () => {
  await fc.assert(
    fc.asyncProperty(anyInputs, anyNext, async (inputs, fields) => {
      const review = { ...NEXT, ...fields }
      const known = await readOnlineEntities(storeAfter(inputs), review)
      for (const service of Object.values(FEATURE_SERVICES)) {
        const folded = chain(logOf([...inputs, { topic: 'reviews', value: review }]), service).rows.at(-1)
        const { values, sentences } = onlineFeatureRow(review, known, service)
        expect({ values, sentences }).toEqual({ values: folded?.values, sentences: folded?.sentences })
      }
    }),
    { seed: 4, numRuns: 200 },
  )
})

test('without an author nothing is asked about one', async () => {
  const store = storeAfter([{ topic: 'reviews', value: EXAMPLE.review }])
  const { user, movie } = await readOnlineEntities(store, { userId: null, movieId: 'm1' })
  expect([user, movie?.reviews]).toEqual([null, [1]])
})

test('a row that is not of our writing is refused', async () => {
  const store: Store = {
    read: (view) => {
      const values = new Map(view.features.map((name) => [name, { type: 'double', value: 1 } as const]))
      return Promise.resolve(view === MOVIE_VIEW ? { lineage: 0, offset: 0, updatedAtMs: 0, values } : undefined)
    },
  }
  await expect(readOnlineEntities(store, { userId: 'u1', movieId: 'm1' })).rejects.toThrow('counters is double')
})
