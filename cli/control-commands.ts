import type { Config } from '../platform/config.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { openRecordPublisher } from '../platform/record-publisher.ts'
import { pause } from '../platform/retry.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { committedValues } from '../platform/topic-values.ts'
import { controlEntry } from '../schemas/control-entry.ts'
import type { ControlEntry, DeployCommand, ModelDeployment, TrainingJob } from '../schemas/generated.ts'
import { newestDeployment } from '../inference/deployment-log.ts'

const ANSWER_WITHIN_MS = 20_000
const POLL_MS = 250
const SERVES = { mode: 'serve', share: 1, isTrial: false }

interface ControlLink {
  readonly config: Config
  readonly codec: RecordCodec
  readonly signal: AbortSignal
  /** Who commands. */
  readonly by: string
}

type Command = Partial<Pick<ControlEntry, 'request' | 'jobCommand' | 'deployCommand'>>

/**
 * Appends a command to the control log, and waits until what follows from it stands in a topic.
 *
 * @param answer What follows from the entry of that id, once it is there.
 * @throws SpoilerError SPL_CONTROL_SILENT when no control answered in time; AbortError.
 */
export async function commandControl<T>(
  { config, codec, signal, by }: ControlLink,
  command: Command,
  answer: (entryId: string) => Promise<T | undefined>,
): Promise<T> {
  const entryId = crypto.randomUUID()
  await using publisher = await openRecordPublisher(config, codec, 'shield-command')
  await publisher.publish('controlLog', controlEntry({ entryId, by, ...command }))
  await publisher.flush()
  const lateMs = performance.now() + ANSWER_WITHIN_MS
  while (performance.now() < lateMs) {
    const found = await answer(entryId)
    if (found !== undefined) return found
    await pause(POLL_MS, signal)
    signal.throwIfAborted()
  }
  const doing = `waiting ${ANSWER_WITHIN_MS / 1000} s for control to answer; the command stands in control-log`
  throw new SpoilerError('SPL_CONTROL_SILENT', doing, { onError: 'stop' })
}

/** Asks control to let a version serve. @throws SpoilerError SPL_USAGE when another decision came first. */
export async function deployByControl(
  asked: Omit<DeployCommand, 'afterEpoch' | keyof typeof SERVES> & Partial<Pick<DeployCommand, keyof typeof SERVES>>,
  link: ControlLink,
): Promise<ModelDeployment> {
  const wanted = { ...SERVES, ...asked }
  const newest = () => newestDeployment(committedValues(link.config, link.codec, 'modelDeployments'), wanted.slot)
  const afterEpoch = (await newest())?.deploymentEpoch ?? 0
  const decided = await commandControl(link, { deployCommand: { ...wanted, afterEpoch } }, async () => {
    const found = await newest()
    return found !== undefined && found.deploymentEpoch > afterEpoch ? found : undefined
  })
  if (decided.modelVersion === wanted.modelVersion && decided.modelName === wanted.modelName) return decided
  const doing = `deploying: ${decided.decidedBy} decided at the same moment, deployment ${decided.deploymentEpoch} is ${decided.modelName}@${decided.modelVersion}`
  throw new SpoilerError('SPL_USAGE', `${doing}\nDeploy again if yours shall count.`, { onError: 'stop' })
}

/** Every job as it stands, in the order of their requests. */
export async function allJobs({ config, codec }: Pick<ControlLink, 'config' | 'codec'>): Promise<TrainingJob[]> {
  const jobs = new Map<string, TrainingJob>()
  for await (const job of committedValues(config, codec, 'trainingJobs')) jobs.set(job.jobId, job)
  return [...jobs.values()]
}
