import { CHALLENGER } from '../../schemas/deployment-slots.ts'
import type { ModelDeployment, QualityCounters, VersionTally } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'

/** Labels of these sources do not depend on what was shown; decisions rest on them. */
const DECIDING: ReadonlySet<string> = new Set(['audit', 'self-declared'])
const WHOLE = 'all'

/** Adds up what partitions have counted of the versions that hold a slot. Memory grows with versions that have scored. */
export class LiveTallies {
  readonly #counters = new Map<string, QualityCounters>()
  readonly #deployments = new Map<string, ModelDeployment>()

  count(counters: QualityCounters): void {
    if (counters.slice === WHOLE && DECIDING.has(counters.labelSource))
      this.#counters.set(topics.qualityCounters.key(counters), counters)
  }

  deploy(deployment: ModelDeployment): void {
    const known = this.#deployments.get(deployment.slot)
    if (deployment.deploymentEpoch >= (known?.deploymentEpoch ?? 0)) this.#deployments.set(deployment.slot, deployment)
  }

  /** Of champion and challenger; null while there is no challenger, and so nothing to compare. */
  now(): VersionTally[] | null {
    const challenger = this.#deployments.get(CHALLENGER)
    if (challenger === undefined || challenger.mode === 'off') return null
    return [...this.#deployments.values()].map((deployment) => this.#tallyOf(deployment))
  }

  #tallyOf({ modelName, modelVersion }: ModelDeployment): VersionTally {
    const own = [...this.#counters.values()].filter(
      (counters) => counters.modelName === modelName && counters.modelVersion === modelVersion,
    )
    const sum = (of: (counters: QualityCounters) => number): number => own.reduce((total, one) => total + of(one), 0)
    return {
      modelName,
      modelVersion,
      rows: sum(({ rows }) => rows),
      called: sum(({ called }) => called),
      positives: sum(({ positives }) => positives),
      hits: sum(({ hits }) => hits),
      squaredErrorMicros: sum(({ squaredErrorMicros }) => squaredErrorMicros),
    }
  }
}
