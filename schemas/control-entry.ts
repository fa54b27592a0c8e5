import type { ControlEntry } from './generated.ts'

const NOTHING_SAID: Omit<ControlEntry, 'entryId' | 'by'> = {
  request: null,
  jobCommand: null,
  deployCommand: null,
  taskReport: null,
  labels: null,
  policy: null,
  alarm: null,
  tallies: null,
  deployment: null,
}

/** An entry of the control log that says one thing. */
export function controlEntry(said: Partial<ControlEntry> & Pick<ControlEntry, 'entryId' | 'by'>): ControlEntry {
  return { ...NOTHING_SAID, ...said }
}
