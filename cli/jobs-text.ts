import type { TaskProgress, TrainingJob, TrainingPlan } from '../schemas/generated.ts'
import { grouped, oneLine, table } from './text.ts'

const NAME_WIDTH = 12

/** What a job is at, in a few words. */
export function jobLine({ state, progress, reason }: TrainingJob): string {
  if (progress === null) return `${state}: ${oneLine(reason)}`
  return `${state}: ${countsText(progress)}`
}

function countsText({ step, done, total }: TaskProgress): string {
  return `${oneLine(step)}: ${grouped(done)} of ${grouped(total)}`
}

export function jobsText(jobs: readonly TrainingJob[]): string {
  if (jobs.length === 0) return 'No training jobs.\n'
  const rows = jobs.map((job) => [
    job.jobId,
    job.cause.kind,
    versionText(job),
    timeText(job.requestedAtMs),
    jobLine(job),
  ])
  return table(['JOB', 'CAUSE', 'VERSION', 'REQUESTED', 'STATE'], rows)
}

/** All that a person wants to know of a job. */
export function jobText(job: TrainingJob): string {
  const { jobId, state, reason, cause, plan, task, progress, datasetId, gate, deploymentEpoch } = job
  const facts: [string, string][] = [
    ['job', jobId],
    ['state', `${state}: ${oneLine(reason)}`],
    ['cause', `${cause.kind}, by ${oneLine(cause.by)}: ${oneLine(cause.reason)}`],
    ['plan', `${rowsText(plan)}, split by ${plan.split}, labels complete after ${grouped(plan.maturityMs / 1000)} s`],
    ['requested', timeText(job.requestedAtMs)],
    ['changed', timeText(job.changedAtMs)],
    ...(task === null ? [] : [['runs', `${task.step}, as ${task.taskId}`] as [string, string]]),
    ...(progress === null ? [] : [['progress', countsText(progress)] as [string, string]]),
    ['data set', datasetId ?? '–'],
    ['version', versionText(job)],
    ...(gate === null
      ? []
      : [['gate', `${gate.passed ? 'passed' : 'refused'}: ${oneLine(gate.reason)}`] as [string, string]]),
    ...(deploymentEpoch === null ? [] : [['deployment', String(deploymentEpoch)] as [string, string]]),
  ]
  return facts.map(([name, value]) => `${name.padEnd(NAME_WIDTH)}${value}\n`).join('')
}

function rowsText({ windowMs }: TrainingPlan): string {
  return windowMs === 0 ? 'all rows' : `rows of the ${grouped(windowMs / 1000)} s before the request`
}

function versionText({ candidate }: TrainingJob): string {
  return candidate === null ? '–' : `${candidate.modelName}@${candidate.modelVersion}`
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
