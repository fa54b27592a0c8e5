import type { FoldState } from '../../platform/memory-fold.ts'
import { control } from '../../control/control.ts'
import { controlEntry } from '../../schemas/control-entry.ts'
import type { ControlEntry, TaskReport, TrainingJob, TrainingPolicy } from '../../schemas/generated.ts'
import type { StreamRecord } from '../../schemas/processor.ts'
import { type Driven, drive } from './topology-test-driver.ts'

export const POLICY: TrainingPolicy = {
  automatic: true,
  firstModelLabels: 1000,
  newLabels: 100,
  cooldownMs: 60_000,
  perDay: 2,
  plan: { split: 'movie', maturityMs: 1000, seed: 0 },
}
export const CANDIDATE = {
  modelName: 'baseline',
  modelVersion: '0123456789abcdef',
  featureService: 'spoiler_v1',
  source: 'offline/models/baseline/0',
}
export const PASSED = { passed: true, reason: 'better', championEpoch: 0, report: null }

/** An entry of which only what is given is set. */
export function entryOf(set: Partial<ControlEntry>): ControlEntry {
  return controlEntry({ entryId: 'e', by: 'ada', ...set })
}

export function reportOf(taskId: string, set: Partial<TaskReport>): ControlEntry {
  const nothing = { state: 'succeeded', message: '', progress: null, datasetId: null, candidate: null, gate: null }
  return entryOf({ by: 'launcher', taskReport: { taskId, ...nothing, ...set } })
}

/** A log with a second between two entries. */
function logOf(entries: readonly ControlEntry[], firstOffset = 0): StreamRecord<ControlEntry>[] {
  return entries.map((value, i) => ({
    key: value.entryId,
    value,
    position: { topic: 'control-log', partition: 0, offset: firstOffset + i },
    appendedAtMs: (firstOffset + i) * 1000,
  }))
}

export function driveControl(entries: readonly ControlEntry[], from?: FoldState, firstOffset?: number): Driven {
  return drive(control, logOf(entries, firstOffset), from)
}

export function jobsOf({ output }: Pick<Driven, 'output'>): TrainingJob[] {
  return output.flatMap((forward) => (forward.to === 'trainingJobs' ? [forward.value] : []))
}

/** The states that each job went through. */
export function pathsOf(driven: Pick<Driven, 'output'>): Record<string, string[]> {
  const paths: Record<string, string[]> = {}
  for (const { jobId, state } of jobsOf(driven)) {
    const path = (paths[jobId] ??= [])
    if (path.at(-1) !== state) path.push(state)
  }
  return paths
}

export function deploymentsOf({ output }: Pick<Driven, 'output'>) {
  return output.flatMap((forward) => (forward.to === 'modelDeployments' ? [forward.value] : []))
}
