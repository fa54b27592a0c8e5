import type { ControlState, TrainingCause, TrainingPlan } from '../schemas/generated.ts'

export const DAY_MS = 86_400_000

/** Of a job that somebody asks for before any policy was set. */
export const DEFAULT_PLAN: TrainingPlan = { split: 'time', maturityMs: 7 * DAY_MS, windowMs: 0, seed: 0 }

export const NO_HISTORY: ControlState = {
  policy: null,
  labels: 0,
  labelsAtTraining: 0,
  startedAtMs: [],
  alarm: null,
  labelsAtAlarm: 0,
  activeJobId: null,
  waiting: [],
  tallies: [],
  trial: null,
}

export type TrainingDecision =
  | { readonly kind: 'train'; readonly cause: Omit<TrainingCause, 'by'> }
  /** Not now, and why. */
  | { readonly kind: 'wait'; readonly reason: string }

interface Now {
  /** Whether anything was ever deployed. */
  readonly deployed: boolean
  /** Append time of the entry that is folded, Unix milliseconds. */
  readonly atMs: number
}

/** Whether control trains by itself now. Time passes for it with the log: it is asked with every entry. */
export function decideTraining(state: ControlState, now: Now): TrainingDecision {
  const { policy } = state
  if (policy?.automatic !== true) return wait('training by itself is off')
  const cause = causeOf(state, now)
  if (cause === null) return wait('nothing asks for a training')
  if (cause.kind === 'first-model' && state.labels < policy.firstModelLabels)
    return wait(`a first model needs ${policy.firstModelLabels} labels, there are ${state.labels}`)
  const newLabels = newLabelsOf(state, cause.kind)
  const last = state.startedAtMs.at(-1)
  if (newLabels < policy.newLabels)
    return wait(`needs ${policy.newLabels} labels since the last training and the alarm, there are ${newLabels}`)
  if (last !== undefined && now.atMs - last < policy.cooldownMs)
    return wait(`the last training began less than ${policy.cooldownMs} ms ago`)
  const today = state.startedAtMs.filter((atMs) => now.atMs - atMs < DAY_MS).length
  if (today >= policy.perDay) return wait(`there were ${today} trainings in 24 hours`)
  return { kind: 'train', cause }
}

/** Labels of before an alarm tell nothing of the world that it is about. A first training has no other before it. */
function newLabelsOf({ labels, labelsAtTraining, labelsAtAlarm, startedAtMs }: ControlState, cause: string): number {
  if (cause === 'drift') return labels - Math.max(labelsAtTraining, labelsAtAlarm)
  return startedAtMs.length === 0 ? Infinity : labels - labelsAtTraining
}

function causeOf({ alarm, labels }: ControlState, { deployed }: Now): Omit<TrainingCause, 'by'> | null {
  if (!deployed)
    return { kind: 'first-model', reason: `nothing was deployed yet, and ${labels} labels are there`, alarmId: null }
  return alarm === null ? null : { kind: 'drift', reason: alarm.reason, alarmId: alarm.alarmId }
}

function wait(reason: string): TrainingDecision {
  return { kind: 'wait', reason }
}

/** What is remembered when a training begins: whoever asked for it, it answers the alarm that there was. */
export function afterStart(state: ControlState, atMs: number): ControlState {
  const recent = state.startedAtMs.filter((startedAtMs) => atMs - startedAtMs < DAY_MS)
  return { ...state, alarm: null, labelsAtTraining: state.labels, startedAtMs: [...recent, atMs] }
}
