import { expect, test } from 'vitest'
import { changeDay, firstReview, publishWorld, type WorldPlan } from '../../../cli/generated-world.ts'
import type { ComponentSpec } from '../../../platform/supervisor.ts'

const PLAN: WorldPlan = { seed: 7, rate: 200, speed: 21_600, scenario: 'spam-wave', trainAfter: 12_000 }

test.each<{ name: string; plan: Partial<WorldPlan>; day: number | null }>([
  { name: 'three times the time that the labels of a model take', plan: {}, day: 45 },
  { name: 'not before drift has its limits', plan: { trainAfter: 100 }, day: 25 },
  { name: 'a window that was given', plan: { scenario: 'spam-wave@30d..60d' }, day: null },
  { name: 'a world that stays as it is', plan: { scenario: null }, day: null },
  { name: 'nothing that is trained', plan: { trainAfter: null }, day: null },
])('when the world changes: $name', ({ plan, day }) => {
  expect(changeDay({ ...PLAN, ...plan })).toBe(day)
})

/** A pipeline that publishes at once what it is told to. */
function published(plan: WorldPlan, isModelDeployed: () => boolean) {
  const worlds: string[] = []
  const pipeline = {
    startWorld: ({ argv }: ComponentSpec) => {
      worlds.push(argv.slice(argv.indexOf('--seed')).join(' '))
      return Promise.resolve()
    },
    worldHasEnded: true,
  }
  const live = {
    get isModelDeployed() {
      return isModelDeployed()
    },
  }
  const ending = new AbortController()
  return { worlds, ending, running: publishWorld(pipeline, live, plan, ending.signal) }
}

test('the world waits at the day of its change until a model is deployed, and goes on as the same world', async () => {
  let looks = 0
  const { worlds, running } = published(PLAN, () => ++looks > 1)
  await running
  const whole = '--seed 7 --rate 200 --speed 21600x --scenario spam-wave@45d'
  expect(worlds).toEqual([`${whole} --pause-at 45d`, whole])
})

test('a world that stays as it is is published in one go', async () => {
  const { worlds, running } = published({ ...PLAN, scenario: null }, () => false)
  await running
  expect(worlds).toEqual(['--seed 7 --rate 200 --speed 21600x'])
})

test('whoever ends it while it waits has ended it', async () => {
  const { worlds, ending, running } = published(PLAN, () => false)
  ending.abort()
  await running
  expect(worlds).toHaveLength(1)
})

test('the first review is waited for, but not of a world that has none left', async () => {
  const { signal } = new AbortController()
  const world = Promise.resolve()
  await firstReview({ worldHasEnded: true }, { reviews: 0 }, world, signal)
  let looks = 0
  const live = {
    get reviews() {
      return looks++ === 0 ? 0 : 1
    },
  }
  await firstReview({ worldHasEnded: false }, live, world, signal)
  expect(looks).toBe(2)
  // between its two parts a world has ended for a moment
  const ending = new AbortController()
  const waiting = firstReview(
    { worldHasEnded: true },
    { reviews: 0 },
    new Promise<void>(() => undefined),
    ending.signal,
  )
  expect(await Promise.race([waiting.then(() => 'went on'), world.then(() => 'waits')])).toBe('waits')
  ending.abort()
  await waiting
})
