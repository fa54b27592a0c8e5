import { describe, expect, test } from 'vitest'
import {
  FIRST_REPORTED_SEED,
  outcomeOf,
  plannedWorlds,
  reportOf,
  type WorldOutcome,
} from '../../../../cli/drift/harness.ts'
import { harnessText } from '../../../../cli/drift/drift-text.ts'
import { decide, END_MS, simulatePartials, type SimulatedWorld } from '../../../../cli/drift/simulate-drift.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../../../../inference/model-version.ts'
import type { DriftEvent } from '../../../../schemas/generated.ts'
import { GRADUAL_SCENARIOS, SEASONAL_SCENARIOS, SUDDEN_SCENARIOS } from '../../../../producers/world/scenarios.ts'
import { WINDOW_MS } from '../../../../stream-processors/drift/counters.ts'

const PLAN = { seed: FIRST_REPORTED_SEED, seeds: 2, quietWindows: 1_000, reviewsAWindow: 100, jobs: 1 }
const CHANGED: SimulatedWorld = {
  seed: 1,
  windows: 60,
  reviewsAWindow: 100,
  scenario: { name: 'spam-wave', fromWindow: 40 },
}

function event(state: 'raised' | 'ended', lastWindow: number, subject = 'features/spoiler_v1'): DriftEvent {
  const endMs = END_MS - (CHANGED.windows - lastWindow) * WINDOW_MS
  return { state, endMs, subject, cause: `until ${lastWindow}` } as DriftEvent
}

test('a plan has every change with every seed, and years without a change, with all seasons', () => {
  const worlds = plannedWorlds(PLAN)
  const names = worlds.map(({ scenario }) => scenario?.name ?? 'quiet')
  for (const name of [...SUDDEN_SCENARIOS, ...GRADUAL_SCENARIOS])
    expect(names.filter((one) => one === name)).toHaveLength(PLAN.seeds)
  const quiet = worlds.filter(({ scenario }) => scenario === null || SEASONAL_SCENARIOS.includes(scenario.name))
  expect(quiet.reduce((sum, { windows }) => sum + windows, 0)).toBeGreaterThanOrEqual(PLAN.quietWindows)
  expect(new Set(quiet.map(({ scenario }) => scenario?.name)).size).toBe(1 + SEASONAL_SCENARIOS.length)
  expect(worlds.every(({ seed }) => seed >= FIRST_REPORTED_SEED)).toBe(true)
})

describe('the delay of an alarm counts the windows since the change', () => {
  test.each([
    { of: 'in its first window', events: [event('raised', 41)], delay: 1 },
    { of: 'in its second', events: [event('raised', 42), event('raised', 50)], delay: 2 },
    { of: 'only before it', events: [event('raised', 40), event('ended', 45)], delay: null },
    { of: 'never', events: [], delay: null },
    { of: 'a week later, when it needs labels', events: [event('raised', 42, 'outcomes/prior@1')], delay: 9 },
  ])('$of', ({ events, delay }) => expect(outcomeOf(CHANGED, events).delayWindows).toBe(delay))
})

test('alarms in worlds without a change, and before it, are false, and counted per thousand windows', () => {
  const quiet: SimulatedWorld = { ...CHANGED, windows: 500, scenario: null }
  const seasons: SimulatedWorld = { ...quiet, scenario: { name: 'seasons', fromWindow: 0 } }
  const outcomes: WorldOutcome[] = [
    outcomeOf(quiet, []),
    outcomeOf(seasons, [event('raised', 3)]),
    outcomeOf(CHANGED, [event('raised', 42)]),
    outcomeOf(CHANGED, [event('raised', 20)]),
  ]
  const report = reportOf(PLAN, outcomes)
  expect(report).toMatchObject({ quietWindows: 1_090, falseAlarms: 2, falseAlarmsPerThousand: 2_000 / 1_090 })
  const change = report.scenarios.find(({ scenario }) => scenario === 'spam-wave')
  expect(change).toMatchObject({
    kind: 'sudden',
    worlds: 2,
    missed: 1,
    delays: [2],
    cause: 'until 42',
    worldsBySubject: { features: 1 },
  })
  expect(harnessText(report)).toContain('1,090 quiet windows of about 100 reviews: 2 false alarms, 1.83 per 1,000.')
})

test('a world through the real folds: a spam wave is found within three windows, the weeks before it are quiet', async () => {
  await using model = await loadModelVersion(PRIOR_FOLDER)
  const world = { ...CHANGED, seed: 3, windows: 46 }
  const partials = await simulatePartials(world, model)
  const { windows, events } = decide(partials)
  const outcome = outcomeOf(world, events)
  expect(outcome.delayWindows).toBeLessThanOrEqual(3)
  expect(outcome.raised[0]?.cause).toMatch(/^share of reviews .* rose from .* %/)
  expect(outcome.raised.every(({ endMs }) => endMs > END_MS - 6 * WINDOW_MS)).toBe(true)
  expect(windows.filter(({ subject }) => subject.startsWith('features/')).length).toBeGreaterThanOrEqual(30)
  expect(decide(partials)).toEqual({ windows, events })
}, 120_000)
