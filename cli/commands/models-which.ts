import { type Command, Option } from 'commander'
import { parseInstant, usageError } from '../../producers/arguments.ts'
import type { ModelActivation, SpoilerScore } from '../../schemas/generated.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { activationsAt, scoreOf } from '../model-ledger.ts'
import { table } from '../text.ts'

const HELP = `
With --review: the version that answered for a review, by its score. With --at: what the ledger says of each partition at
that moment, the champion and, beside it, a challenger with its share. Both read a whole topic.

Examples:
  shield models which --review 6c4ff6ac-ae15-4372-9b52-a9ebc0ede266
  shield models which --at 2026-11-21T10:00:00Z --json`

interface WhichArguments {
  readonly review?: string
  readonly at?: number
  readonly json?: boolean
}

export function addModelsWhich(models: Command, context: CliContext): void {
  models
    .command('which')
    .description('Say which version scored a review, or was live at a time')
    .option('--review <id>', 'id of the review')
    .addOption(new Option('--at <time>', 'such as 2026-11-21T10:00:00Z').argParser(parseInstant).conflicts('review'))
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: WhichArguments) => which(options, context))
}

async function which({ review, at, json }: WhichArguments, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  if (review !== undefined) {
    const score = await scoreOf(config, review)
    if (score === undefined) throw usageError(`nobody has scored the review "${review}"`)
    if (json === true) printJson(context, answerOf(score))
    else context.stdout.write(answerText(score))
    return
  }
  if (at === undefined) throw usageError('say of what: --review ID or --at TIME')
  const activations = await activationsAt(config, at)
  if (json === true) printJson(context, activations)
  else context.stdout.write(activationsText(activations))
}

function answerOf({ reviewId, slot, modelName, modelVersion, deploymentEpoch, position }: SpoilerScore): object {
  return { reviewId, slot, modelName, modelVersion, deploymentEpoch, position }
}

function answerText({ slot, modelName, modelVersion, deploymentEpoch, position }: SpoilerScore): string {
  const { topic, partition, offset } = position
  return `${modelName}@${modelVersion}, ${slot} by deployment ${deploymentEpoch}, from ${topic}/${partition}/${offset}\n`
}

/** What a person reads. */
export function activationsText(activations: readonly ModelActivation[]): string {
  if (activations.length === 0) return 'Nothing had scored yet.\n'
  const rows = activations.map((one) => [
    String(one.partition),
    one.slot,
    one.mode === 'serve' ? one.mode : `${one.mode} ${one.share}`,
    `${one.modelName}@${one.modelVersion}`,
    String(one.deploymentEpoch),
    String(one.fromOffset),
  ])
  return table(['PARTITION', 'SLOT', 'MODE', 'VERSION', 'DEPLOYMENT', 'FROM OFFSET'], rows)
}
