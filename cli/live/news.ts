import type { DriftEvent, ModelDeployment, TrainingJob } from '../../schemas/generated.ts'
import { oneLine } from '../text.ts'

export function alarmNews({ state, cause }: DriftEvent): string {
  return state === 'raised' ? `drift: ${oneLine(cause)}` : `drift has ended: ${oneLine(cause)}`
}

export function deploymentNews({ slot, mode, share, modelName, modelVersion, reason }: ModelDeployment): string {
  const does = mode === 'canary' ? `canary of ${Math.round(share * 100)} %` : mode
  return `${slot} ${does}: ${modelName}@${modelVersion.slice(0, 8)}: ${oneLine(reason)}`
}

/** Says once what state a job has come to. */
export class JobNews {
  readonly #states = new Map<string, string>()

  /** Null when the state is known. */
  of({ jobId, state, reason }: TrainingJob): string | null {
    if (this.#states.get(jobId) === state) return null
    this.#states.set(jobId, state)
    return `job ${jobId} ${state}: ${oneLine(reason)}`
  }
}
