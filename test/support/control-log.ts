import type { FoldState } from '../../platform/memory-fold.ts'
import { control } from '../../control/control.ts'
import { controlEntry } from '../../schemas/control-entry.ts'
import type { ControlEntry, DeployCommand, TaskReport, TrainingJob, TrainingPolicy } from '../../schemas/generated.ts'
import type { StreamRecord } from '../../schemas/processor.ts'
import { type Driven, drive } from './topology-test-driver.ts'

export const POLICY: TrainingPolicy = {
  automatic: true,
  firstModelLabels: 1000,
  newLabels: 100,
  cooldownMs: 60_000,
  perDay: 2,
  canaryShare: 0.3,
  plan: { split: 'movie', maturityMs: 1000, windowMs: 0, seed: 0 },
}
export const CANDIDATE = {
  modelName: 'baseline',
  modelVersion: '0123456789abcdef',
  featureService: 'spoiler_v1',
  source: 'offline/models/baseline/0',
}
export const PASSED = { passed: true, reason: 'better', championEpoch: 0, report: null }

/** What serves before {@link CANDIDATE}. */
const BEFORE = { ...CANDIDATE, modelVersion: 'ffffffffffffffff' }

/** An entry of which only what is given is set. */
export function entryOf(set: Partial<ControlEntry>): ControlEntry {
  return controlEntry({ entryId: 'e', by: 'ada', ...set })
}

export function reportOf(taskId: string, set: Partial<TaskReport>): ControlEntry {
  const nothing = { state: 'succeeded', message: '', progress: null, datasetId: null, candidate: null, gate: null }
  return entryOf({ by: 'launcher', taskReport: { taskId, ...nothing, ...set } })
}

/** Somebody promotes {@link BEFORE}. */
export function deploy(afterEpoch: number): ControlEntry {
  return deployCommand({ slot: 'champion', ...BEFORE, afterEpoch, gateReport: 'gates/1' })
}

/** Somebody lets {@link CANDIDATE} challenge, and labels decide. */
export function challenge(afterEpoch: number): ControlEntry {
  return deployCommand({ slot: 'challenger', ...CANDIDATE, afterEpoch, gateReport: 'gates/2', isTrial: true })
}

function deployCommand(set: Omit<DeployCommand, 'mode' | 'share' | 'reason' | 'isTrial'> & { isTrial?: boolean }) {
  return entryOf({ deployCommand: { mode: 'serve', share: 1, reason: 'by hand', isTrial: false, ...set } })
}

/** Of 1,000 labelled reviews, 300 of which spoil. */
export const GOOD = { rows: 1000, positives: 300, called: 300, hits: 290, squaredErrorMicros: 50_000_000 }
export const BAD = { rows: 1000, positives: 300, called: 300, hits: 90, squaredErrorMicros: 300_000_000 }
type Counts = Record<keyof typeof GOOD, number>

/** What was counted in all of both versions. */
export function talliesOf(candidate: Counts, before: Counts): ControlEntry {
  const of = ({ modelName, modelVersion }: typeof CANDIDATE, counts: Counts) => ({ modelName, modelVersion, ...counts })
  return entryOf({ by: 'control', tallies: [of(CANDIDATE, candidate), of(BEFORE, before)] })
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
