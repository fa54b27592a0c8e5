import type { Serving } from '../inference/score-row.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { ModelActivation } from '../schemas/generated.ts'
import { CHALLENGER } from '../schemas/deployment-slots.ts'
import { placesRead } from '../schemas/feature-services.ts'
import { activationOf, isSame } from './activations.ts'

/** A challenger that scores beside the champion. */
export interface RunningTrial extends Serving {
  /** shadow: into a topic of its own. canary: answers for its share. */
  readonly mode: 'shadow' | 'canary'
  /** Share of the reviews that it scores, 0 to 1. */
  readonly share: number
  /** The deployment, as it stands in its log. */
  readonly record: InputRecord
}

/** Nobody challenges. */
export interface NoTrial {
  readonly mode: 'off'
  readonly deploymentEpoch: number
  readonly model: AsyncDisposable
}

export type Trial = RunningTrial | NoTrial

export function noTrial(deploymentEpoch: number): NoTrial {
  return { mode: 'off', deploymentEpoch, model: { [Symbol.asyncDispose]: () => Promise.resolve() } }
}

export interface TrialStep {
  /** What scores beside the champion from this offset on. */
  readonly trial: Trial
  /** To be written down with the first score. */
  readonly activation: ModelActivation | undefined
}

/**
 * What a challenger may do with rows of a feature service in a partition from an offset on. Unlike the champion it may be missing: then that is written
 * down, so that the ledger says of every row who answered.
 *
 * @param recorded Newest activation of the slot there.
 */
export function decideTrial(
  recorded: ModelActivation | undefined,
  at: Pick<ModelActivation, 'partition' | 'fromOffset' | 'featureService'>,
  trial: Trial,
): TrialStep {
  const isBehind = trial.deploymentEpoch < (recorded?.deploymentEpoch ?? 0)
  if (trial.mode === 'off' || isBehind || !reads(trial, at.featureService)) {
    const ends = recorded !== undefined && recorded.mode !== 'off'
    const activation = ends ? { ...recorded, fromOffset: at.fromOffset, mode: 'off' } : undefined
    return { trial: noTrial(trial.deploymentEpoch), activation }
  }
  const { mode, share } = trial
  const activation = activationOf(at, trial, { slot: CHALLENGER, mode, share })
  const isKnown = recorded !== undefined && isSame(recorded, activation)
  return { trial, activation: isKnown ? undefined : activation }
}

/** Whether a challenger reads rows of a feature service. */
export function reads({ model }: RunningTrial, featureService: string): boolean {
  return placesRead(featureService, model.featureService) !== undefined
}

/** So long a challenger may hold the champion up, once. */
const BURST_MS = 2_000
/** And for such a share of the time, always. */
const SHARE_OF_TIME = 0.5

/** How long a challenger may still hold the champion up: a bucket that leaks as time passes. */
export class Patience {
  readonly #nowMs: () => number
  #debtMs = 0
  #atMs: number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#atMs = nowMs()
  }

  leftMs(): number {
    const nowMs = this.#nowMs()
    this.#debtMs = Math.max(0, this.#debtMs - SHARE_OF_TIME * (nowMs - this.#atMs))
    this.#atMs = nowMs
    return Math.max(0, BURST_MS - this.#debtMs)
  }

  spend(ms: number): void {
    this.#debtMs += ms
  }
}
