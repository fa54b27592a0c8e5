import type { ControlEntry, TrainingJob } from '../schemas/generated.ts'
import type { NamedVersion } from './named-version.ts'
import { oneLine } from './text.ts'

const NAME_WIDTH = 12

/** Somebody decided about a version. */
export interface Decision {
  readonly atMs: number
  readonly by: string
  readonly reason: string
  readonly slot: string
  readonly mode: string
  readonly gateReport: string
}

/** What stands behind a version. */
export interface Origin {
  /** The job that trained it; null when a person did, or nobody remembers. */
  readonly job: TrainingJob | null
  /** Of people, in the order of time; what control decided for a job is told by the job. */
  readonly decisions: readonly Decision[]
}

export interface LoggedEntry {
  readonly atMs: number
  readonly entry: ControlEntry
}

/** @param jobs Each as it stands. @param entries Of the control log, in its order. */
export function originOf(version: NamedVersion, jobs: readonly TrainingJob[], entries: readonly LoggedEntry[]): Origin {
  const isOf = (one: { readonly modelName: string; readonly modelVersion: string } | null): boolean =>
    one?.modelName === version.name && one.modelVersion === version.version
  const decisions = entries.flatMap(({ atMs, entry: { by, deployCommand } }) => {
    if (deployCommand === null || !isOf(deployCommand)) return []
    const { reason, slot, mode, gateReport } = deployCommand
    return [{ atMs, by, reason, slot, mode, gateReport }]
  })
  return { job: jobs.findLast(({ candidate }) => isOf(candidate)) ?? null, decisions }
}

/** What a person reads. */
export function originText({ job, decisions }: Origin): string {
  const facts = [...(job === null ? [['job', 'none: trained by hand']] : jobFacts(job)), ...decisions.map(decisionFact)]
  return facts.map(([name = '', value = '']) => `${name.padEnd(NAME_WIDTH)}${value}\n`).join('')
}

function jobFacts({ jobId, state, reason, cause, datasetId, gate, deploymentEpoch }: TrainingJob): string[][] {
  const alarm = cause.alarmId === null ? [] : [['alarm', `${oneLine(cause.alarmId)}, see shield drift ls`]]
  const verdict = gate === null ? 'not asked' : `${gate.passed ? 'passed' : 'refused'}: ${oneLine(gate.reason)}`
  const epoch = deploymentEpoch === null ? [] : [['deployment', String(deploymentEpoch)]]
  return [
    ['job', `${jobId}, ${state}: ${oneLine(reason)}`],
    ['cause', `${cause.kind}, by ${oneLine(cause.by)}: ${oneLine(cause.reason)}`],
    ...alarm,
    ['data set', datasetId ?? '–'],
    ['gate', verdict],
    ...(gate?.report == null ? [] : [['report', gate.report]]),
    ...epoch,
  ]
}

function decisionFact({ atMs, by, reason, slot, mode }: Decision): string[] {
  return ['decided', `${new Date(atMs).toISOString()} ${slot} ${mode}, by ${oneLine(by)}: ${oneLine(reason)}`]
}
