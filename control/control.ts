import type {
  ControlEntry,
  DeployCommand,
  GateResult,
  JobCommand,
  ModelDeployment,
  TaskReport,
  TrainingCause,
  TrainingJob,
  TrainingPlan,
  TrainingRequest,
} from '../schemas/generated.ts'
import { CHALLENGER, CHAMPION } from '../schemas/deployment-slots.ts'
import type { Processor } from '../schemas/processor.ts'
import { type ControlStores, Draft } from './draft.ts'
import { hasEnded, type JobEvent, type JobState } from './job-states.ts'
import { beginTrial, endTrial, weighTrial } from './trial.ts'
import { afterStart, decideTraining, DEFAULT_PLAN } from './training-policy.ts'

const SERVES = { mode: 'serve', share: 1, jobId: '', gateReport: '' } as const
/** A step whose tasks are lost so often in a row has another reason than a machine that went away. */
const MOST_LOST_TASKS = 3

/**
 * Folds the control log into training jobs and deployments, and alone writes them. A decision is a record before it is
 * carried out: whoever launches reads `training-jobs`, does what stands there once, and appends what came of it.
 */
export const control: Processor<ControlEntry, ControlStores> = {
  name: 'control',
  stores: {
    jobs: { schema: 'TrainingJob' },
    deployments: { schema: 'ModelDeployment' },
    state: { schema: 'ControlState' },
  },
  onRecord(record, stores) {
    const draft = new Draft(record, stores)
    apply(draft)
    giveTurn(draft)
    return draft.step()
  },
}

function apply(draft: Draft): void {
  const { request, jobCommand, deployCommand, taskReport, labels, policy, alarm, tallies, deployment } = draft.entry
  if (request !== null) requestJob(draft, request)
  else if (jobCommand !== null) commandJob(draft, jobCommand)
  else if (deployCommand !== null) deployByHand(draft, deployCommand)
  else if (taskReport !== null) takeReport(draft, taskReport)
  else if (deployment !== null) adopt(draft, deployment)
  else if (labels !== null) draft.remember({ labels: Math.max(labels, draft.state.labels) })
  else if (policy !== null) draft.remember({ policy })
  else if (alarm !== null)
    draft.remember({
      alarm,
      labelsAtAlarm: draft.state.alarm === null ? draft.state.labels : draft.state.labelsAtAlarm,
    })
  else if (tallies !== null) weighTrial(draft, tallies)
}

/** One job at a time: whoever waits longest, else what the policy asks for. */
function giveTurn(draft: Draft): void {
  const { activeJobId, waiting } = draft.state
  if (activeJobId !== null) return
  const [jobId] = waiting
  const next = jobId === undefined ? jobOfPolicy(draft) : draft.job(jobId)
  if (next === undefined) return
  draft.remember({ ...afterStart(draft.state, draft.atMs), activeJobId: next.jobId, waiting: waiting.slice(1) })
  launch(draft, next, `its turn has come: ${next.cause.reason}`)
}

function jobOfPolicy(draft: Draft): TrainingJob | undefined {
  const deployed = draft.deployment(CHAMPION) !== undefined
  const decision = decideTraining(draft.state, { deployed, atMs: draft.atMs })
  if (decision.kind === 'wait') return undefined
  // the offset makes it the same job on every replay
  return newJob(draft, `auto-${draft.offset}`, { cause: { ...decision.cause, by: 'control' }, plan: null })
}

interface Wish {
  readonly cause: TrainingCause
  readonly plan: TrainingPlan | null
}

function newJob(draft: Draft, jobId: string, { cause, plan }: Wish): TrainingJob {
  return draft.save({
    jobId,
    state: 'requested' satisfies JobState,
    reason: cause.reason,
    entryId: '',
    cause,
    plan: plan ?? draft.state.policy?.plan ?? DEFAULT_PLAN,
    retries: 0,
    tasks: 0,
    lostTasks: 0,
    task: null,
    progress: null,
    datasetId: null,
    candidate: null,
    gate: null,
    deploymentEpoch: null,
    requestedAtMs: draft.atMs,
    changedAtMs: draft.atMs,
  })
}

function requestJob(draft: Draft, { jobId, reason, plan }: TrainingRequest): void {
  if (draft.job(jobId) !== undefined) {
    draft.drop('duplicate')
    return
  }
  newJob(draft, jobId, { cause: { kind: 'person', by: draft.entry.by, reason, alarmId: null }, plan })
  draft.remember({ waiting: [...draft.state.waiting, jobId] })
}

function commandJob(draft: Draft, { jobId, action, retries, reason }: JobCommand): void {
  const job = draft.job(jobId)
  if (job === undefined) {
    draft.reject({ code: 'SPL_JOB_UNKNOWN', cause: `${action} of ${jobId}` })
    return
  }
  const why = `${action} by ${draft.entry.by}: ${reason}`
  const changed = retries === job.retries ? carryOut(draft, job, { action, why }) : undefined
  if (changed === undefined) draft.answer(job, `${why}; it is ${job.state}, so nothing changes`)
}

function carryOut(
  draft: Draft,
  job: TrainingJob,
  { action, why }: { action: string; why: string },
): TrainingJob | undefined {
  if (action === 'cancel') {
    const cancelled = draft.happen(job, 'cancel', { task: null, progress: null, reason: why })
    if (cancelled !== undefined && draft.state.trial?.jobId === job.jobId) endTrial(draft, why, { isEmptied: true })
    return cancelled
  }
  const again = { retries: job.retries + 1, lostTasks: 0, gate: null, reason: why }
  const waiting = action === 'retry' ? draft.happen(job, 'retry', again) : undefined
  if (waiting !== undefined) draft.remember({ waiting: [...draft.state.waiting, job.jobId] })
  return waiting
}

/** A decision that another has overtaken, and one that comes twice, change nothing. */
function deployByHand(draft: Draft, { afterEpoch, isTrial, ...wanted }: DeployCommand): void {
  if ((draft.deployment(wanted.slot)?.deploymentEpoch ?? 0) !== afterEpoch) {
    draft.drop('late')
    return
  }
  const { slot, reason, gateReport } = wanted
  const champion = draft.deployment(CHAMPION)
  endTrial(draft, `${draft.entry.by} has decided: ${reason}`, { isEmptied: slot === CHAMPION })
  if (isTrial && slot === CHALLENGER && champion !== undefined)
    beginTrial(draft, { jobId: '', candidate: wanted, before: champion, reason, gateReport })
  else draft.deploy({ ...SERVES, ...wanted })
}

function adopt(draft: Draft, deployment: ModelDeployment): void {
  const known = draft.deployment(deployment.slot)?.deploymentEpoch ?? 0
  if (deployment.deploymentEpoch > known) draft.adopt(deployment)
  else draft.drop('duplicate')
}

/** What a job does not have yet is launched. */
function launch(draft: Draft, job: TrainingJob, reason: string): void {
  const event = job.candidate !== null ? 'gate' : job.datasetId !== null ? 'fit' : 'build'
  launchTask(draft, job, { event, reason, lostTasks: 0 })
}

const STEPS = { build: 'dataset', fit: 'fit', gate: 'gate' } as const satisfies Partial<Record<JobEvent, string>>

interface Launch {
  readonly event: keyof typeof STEPS | 'again'
  readonly reason: string
  readonly lostTasks: number
}

function launchTask(draft: Draft, job: TrainingJob, { event, reason, lostTasks }: Launch): void {
  const tasks = job.tasks + 1
  const step = event === 'again' ? (job.task?.step ?? '') : STEPS[event]
  const task = { taskId: `${job.jobId}-${tasks}`, step }
  draft.happen(job, event, { task, tasks, lostTasks, progress: null, reason })
}

/** Only what is said of the task that runs counts: whatever else comes is late, or comes twice. */
function takeReport(draft: Draft, report: TaskReport): void {
  const job = draft.job(report.taskId.slice(0, report.taskId.lastIndexOf('-')))
  if (job?.task?.taskId !== report.taskId || hasEnded(job.state as JobState)) {
    draft.drop('late')
    return
  }
  switch (report.state) {
    case 'running':
      draft.save({ ...job, progress: report.progress })
      return
    case 'succeeded':
      takeResult(draft, job, report)
      return
    case 'lost': {
      const lostTasks = job.lostTasks + 1
      if (lostTasks >= MOST_LOST_TASKS) fail(draft, job, `lost ${lostTasks} times in a row: ${report.message}`)
      else launchTask(draft, job, { event: 'again', reason: `launched again: ${report.message}`, lostTasks })
      return
    }
    default:
      fail(draft, job, report.message)
  }
}

function fail(draft: Draft, job: TrainingJob, reason: string): void {
  draft.happen(job, 'fail', { task: null, progress: null, reason })
}

function takeResult(draft: Draft, job: TrainingJob, { datasetId, candidate, gate }: TaskReport): void {
  const done = { ...job, progress: null }
  const step = job.task?.step
  if (step === 'dataset' && datasetId !== null) launch(draft, { ...done, datasetId }, `data set ${datasetId} is built`)
  else if (step === 'fit' && candidate !== null)
    launch(draft, { ...done, candidate }, `${candidate.modelName}@${candidate.modelVersion} is registered`)
  else if (step === 'gate' && gate !== null) takeVerdict(draft, { ...done, task: null, gate }, gate)
  else fail(draft, job, `the task ${job.task?.taskId ?? ''} ended without its result`)
}

function takeVerdict(draft: Draft, job: TrainingJob, { passed, reason, championEpoch, report }: GateResult): void {
  const { candidate } = job
  if (!passed || candidate === null) {
    draft.happen(job, 'refuse', { reason })
    return
  }
  const gated = draft.happen(job, 'pass', { reason })
  if (gated === undefined) return
  if ((draft.deployment(CHAMPION)?.deploymentEpoch ?? 0) !== championEpoch) {
    launch(draft, { ...gated, gate: null }, 'what serves has changed since the gate compared with it: once more')
    return
  }
  const gateReport = report ?? ''
  const { jobId } = gated
  const champion = draft.deployment(CHAMPION)
  if (champion !== undefined) {
    beginTrial(draft, { jobId, candidate, before: champion, reason, gateReport })
    draft.happen(gated, 'challenge', { reason })
    return
  }
  // the first one: there is nothing to compare with but the prior, which the gate has done
  const deploymentEpoch = draft.deploy({ ...SERVES, ...candidate, slot: CHAMPION, reason, jobId, gateReport })
  draft.happen(gated, 'deploy', { deploymentEpoch, reason })
}
