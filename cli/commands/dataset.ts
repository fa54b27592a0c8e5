import { type Command, Option } from 'commander'
import type { When } from '../../connectors/dataset-source.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { parseCount, parseDuration, usageError } from '../../producers/arguments.ts'
import type { ErrorCode } from '../../schemas/errors.ts'
import { SPANS } from '../../trainers/dataset/dataset-row.ts'
import { type DatasetManifest, type Shares, type SplitBy, SPLITS } from '../../trainers/dataset/manifest.ts'
import { openDataset } from '../../trainers/dataset/open-dataset.ts'
import { verifyDataset } from '../../trainers/dataset/verify-dataset.ts'
import { type CliContext, printJson } from '../context.ts'
import { type BuildWishes, buildInPlace, DEFAULT_WISHES } from '../dataset-build.ts'
import { withDatasets } from '../dataset-store.ts'
import { datasetText, listText } from '../dataset-text.ts'
import { oneLine } from '../text.ts'
import { parseWhen, WHEN_HELP } from '../when.ts'
import { featureServiceOption, parseReplayName } from './replay.ts'

const BUILD_HELP = `
Joins the feature rows that were scored with the newest labels, and writes them as Parquet, in spans that share no
review: fit, stop, calibrate, gate. Nothing is computed anew. What is not labelled is left out; it is no negative.

Times are append times in the log, not event times:
${WHEN_HELP}

--replayed NAME takes the rows that a replay has written, all of them: what their append times say is when that was.

--split time        consecutive spans; labels of a span must be known before the next one begins
        movie       no movie stands in two spans
        cold-user   by time, and the gate has only users that no other span has
        random      by a hash of the review's id

The id of a data set is the hash of its content: equal ranges and options give the same id, also when the records come
from S3 because the log does not hold them any more. --like builds a data set again by its manifest.

Examples:
  shield dataset build
  shield dataset build --replayed v2 --feature-service spoiler_v2
  shield dataset build --from -30d --to -1d --labels-until now --split movie --seed 7
  shield dataset build --like 3f1c0a9be2d74c55 --out data-sets`

const LOOK_HELP = (verb: string): string => `
Data sets lie on S3, in the folder datasets of S3_PREFIX; --in names a local folder instead.

Examples:
  shield dataset ${verb}
  shield dataset ${verb} --in data-sets --json`

interface LookArguments {
  readonly json?: boolean
  readonly in?: string
}
interface BuildArguments extends BuildWishes {
  readonly json?: boolean
}

export function addDataset(program: Command, context: CliContext): void {
  const dataset = program.command('dataset').description('Build data sets for training, and look at them')
  addBuild(dataset, context)
  const look = (name: string, description: string, example = name): Command =>
    dataset
      .command(name)
      .description(description)
      .option('--in <folder>', 'local folder of data sets, instead of S3')
      .option('--json', 'print one line of JSON')
      .addHelpText('after', LOOK_HELP(example))
  look('ls', 'List the data sets').action((options: LookArguments) => list(options, context))
  look('show', 'Show ranges, spans and what was left out', 'show 3f1c0a9be2d74c55')
    .argument('<id>', 'id of a data set')
    .action((id: string, options: LookArguments) => show(id, options, context))
  look('verify', 'Read data sets whole and prove hashes, counts, and that no span leaks into another', 'verify')
    .argument('[ids...]', 'ids of data sets; all by default')
    .action((ids: string[], options: LookArguments) => verify(ids, options, context))
}

function addBuild(dataset: Command, context: CliContext): void {
  const when = (text: string): When => parseWhen(text, Date.now())
  const ranged = ['replayed', 'from', 'to', 'labelsFrom', 'labelsUntil', 'split', 'seed', 'shares', 'maturity']
  dataset
    .command('build')
    .description('Build a data set of logged feature rows and their labels')
    .addOption(
      new Option('--replayed <name>', 'feature rows that `shield replay --into` wrote, instead of the live ones')
        .argParser(parseReplayName)
        .conflicts(['from', 'to']),
    )
    .addOption(featureServiceOption('of the feature rows; by default FEATURE_SERVICE').conflicts('like'))
    .option('--from <time>', 'feature rows appended since', when, DEFAULT_WISHES.from)
    .option('--to <time>', 'feature rows appended before', when, DEFAULT_WISHES.to)
    .option('--labels-until <time>', 'only labels appended before count', when, DEFAULT_WISHES.labelsUntil)
    .option('--labels-from <time>', 'read labels appended since', when, DEFAULT_WISHES.labelsFrom)
    .option('--split <how>', 'time, movie, cold-user or random', parseSplit, DEFAULT_WISHES.split)
    .addOption(
      new Option('--shares <percent>', 'fit/stop/calibrate/gate, of the labelled rows')
        .argParser(parseShares)
        .default(DEFAULT_WISHES.shares, '60/10/15/15'),
    )
    .option('--seed <number>', 'of the splits by a hash', (text) => parseCount(text, 0), DEFAULT_WISHES.seed)
    .addOption(
      new Option('--maturity <duration>', 'least age of a row, in event time, at the newest label known')
        .argParser(parseDuration)
        .default(DEFAULT_WISHES.maturity, '7d'),
    )
    .addOption(new Option('--like <id>', 'build a data set again, by its manifest').conflicts(ranged))
    .option('--out <folder>', 'local folder of data sets, instead of S3')
    .option('--json', 'print the manifest as one line of JSON')
    .addHelpText('after', BUILD_HELP)
    .action((options: BuildArguments) => build(options, context))
}

async function build({ json, ...wishes }: BuildArguments, context: CliContext): Promise<void> {
  const { manifest, outcome, address } = await buildInPlace(wishes, context)
  if (json === true) printJson(context, { outcome, address, ...manifest })
  else {
    context.stdout.write(datasetText(manifest))
    context.stdout.write(`\n${outcome === 'exists' ? 'Was there already' : 'Written'}: ${address}\n`)
  }
  const thin = manifest.spans.filter(({ rows, positives }) => positives === 0 || positives === rows)
  if (thin.length > 0)
    context.stderr.write(
      `Of one class only, or empty: ${thin.map(({ span }) => span).join(', ')}. Take a longer range, or lower --maturity.\n`,
    )
  if (wishes.like === undefined || wishes.like === manifest.id) return
  context.stderr.write(`Built again, ${wishes.like} is ${manifest.id}: other records, or another version of Node.\n`)
  context.exitWith(1)
}

async function list({ json, in: folder }: LookArguments, context: CliContext): Promise<void> {
  const manifests = await withDatasets(context.config(), folder, async ({ place }) => {
    const found: DatasetManifest[] = []
    for (const id of await place.ids()) found.push((await openDataset(place.files(id))).manifest)
    return found.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  })
  if (json === true) printJson(context, { datasets: manifests })
  else context.stdout.write(listText(manifests))
}

async function show(id: string, { json, in: folder }: LookArguments, context: CliContext): Promise<void> {
  const manifest = await withDatasets(context.config(), folder, async ({ place }) => {
    return (await openDataset(place.files(id))).manifest
  })
  if (json === true) printJson(context, manifest)
  else context.stdout.write(datasetText(manifest))
}

const BAD: readonly ErrorCode[] = ['SPL_DATASET_INVALID', 'SPL_DATASET_LEAK']

async function verify(ids: readonly string[], { json, in: folder }: LookArguments, context: CliContext): Promise<void> {
  const verified = await withDatasets(context.config(), folder, async ({ place }) => {
    const results: { id: string; rows: number; problem: string | null }[] = []
    for (const id of ids.length > 0 ? ids : await place.ids()) {
      try {
        const { counts } = await verifyDataset(place.files(id), context.signal, context.config().STATE_DIR)
        results.push({ id, rows: counts.kept, problem: null })
      } catch (error) {
        if (!(error instanceof SpoilerError && BAD.includes(error.code))) throw error
        results.push({ id, rows: 0, problem: error.message })
      }
      const last = results.at(-1)
      if (json !== true) context.stdout.write(`${id}  ${last?.problem == null ? 'whole' : oneLine(last.problem)}\n`)
    }
    return results
  })
  if (json === true) printJson(context, { datasets: verified })
  if (verified.some(({ problem }) => problem !== null)) context.exitWith(1)
}

/** @throws SpoilerError SPL_USAGE */
function parseSplit(text: string): SplitBy {
  const split = SPLITS.find((name) => name === text)
  if (split === undefined) throw usageError(`"${text}" is no split; there are ${SPLITS.join(', ')}`)
  return split
}

/** `60/10/15/15`: percent of each span, all above 0. @throws SpoilerError SPL_USAGE */
export function parseShares(text: string): Shares {
  const percents = text.split('/').map(Number)
  const sum = percents.reduce((total, percent) => total + percent, 0)
  if (percents.length !== SPANS.length || percents.some((percent) => !(percent > 0)) || Math.abs(sum - 100) > 1e-9)
    throw usageError(`"${text}" are no shares; write four percentages of together 100, such as 60/10/15/15`)
  const [fit = 0, stop = 0, calibrate = 0, gate = 0] = percents.map((percent) => percent / 100)
  return { fit, stop, calibrate, gate }
}
