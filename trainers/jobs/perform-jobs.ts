import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { ControlEntry, TaskReport, TrainingJob, TrainingTask } from '../../schemas/generated.ts'
import type { Launcher, TaskStatus } from '../launchers/launcher.ts'
import { lineOf, resultOf } from './task-lines.ts'

/** What control shall react to; the rest of the entry is empty. */
export type Said = Partial<Omit<ControlEntry, 'entryId' | 'by'>>

interface PerformDeps {
  readonly launcher: Launcher
  /** Resolves when the entry is acknowledged. */
  readonly say: (entryId: string, said: Said) => Promise<void>
  /** Waits until what every task needs can be reached; false when it waits no more. */
  readonly untilReady: () => Promise<boolean>
  readonly log: Logger
}

/**
 * Carries out what stands in `training-jobs`: a task is submitted, watched, and what comes of it is said to control.
 * All of it may be done twice, after a crash between any two steps: the launcher starts a task once, and control
 * takes one result of it.
 */
export class JobPerformer {
  readonly #deps: PerformDeps
  readonly #jobs = new Map<string, TrainingJob>()
  /** What was said last of the task that runs. */
  readonly #said = new Map<string, TaskReport>()

  constructor(deps: PerformDeps) {
    this.#deps = deps
  }

  /** The newest record of a job. */
  learn(job: TrainingJob): void {
    this.#jobs.set(job.jobId, job)
  }

  /** Does what is to be done now. */
  async look(): Promise<void> {
    const wanted = [...this.#jobs.values()].flatMap((job) => (job.task === null ? [] : [{ job, task: job.task }]))
    await this.#endOthers(new Set(wanted.map(({ task }) => task.taskId)))
    for (const { job, task } of wanted) await this.#tend(job, task)
  }

  /** Tasks of jobs that were cancelled, also while no control was there. */
  async #endOthers(wanted: ReadonlySet<string>): Promise<void> {
    const { launcher, log } = this.#deps
    for (const taskId of await launcher.running()) {
      if (wanted.has(taskId)) continue
      log.info({ taskId }, 'the task is not wanted any more, and is ended')
      await launcher.cancel(taskId)
    }
  }

  async #tend(job: TrainingJob, task: TrainingTask): Promise<void> {
    const { launcher, untilReady, log } = this.#deps
    const { taskId } = task
    const before = this.#said.get(taskId)
    if (before !== undefined && before.state !== 'running') return // control has not read it yet
    let status = await launcher.status(taskId)
    if (status.kind === 'unknown') {
      if (!(await untilReady())) return
      const line = lineOf(job)
      log.info({ taskId, line }, 'the task is launched')
      await launcher.submit({ taskId, line })
      status = await launcher.status(taskId)
    }
    const report = reportOf(task, status)
    if (isDeepStrictEqual(report, before)) return
    await this.#deps.say(`${taskId}:${report.state}`, { taskReport: report })
    this.#said.set(taskId, report)
    if (report.state !== 'running') log.info({ taskId, state: report.state, message: report.message }, 'the task ended')
  }
}

function reportOf({ taskId, step }: TrainingTask, status: TaskStatus): TaskReport {
  const report = {
    taskId,
    state: status.kind,
    message: '',
    progress: null,
    datasetId: null,
    candidate: null,
    gate: null,
  }
  switch (status.kind) {
    case 'running':
      return { ...report, progress: status.progress }
    case 'succeeded':
      try {
        return { ...report, ...resultOf(step, status.stdout) }
      } catch (error) {
        const message = `its output is not what was expected: ${(error as Error).message}`
        return { ...report, state: 'failed', message }
      }
    case 'unknown':
      return { ...report, state: 'lost', message: 'the launcher does not know it' }
    case 'failed':
    case 'lost':
      return { ...report, message: status.message }
  }
}
