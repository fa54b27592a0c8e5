import { join } from 'node:path'
import {
  fileCheckpointStore,
  fingerprintOf,
  hashFile,
  NO_RECORDS,
  totalOf,
  type Checkpoint,
  type CheckpointStore,
  type TopicCounts,
} from './checkpoint.ts'
import type { EventSource } from './event-source.ts'
import type { Pace } from './pace.ts'
import { produce, type Progress } from './produce.ts'
import type { RecordPublisher } from './record-publisher.ts'
import { openRejectLog, type RejectLog } from './reject-log.ts'
import type { WallClock } from './wall-clock.ts'

/** What a source may use while it is open. */
export interface JobContext {
  readonly resolved: Readonly<Record<string, number>>
  readonly workFolder: string
  readonly rejects: RejectLog
  readonly onSorting: (rows: number) => void
  readonly signal: AbortSignal
}

/** A command's work. Two starts with equal `identity` and equal files publish the same records. */
export interface Job {
  readonly name: string
  /** Arguments that decide which records there are; how fast they go out is not part of it. */
  readonly identity: Readonly<Record<string, unknown>>
  readonly files: readonly string[]
  /** Values that the first start decides and later ones keep. */
  readonly resolve?: (nowMs: number) => Record<string, number>
  readonly pace: Pace
  readonly open: (context: JobContext) => Promise<EventSource & Partial<Disposable>>
}

export interface JobDeps {
  readonly openPublisher: () => Promise<RecordPublisher & AsyncDisposable>
  /** Names the cluster and lineage: a job that is done on one is not done on another. */
  readonly target: () => string | Promise<string>
  /** Checkpoints, rejects and sort runs stand in its folder `produce`. */
  readonly stateDir: string
  readonly clock: WallClock
  readonly signal: AbortSignal
}

export interface JobReport {
  readonly onSorting: (rows: number) => void
  readonly onProgress: (progress: Progress) => void
  readonly progressEveryMs: number
}

export interface JobSummary {
  readonly job: string
  readonly outcome: 'finished' | 'interrupted' | 'paused' | 'already-finished'
  /** Records of this start, all acknowledged. */
  readonly published: TopicCounts
  /** Records over all starts of the job. */
  readonly acknowledged: TopicCounts
  /** Rows that were refused, by reason. */
  readonly rejected: Readonly<Record<string, number>>
  readonly rejectsFile: string
  readonly checkpointFile: string
  readonly elapsedMs: number
}

/**
 * Runs a job from where it stands to its end, or until the signal. A finished job publishes nothing unless `again`.
 *
 * @throws SpoilerError SPL_INPUT_FILE_INVALID; whatever the publisher throws.
 */
export async function runJob(job: Job, again: boolean, deps: JobDeps, report: JobReport): Promise<JobSummary> {
  const folder = join(deps.stateDir, 'produce')
  const fingerprint = fingerprintOf(await deps.target(), { job: job.name, ...job.identity }, await hashAll(job.files))
  const base = join(folder, `${job.name}-${fingerprint}`)
  const [checkpointFile, rejectsFile] = [`${base}.json`, `${base}.rejects.jsonl`]
  const checkpoints = fileCheckpointStore(checkpointFile)
  const stored = await checkpoints.load()
  const summary = { job: job.name, rejectsFile, checkpointFile, rejected: {}, elapsedMs: 0, published: NO_RECORDS }
  if (stored?.finished === true && !again)
    return { ...summary, outcome: 'already-finished', acknowledged: stored.acknowledged }
  const resumeFrom = await begin(job, again, { stored, fingerprint, checkpoints, nowMs: deps.clock.nowMs() })
  using rejects = openRejectLog(rejectsFile)
  const context = { workFolder: folder, rejects, onSorting: report.onSorting, signal: deps.signal }
  const result = await publishAll(
    job,
    { ...context, resolved: resumeFrom.resolved },
    { resumeFrom, checkpoints, deps, report },
  )
  return { ...summary, ...result, rejected: Object.fromEntries(rejects.counts) }
}

interface Publishing {
  readonly resumeFrom: Checkpoint
  readonly checkpoints: CheckpointStore
  readonly deps: JobDeps
  readonly report: JobReport
}

type Outcome = Pick<JobSummary, 'outcome' | 'published' | 'acknowledged' | 'elapsedMs'>

async function publishAll(
  job: Job,
  context: JobContext,
  { resumeFrom, checkpoints, deps, report }: Publishing,
): Promise<Outcome> {
  const { signal, clock } = deps
  using opened = new DisposableStack()
  let source
  try {
    source = await job.open(context)
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error
    return { outcome: 'interrupted', published: NO_RECORDS, acknowledged: resumeFrom.acknowledged, elapsedMs: 0 }
  }
  opened.defer(() => source[Symbol.dispose]?.())
  await using publisher = await deps.openPublisher()
  const { onProgress, progressEveryMs } = report
  const pacing = { pace: job.pace, clock, signal }
  return await produce({ source, publisher, ...pacing, resumeFrom, checkpoints, onProgress, progressEveryMs })
}

interface Standing {
  readonly stored: Checkpoint | null
  readonly fingerprint: string
  readonly checkpoints: CheckpointStore
  readonly nowMs: number
}

/** Saved before the first record: what this start decides must hold for the next one, even after a kill -9. */
async function begin(
  job: Job,
  again: boolean,
  { stored, fingerprint, checkpoints, nowMs }: Standing,
): Promise<Checkpoint> {
  if (stored && !again) return stored
  const resolved = stored?.resolved ?? job.resolve?.(nowMs) ?? {}
  const fresh = { fingerprint, acknowledged: NO_RECORDS, finished: false, resolved }
  await checkpoints.save(fresh)
  return fresh
}

async function hashAll(files: readonly string[]): Promise<string[]> {
  const hashes: string[] = []
  for (const file of files) hashes.push(await hashFile(file))
  return hashes
}

/** Records that an earlier start had published. */
export function resumedRecords({ acknowledged, published }: JobSummary): number {
  return totalOf(acknowledged) - totalOf(published)
}
