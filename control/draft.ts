import type { ControlEntry, ControlState, ModelDeployment, TrainingJob } from '../schemas/generated.ts'
import type { DropReason, Forward, Put, ReadonlyStores, Step, StreamRecord } from '../schemas/processor.ts'
import { hasEnded, type JobEvent, type JobState, nextState } from './job-states.ts'
import { NO_HISTORY } from './training-policy.ts'

export interface ControlStores {
  readonly jobs: TrainingJob
  /** By slot: the newest. */
  readonly deployments: ModelDeployment
  /** One entry. */
  readonly state: ControlState
}

const STATE_KEY = 'control'

/** What one entry of the control log changes: read through it, what it has changed is seen. */
export class Draft {
  readonly entry: ControlEntry
  /** Append time of the entry, Unix milliseconds. */
  readonly atMs: number
  readonly offset: number
  readonly #stores: ReadonlyStores<ControlStores>
  readonly #jobs = new Map<string, TrainingJob>()
  readonly #deployments = new Map<string, ModelDeployment>()
  readonly #forwards: Forward[] = []
  readonly #drops: { readonly reason: DropReason }[] = []
  readonly #rejects: Step<ControlStores>['rejects'][number][] = []
  #state: ControlState | undefined

  constructor({ value, appendedAtMs, position }: StreamRecord<ControlEntry>, stores: ReadonlyStores<ControlStores>) {
    this.entry = value
    this.atMs = appendedAtMs
    this.offset = position.offset
    this.#stores = stores
  }

  get state(): ControlState {
    return this.#state ?? this.#stores.state.get(STATE_KEY) ?? NO_HISTORY
  }

  remember(changed: Partial<ControlState>): void {
    this.#state = { ...this.state, ...changed }
  }

  job(jobId: string): TrainingJob | undefined {
    return this.#jobs.get(jobId) ?? this.#stores.jobs.get(jobId)
  }

  deployment(slot: string): ModelDeployment | undefined {
    return this.#deployments.get(slot) ?? this.#stores.deployments.get(slot)
  }

  /** Remembers the job and tells it. @returns as it stands then. */
  save(job: TrainingJob): TrainingJob {
    const saved = this.#stamped(job)
    this.#jobs.set(job.jobId, saved)
    this.#forwards.push({ to: 'trainingJobs', value: saved })
    return saved
  }

  /** Tells why a command changes nothing. */
  answer(job: TrainingJob, reason: string): void {
    this.#forwards.push({ to: 'trainingJobs', value: this.#stamped({ ...job, reason }) })
  }

  /**
   * What happens to a job. Who has ended needs its turn no more.
   *
   * @returns undefined when that cannot happen to a job in its state: then nothing changes.
   */
  happen(job: TrainingJob, event: JobEvent, fields: Partial<TrainingJob>): TrainingJob | undefined {
    const state = nextState(job.state as JobState, event)
    if (state === null) return undefined
    if (hasEnded(state)) {
      const { activeJobId, waiting } = this.state
      this.remember({
        activeJobId: activeJobId === job.jobId ? null : activeJobId,
        waiting: waiting.filter((jobId) => jobId !== job.jobId),
      })
    }
    return this.save({ ...job, ...fields, state })
  }

  /** Decides what a slot serves. @returns under which epoch. */
  deploy(decided: Omit<ModelDeployment, 'deploymentEpoch' | 'decidedAtMs' | 'decidedBy' | 'entryId'>): number {
    const deploymentEpoch = (this.deployment(decided.slot)?.deploymentEpoch ?? 0) + 1
    const { entryId, by } = this.entry
    const deployment = { ...decided, deploymentEpoch, decidedAtMs: this.atMs, decidedBy: by, entryId }
    this.adopt(deployment)
    this.#forwards.push({ to: 'modelDeployments', value: deployment })
    return deploymentEpoch
  }

  /** Remembers a deployment that stands in its topic already. */
  adopt(deployment: ModelDeployment): void {
    this.#deployments.set(deployment.slot, deployment)
  }

  drop(reason: DropReason): void {
    this.#drops.push({ reason })
  }

  reject(reject: Step<ControlStores>['rejects'][number]): void {
    this.#rejects.push(reject)
  }

  step(): Step<ControlStores> {
    const puts: Put<ControlStores>[] = [
      ...[...this.#jobs].map(([key, value]) => ({ store: 'jobs', key, value }) as const),
      ...[...this.#deployments].map(([key, value]) => ({ store: 'deployments', key, value }) as const),
    ]
    if (this.#state !== undefined) puts.push({ store: 'state', key: STATE_KEY, value: this.#state })
    return { puts, forwards: this.#forwards, drops: this.#drops, rejects: this.#rejects }
  }

  #stamped(job: TrainingJob): TrainingJob {
    return { ...job, entryId: this.entry.entryId, changedAtMs: this.atMs }
  }
}
