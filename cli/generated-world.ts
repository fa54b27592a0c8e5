import { pause } from '../platform/retry.ts'
import type { LiveState } from './live/live-state.ts'
import { worldProducer } from './pipeline.ts'
import type { RunningPipeline } from './running-pipeline.ts'

/** Longest wait of the world for its first model: one that is refused must not stop it for ever. */
const MODEL_WITHIN_MS = 300_000
const POLL_MS = 250
const DAY_MS = 86_400_000
/** Drift has its first limits after two weeks: no change comes earlier. */
const LEARNED_DAYS = 25
/** By then there are this many times the labels of a first model, so that it is trained, and mostly serves. */
const LABELS_AHEAD = 3

export interface WorldPlan {
  readonly seed: number
  /** Reviews per second. */
  readonly rate: number
  /** Event seconds per second. */
  readonly speed: number
  /** `NAME` comes once a model serves, `NAME@from..to` when it says; null: the world stays as it is. */
  readonly scenario: string | null
  /** Labels of a first model; null when none is trained. */
  readonly trainAfter: number | null
}

/** The day of event time on which the world of a plan changes; null when it does not wait for a model. */
export function changeDay({ rate, speed, scenario, trainAfter }: WorldPlan): number | null {
  if (scenario === null || trainAfter === null || scenario.includes('@')) return null
  const labelledMs = ((LABELS_AHEAD * trainAfter) / rate) * 1000 * speed
  return Math.max(LEARNED_DAYS, Math.ceil(labelledMs / DAY_MS))
}

/**
 * Publishes the world until the signal aborts. Before it changes it waits, at that day of event time, for the first model.
 * The same plan is the same world, wherever it was interrupted.
 */
export async function publishWorld(
  pipeline: Pick<RunningPipeline, 'startWorld' | 'worldHasEnded'>,
  live: Pick<LiveState, 'isModelDeployed'>,
  plan: WorldPlan,
  signal: AbortSignal,
): Promise<void> {
  const day = changeDay(plan)
  const { seed, rate, speed, scenario } = plan
  const world = ['--seed', String(seed), '--rate', String(rate), '--speed', `${speed}x`]
  const changes = scenario === null ? [] : ['--scenario', day === null ? scenario : `${scenario}@${day}d`]
  const whole = worldProducer([...world, ...changes])
  if (day === null) {
    await pipeline.startWorld(whole)
    return
  }
  await pipeline.startWorld(worldProducer([...world, ...changes, '--pause-at', `${day}d`]))
  while (!signal.aborted && !pipeline.worldHasEnded) await pause(POLL_MS, signal)
  const lateMs = performance.now() + MODEL_WITHIN_MS
  while (!signal.aborted && !live.isModelDeployed && performance.now() < lateMs) await pause(POLL_MS, signal)
  if (!signal.aborted) await pipeline.startWorld(whole)
}

/**
 * Waits until a review is published. A world that goes on makes again what it has published before: until then nothing
 * comes; one that has published all brings none at all.
 *
 * @param world What {@link publishWorld} has returned.
 */
export async function firstReview(
  pipeline: Pick<RunningPipeline, 'worldHasEnded'>,
  live: Pick<LiveState, 'reviews'>,
  world: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const started = { whole: false }
  void world.then(() => (started.whole = true))
  while (!signal.aborted && live.reviews === 0 && !(started.whole && pipeline.worldHasEnded))
    await pause(POLL_MS, signal)
}
