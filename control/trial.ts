import { CHALLENGER, CHAMPION } from '../schemas/deployment-slots.ts'
import type { ModelCandidate, ModelTrial, VersionTally } from '../schemas/generated.ts'
import type { Draft } from './draft.ts'
import { hasEnded, type JobState } from './job-states.ts'
import { decideStage, type LiveTally, type SlotChange, type Stage, stepOf } from './promotion.ts'
import { DAY_MS } from './training-policy.ts'

/** A stage that lasts longer has no labels, or a challenger that was set aside: it ends as one that is undecided. */
const LONGEST_STAGE_MS = 7 * DAY_MS

interface Challenge extends Pick<ModelTrial, 'jobId' | 'candidate' | 'gateReport'> {
  /** What serves. */
  readonly before: ModelCandidate
  readonly reason: string
}

/** A candidate scores in the shadow of what serves: live labels decide how it goes on. */
export function beginTrial(draft: Draft, { jobId, candidate, before, reason, gateReport }: Challenge): void {
  endTrial(draft, 'the next candidate challenges', { isEmptied: false })
  const trial: ModelTrial = {
    ...{ stage: 'shadow' satisfies Stage, jobId, gateReport, sinceMs: draft.atMs },
    ...{ candidate: named(candidate), before: named(before), talliesBefore: draft.state.tallies },
  }
  draft.remember({ trial })
  fill(draft, trial, { reason, change: { slot: CHALLENGER, mode: 'shadow', share: 1, version: 'candidate' } })
}

/** New labels: the stage goes on, or one side is shown to be good enough. */
export function weighTrial(draft: Draft, tallies: readonly VersionTally[]): void {
  draft.remember({ tallies })
  const { trial } = draft.state
  if (trial === null) return
  const [candidate, before] = [since(trial, trial.candidate, tallies), since(trial, trial.before, tallies)]
  const { verdict, reason } = decideStage({ candidate, before })
  if (verdict !== 'wait') takeStep(draft, trial, { verdict, reason })
  else if (draft.atMs - trial.sinceMs > LONGEST_STAGE_MS)
    takeStep(draft, trial, { verdict: 'retreat', reason: `undecided for a week: ${reason}` })
}

/** Somebody has decided otherwise. @param isEmptied Whether the challenger's slot is to be left empty. */
export function endTrial(draft: Draft, reason: string, { isEmptied }: { readonly isEmptied: boolean }): void {
  const { trial } = draft.state
  if (trial === null) return
  draft.remember({ trial: null })
  const version = trial.stage === 'watch' ? 'before' : 'candidate'
  if (isEmptied) fill(draft, trial, { reason, change: { slot: CHALLENGER, mode: 'off', share: 0, version } })
  const job = draft.job(trial.jobId)
  if (job !== undefined && !hasEnded(job.state as JobState)) draft.happen(job, 'refuse', { reason })
}

interface Concluded {
  readonly verdict: 'advance' | 'retreat'
  readonly reason: string
}

function takeStep(draft: Draft, trial: ModelTrial, { verdict, reason }: Concluded): void {
  const { next, changes } = stepOf(trial.stage as Stage, verdict, draft.state.policy?.canaryShare)
  let deploymentEpoch: number | null = null
  for (const change of changes) {
    const epoch = fill(draft, trial, { reason, change })
    if (change.slot === CHAMPION) deploymentEpoch = epoch
  }
  const going = { ...trial, sinceMs: draft.atMs, talliesBefore: draft.state.tallies }
  draft.remember({ trial: next === null ? null : { ...going, stage: next } })
  const job = draft.job(trial.jobId)
  if (job === undefined) return
  if (trial.stage === 'watch') draft.answer(job, `${verdict === 'advance' ? 'stays' : 'taken back'}: ${reason}`)
  else if (verdict === 'retreat') draft.happen(job, 'refuse', { reason })
  else if (next === 'canary') draft.happen(job, 'answer', { reason })
  else draft.happen(job, 'deploy', { deploymentEpoch, reason })
}

interface Filling {
  readonly change: SlotChange
  readonly reason: string
}

function fill(draft: Draft, { jobId, gateReport, ...versions }: ModelTrial, { change, reason }: Filling): number {
  const { version, ...slot } = change
  return draft.deploy({ ...versions[version], ...slot, reason, jobId, gateReport })
}

function named({ modelName, modelVersion, featureService, source }: ModelCandidate): ModelCandidate {
  return { modelName, modelVersion, featureService, source }
}

/** What was counted of a version since the stage began. */
function since(
  { talliesBefore }: ModelTrial,
  { modelName, modelVersion }: ModelCandidate,
  now: readonly VersionTally[],
) {
  const isOf = (tally: VersionTally): boolean => tally.modelName === modelName && tally.modelVersion === modelVersion
  const [then, today] = [talliesBefore.find(isOf) ?? NOTHING, now.find(isOf) ?? NOTHING]
  const rows = gained(today.rows, then.rows)
  const called = Math.min(rows, gained(today.called, then.called))
  const positives = Math.min(rows, gained(today.positives, then.positives))
  const hits = Math.min(called, positives, gained(today.hits, then.hits))
  return {
    rows,
    called,
    positives,
    hits,
    squaredErrorMicros: gained(today.squaredErrorMicros, then.squaredErrorMicros),
  }
}

/** Labels of before the stage may be revised, or come from another source: there may be fewer of them now. */
function gained(now: number, then: number): number {
  return Math.max(0, now - then)
}

const NOTHING: LiveTally = { rows: 0, called: 0, positives: 0, hits: 0, squaredErrorMicros: 0 }
