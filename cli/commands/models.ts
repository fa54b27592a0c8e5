import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { listVersions, type StoredVersion, versionManifest, versionSource } from '../../connectors/model-registry.ts'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { newestDeployment } from '../../inference/deployment-log.ts'
import { declaredVersion } from '../../inference/manifest.ts'
import { PRIOR_FOLDER } from '../../inference/model-version.ts'
import type { Config } from '../../platform/config.ts'
import { committedValues } from '../../platform/topic-values.ts'
import { usageError } from '../../producers/arguments.ts'
import { CHALLENGER, CHAMPION } from '../../schemas/deployment-slots.ts'
import type { DeployCommand, ModelDeployment } from '../../schemas/generated.ts'
import { type CliContext, printJson } from '../context.ts'
import { deployByControl } from '../control-commands.ts'
import { readOrigin, versionBefore } from '../model-ledger.ts'
import { assertBroker } from '../dependencies.ts'
import { ensurePipelineTopics, openPipelineCodec, readingCodec } from '../pipeline.ts'
import { oneLine, table } from '../text.ts'
import { addModelsGate } from './models-gate.ts'
import { addModelsWhich } from './models-which.ts'
import { parseVersion, type NamedVersion } from '../named-version.ts'
import { originText } from '../version-origin.ts'

const LIST_HELP = `
The newest decision stands beside the version that it is about. Without any, the prior that ships with the code scores.

Examples:
  shield models ls
  shield models ls --json`
const SHOW_HELP = `
Example:
  shield models show baseline@0123456789abcdef --json`
const PROMOTE_HELP = `
Control decides it, which \`npm start\` runs. Every scorer fetches the version, proves its golden rows, and switches between two batches without a restart. One that
it cannot prove is refused: what serves goes on, and \`shield dlq ls\` says why. No gate is asked: see shield models gate.
To go back to what scored before: shield models rollback.

Examples:
  shield models promote baseline@0123456789abcdef --reason "better on the last month"
  shield models promote baseline@89abcdef01234567 --by ada`

const Declared = z.object({ featureService: z.string() })

const ROLLBACK_HELP = `
Promotes the version that the ledger says has scored before what shall score now: one record, no restart. Done twice, it
is back where it was.

Examples:
  shield models rollback --reason "too many false alarms" --by ada`
const CHALLENGE_HELP = `
A shadow scores its share of the reviews into shadow-scores; a canary answers for it. The champion scores all reviews, and
answers when the challenger is slow or dies. See docs/MODELS.md.

Examples:
  shield models challenge baseline@0123456789abcdef --mode shadow --share 1
  shield models challenge baseline@0123456789abcdef --trial
  shield models challenge baseline@0123456789abcdef --mode off`

interface DeployArguments {
  readonly reason: string
  readonly by: string
  readonly json?: boolean
}

interface ChallengeArguments extends DeployArguments {
  readonly mode: string
  readonly share: number
  readonly trial?: boolean
}

export function addModels(program: Command, context: CliContext): void {
  const models = program.command('models').description('Look at model versions, and decide which one scores')
  models
    .command('ls')
    .description('List the versions in the object store, and which one shall serve')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', LIST_HELP)
    .action(({ json }: { readonly json?: boolean }) => list(json === true, context))
  models
    .command('show')
    .description('Print the manifest of a version, and which alarm, data set, gate and people stand behind it')
    .argument('<name@version>', 'as `shield models ls` lists it')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', SHOW_HELP)
    .action((named: string, { json }: { readonly json?: boolean }) => show(named, json === true, context))
  const decides = (command: Command, reason: string): Command =>
    command
      .option('--reason <text>', 'why; it stands in the log for ever', reason)
      .option('--by <who>', 'who decides', userInfo().username)
      .option('--json', 'print one line of JSON')
  decides(models.command('promote'), 'decided by hand')
    .description('Decide that a version shall score from now on')
    .argument('<name@version>', 'as `shield models ls` lists it')
    .addHelpText('after', PROMOTE_HELP)
    .action((named: string, options: DeployArguments) => promote(named, options, context))
  decides(models.command('rollback'), 'rolled back by hand')
    .description('Let the version score again that did before')
    .addHelpText('after', ROLLBACK_HELP)
    .action((options: DeployArguments) => rollback(options, context))
  decides(models.command('challenge'), 'decided by hand')
    .description('Let a version score beside the champion, or end that')
    .argument('<name@version>', 'as `shield models ls` lists it')
    .addOption(new Option('--mode <mode>', 'what it does').choices(['shadow', 'canary', 'off']).default('shadow'))
    .option('--share <share>', 'of the reviews, 0 to 1', parseShare, 0.1)
    .addOption(
      new Option(
        '--trial',
        'live labels decide whether it goes from the shadow through a canary to champion, or back',
      ).conflicts(['mode', 'share']),
    )
    .addHelpText('after', CHALLENGE_HELP)
    .action((named: string, options: ChallengeArguments) => challenge(named, options, context))
  addModelsGate(models, context)
  addModelsWhich(models, context)
}

async function list(json: boolean, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  const newest = await newestDeployment(committedValues(config, readingCodec(config), 'modelDeployments'))
  const versions = await withStore(config, (store) => listVersions(store, config.S3_PREFIX))
  if (json) printJson(context, { versions, deployment: newest ?? null })
  else context.stdout.write(versionsText(versions, newest))
}

async function show(named: string, json: boolean, context: CliContext): Promise<void> {
  const config = context.config()
  const wanted = parseVersion(named)
  const manifest = await manifestOf(config, wanted)
  await assertBroker(config)
  const origin = await readOrigin(config, wanted)
  if (json) printJson(context, { manifest, origin })
  else context.stdout.write(`${JSON.stringify(manifest, null, 2)}\n${originText(origin)}`)
}

async function promote(named: string, options: DeployArguments, context: CliContext): Promise<void> {
  const decided = await decide(named, options, context)
  if (options.json === true) printJson(context, decided)
  else context.stdout.write(`Deployment ${decided.deploymentEpoch}: ${named} shall score. See \`shield status\`.\n`)
}

async function rollback(options: DeployArguments, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  const { modelName: name, modelVersion: version } = await versionBefore(config)
  await promote(`${name}@${version}`, options, context)
}

async function challenge(named: string, options: ChallengeArguments, context: CliContext): Promise<void> {
  const { mode, share, trial: isTrial = false, json } = options
  const decided = await decide(named, options, context, { slot: CHALLENGER, mode, share, isTrial })
  if (json === true) printJson(context, decided)
  else context.stdout.write(`Deployment ${decided.deploymentEpoch} of the challenger: ${named}, ${mode}.\n`)
}

async function decide(
  named: string,
  { reason, by }: DeployArguments,
  context: CliContext,
  how: Partial<Pick<DeployCommand, 'slot' | 'mode' | 'share' | 'isTrial'>> = {},
): Promise<ModelDeployment> {
  const config = context.config()
  const wanted = parseVersion(named)
  await assertBroker(config)
  // a version that is not there is refused here, not by every scorer
  const { featureService } = Declared.parse(await manifestOf(config, wanted))
  await ensurePipelineTopics(config, context.signal)
  const { codec } = await openPipelineCodec(config, context.signal)
  const newest = () => newestDeployment(committedValues(config, codec, 'modelDeployments'))
  if (how.isTrial === true && (await newest()) === undefined)
    throw usageError('nothing was deployed that it could be compared with; see `shield models promote --help`')
  const { name: modelName, version: modelVersion } = wanted
  const source = versionSource(config.S3_PREFIX, wanted)
  const { signal } = context
  return await deployByControl(
    { slot: CHAMPION, modelName, modelVersion, featureService, source, reason, gateReport: '', ...how },
    { config, codec, signal, by },
  )
}

function parseShare(text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share >= 0 && share <= 1) return share
  throw usageError(`"${text}" is no share; write a number from 0 to 1, such as 0.1`)
}

/** The prior comes with the code, all others from the store. */
async function manifestOf(config: Config, wanted: NamedVersion): Promise<unknown> {
  const prior = await declaredVersion(PRIOR_FOLDER)
  if (prior.name === wanted.name && prior.version === wanted.version)
    return JSON.parse(await readFile(join(PRIOR_FOLDER, 'manifest.json'), 'utf8'))
  return withStore(config, (store) => versionManifest(store, config.S3_PREFIX, wanted))
}

/** What a person reads. */
export function versionsText(versions: readonly StoredVersion[], newest: ModelDeployment | undefined): string {
  const deployed =
    newest === undefined
      ? 'Nothing was deployed: the prior scores.\n'
      : `Deployment ${newest.deploymentEpoch}: ${newest.modelName}@${newest.modelVersion}, by ${oneLine(newest.decidedBy)}: ${oneLine(newest.reason)}\n`
  if (versions.length === 0) return `No versions.\n${deployed}`
  const rows = versions.map(({ name, version, sizeBytes }) => [
    `${name}@${version}`,
    (sizeBytes / 1e6).toFixed(2),
    version === newest?.modelVersion ? `deployment ${newest.deploymentEpoch}` : '',
  ])
  return `${table(['VERSION', 'MB', 'SERVES'], rows)}\n${deployed}`
}

/** The client of S3 takes a second to load: only who needs it waits for it. */
async function withStore<T>(config: Config, work: (store: ObjectStore) => Promise<T>): Promise<T> {
  const { openS3ObjectStore } = await import('../../connectors/s3-object-store.ts')
  using store = openS3ObjectStore(config)
  return await work(store)
}
