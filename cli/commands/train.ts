import { type Command, Option } from 'commander'
import { parseCount } from '../../producers/arguments.ts'
import { type CliContext, printJson } from '../context.ts'
import type { Deployment } from '../deploy-if-better.ts'
import { trainInPlace, type TrainOutcome, type TrainWishes } from '../train.ts'
import { trainingText } from '../train-text.ts'

const HELP = `
Fits a model version on a data set (see shield dataset build), calibrates it, and judges it on the span that nothing
was chosen by, beside the length of the text alone and the prior that ships. The version is immutable, named by the
hash of its content, and lies on S3, in the folder models of S3_PREFIX; equal data set and seed give the same version.
Its folder holds report.html, for people, and report.json; --report copies the page to where you can open it.

The first use brings the Python packages that models are fitted with, about 300 MB, once per user.

--tier baseline    logistic regression on hashed words and context

With --deploy it takes over when the gate lets it through (see shield models gate, docs/MODELS.md): a scorer that runs
switches without a restart. Otherwise what serves goes on. --report then is the page of the gate.

Examples:
  shield train --dataset 3f1c0a9be2d74c55
  shield train --dataset 3f1c0a9be2d74c55 --deploy --report report.html
  shield train --dataset 3f1c0a9be2d74c55 --in data-sets --out models --json`

interface TrainArguments extends TrainWishes {
  readonly json?: boolean
}

export function addTrain(program: Command, context: CliContext): void {
  program
    .command('train')
    .description('Fit a model version on a data set, and let it serve if it is better')
    .requiredOption('--dataset <id>', 'id of the data set')
    .addOption(new Option('--tier <name>', 'kind of model').choices(['baseline']).default('baseline'))
    .option('--deploy', 'let it serve if it is better than what does')
    .option('--seed <number>', 'of the bootstrap', (text) => parseCount(text, 0), 0)
    .option('--in <folder>', 'local folder of data sets, instead of S3')
    .addOption(new Option('--out <folder>', 'local folder of model versions, instead of S3').conflicts('deploy'))
    .option('--report <file>', 'write the report as a page to this file, too')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: TrainArguments) => train(options, context))
}

async function train({ json, ...wishes }: TrainArguments, context: CliContext): Promise<void> {
  const trained = await trainInPlace(wishes, context)
  if (json === true) printJson(context, jsonOf(trained, wishes))
  else context.stdout.write(trainingText(trained))
}

function jsonOf(
  { name, version, featureService, address, source, deployment, report }: TrainOutcome,
  { dataset, seed }: TrainWishes,
): object {
  const { rows, positives, scorers, gains } = report
  const decided = deployment.outcome === 'trained' ? deployment : told(deployment)
  return {
    name,
    version,
    featureService,
    ...decided,
    address,
    source,
    dataset,
    seed,
    heldOut: { rows, positives, scorers, gains },
  }
}

function told({ outcome, reason, gate }: Deployment): object {
  return { outcome, reason, gateReport: gate.report }
}
