/** Where a training job is. The last four are its ends. */
export const JOB_STATES = [
  'requested', // waits for its turn
  'building', // its data set
  'fitting',
  'registered', // its candidate lies in the object store, and is before the gate
  'gated', // the gate has let it pass
  'shadow', // its candidate is compared with what serves, and answers nothing
  'canary', // its candidate answers for a share of the reviews
  'champion',
  'refused',
  'failed',
  'cancelled',
] as const
export type JobState = (typeof JOB_STATES)[number]

/**
 * What can happen to a job. `again`: the launched task was lost, the same is launched once more; `challenge`, `answer`,
 * `deploy`: its candidate enters the shadow, the canary, the champion's slot.
 */
export const JOB_EVENTS = [
  'build',
  'fit',
  'gate',
  'again',
  'pass',
  'challenge',
  'answer',
  'deploy',
  'refuse',
  'fail',
  'cancel',
  'retry',
] as const
export type JobEvent = (typeof JOB_EVENTS)[number]

/** Null: cannot happen, and changes nothing. */
const NEVER = {
  build: null,
  fit: null,
  gate: null,
  again: null,
  pass: null,
  challenge: null,
  answer: null,
  deploy: null,
  refuse: null,
  fail: null,
  cancel: null,
  retry: null,
} as const satisfies Record<JobEvent, null>

/** A person may let an ended job go on: it waits for its turn, and begins with what it does not have yet. */
const ENDED = { ...NEVER, retry: 'requested' } as const

const TRANSITIONS: Readonly<Record<JobState, Readonly<Record<JobEvent, JobState | null>>>> = {
  requested: { ...NEVER, build: 'building', fit: 'fitting', gate: 'registered', cancel: 'cancelled' },
  building: { ...NEVER, fit: 'fitting', again: 'building', fail: 'failed', cancel: 'cancelled' },
  fitting: { ...NEVER, gate: 'registered', again: 'fitting', fail: 'failed', cancel: 'cancelled' },
  registered: {
    ...NEVER,
    again: 'registered',
    pass: 'gated',
    refuse: 'refused',
    fail: 'failed',
    cancel: 'cancelled',
  },
  // what serves may have changed while the gate compared with it: then it compares anew
  gated: { ...NEVER, challenge: 'shadow', deploy: 'champion', gate: 'registered', cancel: 'cancelled' },
  shadow: { ...NEVER, answer: 'canary', refuse: 'refused', cancel: 'cancelled' },
  canary: { ...NEVER, deploy: 'champion', refuse: 'refused', cancel: 'cancelled' },
  champion: NEVER,
  refused: ENDED,
  failed: ENDED,
  cancelled: ENDED,
}

/** @returns null when the event cannot happen to a job in this state. */
export function nextState(state: JobState, event: JobEvent): JobState | null {
  return TRANSITIONS[state][event]
}

export function hasEnded(state: JobState): boolean {
  return ['champion', 'refused', 'failed', 'cancelled'].includes(state)
}
