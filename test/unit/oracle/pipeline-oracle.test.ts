import { afterAll, expect, test } from 'vitest'
import { loadModelVersion } from '../../../inference/model-version.ts'
import { World } from '../../../producers/world/world.ts'
import type { ReviewFeatures, SpoilerScore } from '../../../schemas/generated.ts'
import type { StreamRecord } from '../../../schemas/processor.ts'
import { topics } from '../../../schemas/topics.ts'
import { scoreRows } from '../../../inference/score-row.ts'
import { chain, valuesTo } from '../../support/fold-chain.ts'
import { checkPipeline, type Recorded } from '../../support/oracle/pipeline-oracle.ts'
import { logOf } from '../../support/review-world.ts'

const START_MS = Date.UTC(2026, 0, 1)
const REVIEWS = 150

const model = await loadModelVersion('inference/versions/prior')
afterAll(() => model[Symbol.asyncDispose]())

async function scoresOf(rows: readonly StreamRecord<ReviewFeatures>[]): Promise<SpoilerScore[]> {
  const results = await scoreRows(rows, [{ model, deploymentEpoch: 0 }])
  return results.flatMap((result) => (result.kind === 'score' ? [result.score] : []))
}

/** A whole run in memory: what a faultless pipeline records. */
async function faultless(): Promise<Recorded> {
  const world = new World({ seed: 7, rate: 200, speed: 21_600, startMs: START_MS, reviews: REVIEWS })
  const inputs = [...world.events()].map(({ topic, value }) => ({ topic: topics[topic].name, value }))
  const log = logOf(inputs as never)
  const run = chain(log)
  const at = <V>(topic: string, values: readonly V[]): StreamRecord<V>[] =>
    values.map((value, offset) => ({ key: null, value, position: { topic, partition: 0, offset }, appendedAtMs: 0 }))
  const reviewFeatures = at(topics.reviewFeatures.name, run.rows)
  const newest = <T extends 'userFeatures' | 'movieFeatures'>(topic: T, output: Parameters<typeof valuesTo>[1]) =>
    new Map(valuesTo(topic, output).map((row) => [(topics[topic].key as (value: unknown) => string)(row), row]))
  return {
    publicInputs: log,
    poison: [],
    deadLetters: [],
    userActivity: run.userActivity,
    movieActivity: run.movieActivity,
    reviewFeatures,
    spoilerScores: at(topics.spoilerScores.name, await scoresOf(reviewFeatures)),
    userFeatures: newest('userFeatures', run.userHistory.output),
    movieFeatures: newest('movieFeatures', run.movieContext.output),
  }
}

const recorded = await faultless()
const found = async (changed: Partial<Recorded>): Promise<string[]> => {
  const violations = await checkPipeline({ ...recorded, ...changed }, scoresOf)
  return violations.map(({ stage, symptom }) => `${stage}: ${symptom}`)
}

function changedScore(fields: Partial<SpoilerScore>): StreamRecord<SpoilerScore>[] {
  const [first, ...rest] = recorded.spoilerScores as [StreamRecord<SpoilerScore>]
  return [{ ...first, value: { ...first.value, ...fields } }, ...rest]
}

test('a faultless run passes, and is not empty', async () => {
  expect(await found({})).toEqual([])
  expect(recorded.spoilerScores).toHaveLength(REVIEWS)
  expect(recorded.movieActivity.some(({ value }) => value.label !== null)).toBe(true)
})

test.each([
  { bug: 'a score is missing', change: { spoilerScores: recorded.spoilerScores.slice(1) }, symptoms: ['scorer: lost'] },
  {
    bug: 'a score is there twice',
    change: { spoilerScores: [...recorded.spoilerScores, ...recorded.spoilerScores.slice(0, 1)] },
    symptoms: ['scorer: duplicated', 'scorer: reordered'],
  },
  {
    bug: 'a score differs in its last bit',
    change: {
      spoilerScores: changedScore({ probability: (recorded.spoilerScores[0]?.value.probability ?? 0) + 2 ** -53 }),
    },
    symptoms: ['scorer: lost', 'scorer: unexpected'],
  },
  {
    bug: 'a score is of a deployment that was not decided',
    change: { spoilerScores: changedScore({ deploymentEpoch: 1 }) },
    symptoms: ['scorer: lost', 'scorer: unexpected'],
  },
  {
    bug: 'a public record was swallowed',
    change: { userActivity: recorded.userActivity.slice(0, -1) },
    symptoms: expect.arrayContaining(['intake: lost']) as string[],
  },
  {
    bug: 'a fold counted a record twice',
    change: { userActivity: recorded.userActivity.toSpliced(40, 0, recorded.userActivity[39] as never) },
    symptoms: expect.arrayContaining(['intake: duplicated']) as string[],
  },
  {
    bug: 'the newest row of a user is an older one',
    change: { userFeatures: new Map([...recorded.userFeatures].map(([id, row]) => [id, { ...row, values: [] }])) },
    symptoms: ['user-history: lost', 'user-history: unexpected'],
  },
])('$bug: the check names the stage and the symptom', async ({ change, symptoms }) => {
  expect(await found(change)).toEqual(symptoms)
})

test('records of one user in another order than in the public topic are found', async () => {
  const [a, b] = recorded.userActivity.flatMap(({ value }, i) => (value.userId === busiestUser() ? [i] : []))
  if (a === undefined || b === undefined) throw new Error('nobody has two records')
  const swapped = recorded.userActivity
    .with(a, recorded.userActivity[b] as never)
    .with(b, recorded.userActivity[a] as never)
  expect(await found({ userActivity: swapped })).toContain('intake: reordered')
})

function busiestUser(): string | undefined {
  const byUser = Map.groupBy(recorded.userActivity, ({ value }) => value.userId)
  return [...byUser].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0]
}
