import { z } from 'zod'
import type { TaskReport, TrainingJob } from '../../schemas/generated.ts'

const Built = z.object({ id: z.string() })
const Fitted = z.object({ name: z.string(), version: z.string(), featureService: z.string(), source: z.string() })
const Judged = z.object({
  passed: z.boolean(),
  reason: z.string(),
  championEpoch: z.number().int().min(0),
  report: z.string().nullable(),
})

/** The command line that does what a job needs next: what a person would type. */
export function lineOf({ task, plan, datasetId, candidate, requestedAtMs }: TrainingJob): readonly string[] {
  const { seed, split, maturityMs, windowMs } = plan
  const since = new Date(requestedAtMs - windowMs).toISOString()
  const window = windowMs === 0 ? [] : ['--from', since, '--labels-from', since]
  const how = ['--split', split, '--maturity', `${maturityMs}ms`, '--seed', String(seed)]
  const dataset = ['--dataset', datasetId ?? '', '--seed', String(seed), '--json']
  const lines: Readonly<Record<string, readonly string[]>> = {
    dataset: ['dataset', 'build', ...how, ...window, '--json'],
    fit: ['train', ...dataset],
    gate: ['models', 'gate', `${candidate?.modelName ?? ''}@${candidate?.modelVersion ?? ''}`, ...dataset],
  }
  const line = lines[task?.step ?? '']
  if (line === undefined) throw new RangeError(`no command does ${task?.step ?? 'nothing'}`)
  return line
}

/** What such a command printed. @throws when it is not that. */
export function resultOf(step: string, stdout: string): Pick<TaskReport, 'datasetId' | 'candidate' | 'gate'> {
  const nothing = { datasetId: null, candidate: null, gate: null }
  const printed: unknown = JSON.parse(stdout)
  if (step === 'dataset') return { ...nothing, datasetId: Built.parse(printed).id }
  if (step === 'gate') return { ...nothing, gate: Judged.parse(printed) }
  const { name: modelName, version: modelVersion, featureService, source } = Fitted.parse(printed)
  return { ...nothing, candidate: { modelName, modelVersion, featureService, source } }
}
