import { controlEntry } from '../schemas/control-entry.ts'
import type { DriftEvent } from '../schemas/generated.ts'
import { NOTHING, type Processor } from '../schemas/processor.ts'

type NoStores = Readonly<Record<string, never>>

/** Brings alarms that are raised into the log that control folds. That one has ended asks for nothing. */
export const controlIntake: Processor<DriftEvent, NoStores> = {
  name: 'control-intake',
  stores: {},
  onRecord({ value: { eventId, state, cause } }) {
    if (state !== 'raised') return NOTHING
    const alarm = { alarmId: eventId, reason: cause }
    const entry = controlEntry({ entryId: `alarm/${eventId}`, by: 'drift', alarm })
    return { ...NOTHING, forwards: [{ to: 'controlLog', value: entry }] }
  },
}
