import { controlEntry } from '../schemas/control-entry.ts'
import type { DriftEvent } from '../schemas/generated.ts'
import { NOTHING, type Processor } from '../schemas/processor.ts'

type NoStores = Readonly<Record<string, never>>

/** They tell when labels come, not what they say: a model that is trained anew would be no other. */
const OF_LABELLING: ReadonlySet<string> = new Set(['label_age_days', 'labelled'])

/** Brings alarms that are raised into the log that control folds. That one has ended asks for nothing, and late labels do not. */
export const controlIntake: Processor<DriftEvent, NoStores> = {
  name: 'control-intake',
  stores: {},
  onRecord({ value: { eventId, state, cause, findings } }) {
    if (state !== 'raised' || findings.every(({ measure }) => OF_LABELLING.has(measure))) return NOTHING
    const alarm = { alarmId: eventId, reason: cause }
    const entry = controlEntry({ entryId: `alarm/${eventId}`, by: 'drift', alarm })
    return { ...NOTHING, forwards: [{ to: 'controlLog', value: entry }] }
  },
}
