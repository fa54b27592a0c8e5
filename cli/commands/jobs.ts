import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Config } from '../../platform/config.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { parseCount, parseDuration } from '../../producers/arguments.ts'
import type { TrainingJob, TrainingPlan } from '../../schemas/generated.ts'
import { SPLITS } from '../../trainers/dataset/manifest.ts'
import { localLauncher, TASKS_FOLDER } from '../../trainers/launchers/local.ts'
import { type CliContext, printJson } from '../context.ts'
import { allJobs, commandControl } from '../control-commands.ts'
import { assertBroker } from '../dependencies.ts'
import { jobsText, jobText } from '../jobs-text.ts'
import { ensurePipelineTopics, openPipelineCodec, readingCodec } from '../pipeline.ts'

const REQUEST_HELP = `
Control builds a data set from what is there, fits a model on it, and lets it serve if it is better than what does.
One job runs at a time; others wait for it. What is not given follows the settings TRAIN_SPLIT, TRAIN_MATURITY_MS
and TRAIN_WINDOW_MS.

Examples:
  shield jobs request --reason "a month of new films"
  shield jobs request --split movie --maturity 4d --json`
const LS_HELP = `
Examples:
  shield jobs ls
  shield jobs ls --json`
const SHOW_HELP = `
Examples:
  shield jobs show auto-12
  shield jobs show auto-12 --json`
const LOGS_HELP = `
The logs of its tasks, as far as they ran on this machine.

Example:
  shield jobs logs auto-12`
const CANCEL_HELP = `
What runs for it is ended. A data set or version that it has made already stays.

Example:
  shield jobs cancel auto-12 --reason "wrong labels"`
const RETRY_HELP = `
A job that failed, was refused or cancelled goes on with what it does not have yet: its data set, its version, the gate.

Example:
  shield jobs retry auto-12`

interface Decision {
  readonly reason: string
  readonly by: string
  readonly json?: boolean
}
interface RequestArguments extends Decision {
  readonly split?: string
  readonly maturity?: number
  readonly window?: number
  readonly seed: number
}

export function addJobs(program: Command, context: CliContext): void {
  const jobs = program.command('jobs').description('Ask for trainings, and look at them')
  decision(jobs.command('request').description('Train a model now'))
    .addOption(new Option('--split <by>', 'what keeps spans apart').choices(SPLITS))
    .option('--maturity <duration>', 'age from which labels are complete, in event time', parseDuration)
    .option('--window <duration>', 'only what was appended so long before now', parseDuration)
    .option('--seed <number>', 'of the split', (text) => parseCount(text, 0), 0)
    .addHelpText('after', REQUEST_HELP)
    .action((options: RequestArguments) => request(options, context))
  jobs
    .command('ls')
    .description('List the training jobs')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', LS_HELP)
    .action(async ({ json }: { readonly json?: boolean }) => {
      const found = await readJobs(context)
      if (json === true) printJson(context, found)
      else context.stdout.write(jobsText(found))
    })
  jobs
    .command('show')
    .description('Show what a job is at, and what came of it')
    .argument('<job>', 'as `shield jobs ls` lists it')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', SHOW_HELP)
    .action(async (jobId: string, { json }: { readonly json?: boolean }) => {
      print(jobOf(await readJobs(context), jobId), json, context)
    })
  jobs
    .command('logs')
    .description('Print what the tasks of a job have written')
    .argument('<job>', 'as `shield jobs ls` lists it')
    .addHelpText('after', LOGS_HELP)
    .action((jobId: string) => logs(jobId, context))
  for (const [action, description, help] of [
    ['cancel', 'End a job', CANCEL_HELP],
    ['retry', 'Let a job that has ended go on', RETRY_HELP],
  ] as const)
    decision(jobs.command(action).description(description).argument('<job>', 'as `shield jobs ls` lists it'))
      .addHelpText('after', help)
      .action((jobId: string, options: Decision) => command({ jobId, action }, options, context))
}

function decision(command: Command): Command {
  return command
    .option('--reason <text>', 'why; it stands in the log for ever', 'by hand')
    .option('--by <who>', 'who decides', userInfo().username)
    .option('--json', 'print one line of JSON')
}

async function readJobs(context: CliContext): Promise<TrainingJob[]> {
  const config = context.config()
  await assertBroker(config)
  return allJobs({ config, codec: readingCodec(config) })
}

/** @throws SpoilerError SPL_JOB_UNKNOWN */
function jobOf(jobs: readonly TrainingJob[], jobId: string): TrainingJob {
  const job = jobs.find((each) => each.jobId === jobId)
  if (job !== undefined) return job
  throw new SpoilerError('SPL_JOB_UNKNOWN', `looking for ${jobId}; see: shield jobs ls`, { onError: 'stop' })
}

function print(job: TrainingJob, json: boolean | undefined, context: CliContext): void {
  if (json === true) printJson(context, job)
  else context.stdout.write(jobText(job))
}

async function openLink(by: string, context: CliContext) {
  const { signal } = context
  const config = context.config()
  await assertBroker(config)
  await ensurePipelineTopics(config, signal)
  const { codec } = await openPipelineCodec(config, signal)
  return { config, codec, signal, by }
}

async function request({ by, reason, json, ...wishes }: RequestArguments, context: CliContext): Promise<void> {
  const link = await openLink(by, context)
  const jobId = `job-${crypto.randomUUID().slice(0, 8)}`
  const plan = planOf(wishes, link.config)
  const job = await commandControl(link, { request: { jobId, reason, plan } }, async () =>
    (await allJobs(link)).find((each) => each.jobId === jobId),
  )
  print(job, json, context)
}

function planOf(
  { split, maturity, window, seed }: Omit<RequestArguments, keyof Decision>,
  config: Config,
): TrainingPlan {
  return {
    split: split ?? config.TRAIN_SPLIT,
    maturityMs: maturity ?? config.TRAIN_MATURITY_MS,
    windowMs: window ?? config.TRAIN_WINDOW_MS,
    seed,
  }
}

async function command(
  { jobId, action }: { readonly jobId: string; readonly action: string },
  { by, reason, json }: Decision,
  context: CliContext,
): Promise<void> {
  const link = await openLink(by, context)
  const { retries } = jobOf(await allJobs(link), jobId)
  const answered = await commandControl(link, { jobCommand: { jobId, action, retries, reason } }, async (entryId) =>
    (await allJobs(link)).find((job) => job.jobId === jobId && job.entryId === entryId),
  )
  print(answered, json, context)
}

async function logs(jobId: string, context: CliContext): Promise<void> {
  const { tasks } = jobOf(await readJobs(context), jobId)
  const folder = join(context.config().STATE_DIR, TASKS_FOLDER)
  const launcher = localLauncher({ folder, program: [], env: {} })
  for (let task = 1; task <= tasks; task += 1) {
    const taskId = `${jobId}-${task}`
    context.stdout.write(`== ${taskId}\n${await launcher.logs(taskId)}`)
  }
}
