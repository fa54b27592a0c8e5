import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { GRADUAL_SCENARIOS, SEASONAL_SCENARIOS, SUDDEN_SCENARIOS } from '../../producers/world/scenarios.ts'
import type { DriftEvent } from '../../schemas/generated.ts'
import { LABEL_MATURITY_MS, WINDOW_MS } from '../../stream-processors/drift/counters.ts'
import { END_MS, type SimulatedWorld } from './simulate-drift.ts'

/** Changes come after so many windows: the reference is learned, the first weeks of the world are over. */
const ONSET_WINDOWS = 45
/** So many windows of a change are looked at. */
const CHANGED_WINDOWS = 30
/** A quiet world is a year, so that every season is in it. */
const QUIET_WINDOWS = 365

export interface HarnessPlan {
  /** First of the seeds; the detector was tuned on those below {@link FIRST_REPORTED_SEED}. */
  readonly seed: number
  /** Worlds of each change. */
  readonly seeds: number
  /** Windows in which nothing changes, or only seasons do. */
  readonly quietWindows: number
  readonly reviewsAWindow: number
  /** Worlds that are simulated side by side. */
  readonly jobs: number
}

/** The detector's constants were chosen by worlds of smaller seeds. */
export const FIRST_REPORTED_SEED = 3_000

/** What drift has said of one world. */
export interface WorldOutcome {
  readonly world: SimulatedWorld
  /** Windows from the onset on until the first alarm is known, 1 is the window of the onset; null without an alarm. */
  readonly delayWindows: number | null
  readonly first: DriftEvent | null
  readonly falseAlarms: readonly DriftEvent[]
  readonly raised: readonly DriftEvent[]
}

export interface ScenarioOutcome {
  readonly scenario: string
  readonly kind: 'sudden' | 'gradual' | 'quiet'
  readonly worlds: number
  /** Windows in which nothing had changed. */
  readonly quietWindows: number
  /** Of a change: worlds in which no alarm was raised. */
  readonly missed: number
  /** Of a change, ascending, in windows. */
  readonly delays: readonly number[]
  /** In the windows in which nothing had changed. */
  readonly falseAlarms: number
  /** What the first alarm said; without a change, a false one. */
  readonly cause: string | null
  /** Of a change: worlds with an alarm on features, scores, labels or outcomes. */
  readonly worldsBySubject: Readonly<Record<string, number>>
}

export interface HarnessReport {
  readonly plan: HarnessPlan
  readonly scenarios: readonly ScenarioOutcome[]
  readonly quietWindows: number
  readonly falseAlarms: number
  readonly falseAlarmsPerThousand: number
}

/** The worlds of a plan: each change with each seed, and years that are quiet or only have seasons. */
export function plannedWorlds({ seed, seeds, quietWindows, reviewsAWindow }: HarnessPlan): SimulatedWorld[] {
  const changes = [...SUDDEN_SCENARIOS, ...GRADUAL_SCENARIOS].flatMap((name) =>
    Array.from({ length: seeds }, (_, i) => ({
      seed: seed + i,
      windows: ONSET_WINDOWS + CHANGED_WINDOWS,
      reviewsAWindow,
      scenario: { name, fromWindow: ONSET_WINDOWS },
    })),
  )
  const kinds = [null, ...SEASONAL_SCENARIOS]
  const quiet = Array.from({ length: Math.ceil(quietWindows / QUIET_WINDOWS) }, (_, i) => {
    const name = kinds[i % kinds.length] ?? null
    const scenario = name === null ? null : { name, fromWindow: 0 }
    return { seed: seed + 500 + i, windows: QUIET_WINDOWS, reviewsAWindow, scenario }
  })
  return [...quiet, ...changes] // the long ones first: they end last
}

interface HarnessDeps {
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

/** Simulates all worlds, as many side by side as there are jobs. @throws AbortError when interrupted. */
export async function runHarness(plan: HarnessPlan, { signal, onProgress }: HarnessDeps): Promise<HarnessReport> {
  const worlds = plannedWorlds(plan)
  const waiting = [...worlds.keys()]
  const outcomes = new Map<number, WorldOutcome>()
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('harness-worker.ts', import.meta.url))
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        worker.postMessage(worlds[next])
        const [outcome] = (await once(worker, 'message', { signal })) as [WorldOutcome]
        outcomes.set(next, outcome)
        onProgress(outcomes.size, worlds.length)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: plan.jobs }, work))
  return reportOf(
    plan,
    [...worlds.keys()].map((index) => outcomes.get(index) as WorldOutcome),
  )
}

/** What of the events of a world counts: alarms before the change are false. */
export function outcomeOf(world: SimulatedWorld, events: readonly DriftEvent[]): WorldOutcome {
  const beginMs = END_MS - world.windows * WINDOW_MS
  const raised = events.filter(({ state }) => state === 'raised')
  const onsetMs = beginMs + (world.scenario?.fromWindow ?? 0) * WINDOW_MS
  const known = raised.map((event) => ({ event, atMs: knownMs(event) })).sort((a, b) => a.atMs - b.atMs)
  const first = known.find(({ event }) => event.endMs > onsetMs)
  const delayWindows = first === undefined ? null : Math.ceil((first.atMs - onsetMs) / WINDOW_MS)
  const isFalse = ({ endMs }: DriftEvent): boolean => world.scenario === null || isSeason(world) || endMs <= onsetMs
  return { world, delayWindows, first: first?.event ?? null, falseAlarms: raised.filter(isFalse), raised }
}

/** Event time at which the window of an alarm is over, and its labels are there if it needs them. */
function knownMs({ subject, endMs }: DriftEvent): number {
  return subject.startsWith('outcomes/') ? endMs + LABEL_MATURITY_MS : endMs
}

function isSeason({ scenario }: SimulatedWorld): boolean {
  return scenario !== null && SEASONAL_SCENARIOS.includes(scenario.name)
}

export function reportOf(plan: HarnessPlan, outcomes: readonly WorldOutcome[]): HarnessReport {
  const names = [...new Set(outcomes.map(({ world }) => nameOf(world)))]
  const scenarios = names.map((name) => scenarioOutcome(name, outcomes))
  const quietWindows = scenarios.reduce((sum, one) => sum + one.quietWindows, 0)
  const falseAlarms = scenarios.reduce((sum, one) => sum + one.falseAlarms, 0)
  return { plan, scenarios, quietWindows, falseAlarms, falseAlarmsPerThousand: (1_000 * falseAlarms) / quietWindows }
}

function nameOf({ scenario }: SimulatedWorld): string {
  return scenario?.name ?? 'nothing changes'
}

function scenarioOutcome(scenario: string, all: readonly WorldOutcome[]): ScenarioOutcome {
  const own = all.filter(({ world }) => nameOf(world) === scenario)
  const kind = SUDDEN_SCENARIOS.includes(scenario)
    ? 'sudden'
    : GRADUAL_SCENARIOS.includes(scenario)
      ? 'gradual'
      : 'quiet'
  const isChange = kind !== 'quiet'
  const falseAlarms = own.flatMap((outcome) => outcome.falseAlarms)
  const subjects = own.map((outcome) => subjectsOf(outcome))
  const known = [...new Set(subjects.flatMap((of) => [...of]))].sort()
  return {
    scenario,
    kind,
    worlds: own.length,
    quietWindows: own.reduce((sum, { world }) => sum + (isChange ? ONSET_WINDOWS : world.windows), 0),
    missed: isChange ? own.filter(({ delayWindows }) => delayWindows === null).length : 0,
    delays: isChange ? own.flatMap(({ delayWindows }) => delayWindows ?? []).sort((a, b) => a - b) : [],
    falseAlarms: falseAlarms.length,
    cause: (isChange ? own.find(({ first }) => first !== null)?.first : falseAlarms[0])?.cause ?? null,
    worldsBySubject: Object.fromEntries(
      known.map((subject) => [subject, subjects.filter((of) => of.has(subject)).length]),
    ),
  }
}

/** On what an alarm was raised since the change. */
function subjectsOf({ raised, falseAlarms }: WorldOutcome): ReadonlySet<string> {
  const right = raised.filter((event) => !falseAlarms.includes(event))
  return new Set(right.map(({ subject }) => subject.split('/')[0] ?? ''))
}
