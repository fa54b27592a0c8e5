import { type Command, Option } from 'commander'
import { parseCount, parseInstant, usageError } from '../../producers/arguments.ts'
import type { Replayed } from '../../replay/replay-into.ts'
import type { StageReport, ToldDifference } from '../../replay/verify/report.ts'
import { FEATURE_SERVICE_NAMES, type FeatureServiceName } from '../../schemas/feature-services.ts'
import { type CliContext, printJson } from '../context.ts'
import { runReplayInto } from '../replay-into.ts'
import { parsePlace, parseStages, type Place, REPLAY_STAGES, type ReplayStage } from '../replay-inputs.ts'
import { type ReplayWishes, verifyReplay } from '../replay-verify.ts'
import { grouped, table } from '../text.ts'
import { WHEN_HELP } from '../when.ts'
import { parseVersion } from '../named-version.ts'

const HELP = `
Each stage is made again from its recorded input: movie-activity from user-activity (user-history), review-features from
movie-activity (movie-context), scores from review-features (scorer), score-outcomes from score-activity (evaluator). What
a fold makes of a record follows from all before it: it begins at the newest snapshot before the range (shield snapshots), or at offset 0.
Snapshots that other code has made are left out; --any-code takes them, and what comes is then neither version's.

--into NAME writes what is made into topics of its own, such as replay.NAME.review-features, exactly once: interrupted
and run again it goes on where it was. Live topics, groups and Redis are not touched. Scores are made by the versions
that the ledger names, or by --model; feature rows are of FEATURE_SERVICE, or of --feature-service.

--verify writes nothing. It compares every record with what was live, bit for bit; scores by the version that is
recorded with them, within its tolerance where the runtime is another one; feature rows by the feature service that the
live row names. It ends with 1 if anything differs.

--from and --to are places in the input of a stage, by append time or by offset:
${WHEN_HELP}
  0:1200,3:80            offset 1200 of partition 0, 80 of partition 3; other partitions whole

--from-event-time and --to-event-time read the input to find when things were written or labelled. Logs are not in that
order: each partition is replayed from its first such record to its last, with what stands in between.

Examples:
  shield replay --verify
  shield replay --verify --stage movie-context --from -1d
  shield replay --into 2026-11 --stage all
  shield replay --into summer --from-event-time 2026-06-01 --to-event-time 2026-09-01
  shield replay --into v2 --stage movie-context --feature-service spoiler_v2
  shield replay --into try --stage scorer --model baseline@0123456789abcdef --max-rate 500`

const TOLD = 20

interface ReplayArguments {
  readonly verify?: boolean
  readonly into?: string
  readonly stage: readonly ReplayStage[]
  readonly from: Place
  readonly to: Place
  readonly fromEventTime?: number
  readonly toEventTime?: number
  readonly model?: ReturnType<typeof parseVersion>
  readonly featureService?: FeatureServiceName
  readonly maxRate?: number
  readonly anyCode?: boolean
  readonly differences: number
  readonly json?: boolean
}

export function featureServiceOption(description: string): Option {
  return new Option('--feature-service <name>', description).choices(FEATURE_SERVICE_NAMES)
}

export function addReplay(program: Command, context: CliContext): void {
  const place = (text: string): Place => parsePlace(text, Date.now())
  program
    .command('replay')
    .description('Make features and scores again from the recorded logs, into topics of their own, or to compare')
    .addOption(new Option('--verify', 'compare with what was live').conflicts(['into', 'model', 'maxRate']))
    .option('--into <name>', 'write into topics of that name', parseReplayName)
    .addOption(
      new Option('--stage <name>', `${REPLAY_STAGES.join(', ')} or all`)
        .argParser(parseStages)
        .default(REPLAY_STAGES, 'all'),
    )
    .option('--from <place>', 'leave out what comes of records before', place, 'beginning' as Place)
    .option('--to <place>', 'end before', place, 'now' as Place)
    .option('--from-event-time <instant>', 'begin at the first record of that time or later', parseInstant)
    .option('--to-event-time <instant>', 'end behind the last record before that time', parseInstant)
    .option('--any-code', 'begin at snapshots that other code has made as well')
    .option('--model <version>', 'score by NAME@VERSION; by default as recorded', parseVersion)
    .addOption(featureServiceOption('of the feature rows; by default FEATURE_SERVICE').conflicts('verify'))
    .option('--max-rate <count>', 'pass so many input records a second', (text) => parseCount(text))
    .option('--differences <count>', 'of --verify: tell so many in full', (text) => parseCount(text, 0), TOLD)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: ReplayArguments) => replay(options, context))
}

async function replay(options: ReplayArguments, context: CliContext): Promise<void> {
  const { verify, into } = options
  if (verify === true) return compare(options, context)
  if (into === undefined) throw usageError('say --verify to compare, or --into NAME to write')
  const { model, maxRate, featureService } = options
  const replayed = await runReplayInto(
    {
      ...rangeOf(options),
      into,
      ...(model === undefined ? {} : { model: { modelName: model.name, modelVersion: model.version } }),
      ...(maxRate === undefined ? {} : { maxRate }),
      ...(featureService === undefined ? {} : { featureService }),
    },
    context,
  )
  if (options.json === true) printJson(context, { stages: replayed })
  else context.stdout.write(replayedText(replayed))
}

async function compare(options: ReplayArguments, context: CliContext) {
  const { differences: mostTold, json } = options
  const reports = await verifyReplay({ ...rangeOf(options), mostTold }, context)
  if (json === true) printJson(context, { stages: reports })
  else context.stdout.write(reportText(reports))
  if (reports.some(({ differing }) => differing > 0)) context.exitWith(1)
}

function rangeOf({ stage, from, to, anyCode = false, fromEventTime, toEventTime }: ReplayArguments): ReplayWishes {
  const wishes = { stages: stage, from, to, anyCode }
  if (fromEventTime === undefined && toEventTime === undefined) return wishes
  return { ...wishes, eventTimes: { fromMs: fromEventTime ?? -Infinity, toMs: toEventTime ?? Infinity } }
}

/** @throws SpoilerError SPL_USAGE */
export function parseReplayName(text: string): string {
  if (/^[a-z0-9][a-z0-9.-]{0,39}$/.test(text)) return text
  throw usageError(`"${text}" is no name of a replay; write up to 40 small letters, digits, dots and dashes`)
}

function replayedText(reports: readonly Replayed[]): string {
  const rows = reports.map(({ stage, replayed, outputs }) => [stage, grouped(replayed), grouped(outputs)])
  const names = [...new Set(reports.flatMap(({ topics }) => Object.values(topics)))]
  return `${table(['STAGE', 'RECORDS REPLAYED', 'WRITTEN'], rows)}\nWritten to ${names.join(', ')}.\n`
}

function reportText(reports: readonly StageReport[]): string {
  const rows = reports.map(({ stage, compared, differing, withinTolerance, unproved }) => [
    stage,
    ...[compared, differing, withinTolerance, unproved].map(grouped),
  ])
  const told = reports.flatMap(({ first }) => first.map(differenceText))
  return `${table(['STAGE', 'COMPARED', 'DIFFERING', 'WITHIN TOLERANCE', 'VERSION GONE'], rows)}${told.join('')}`
}

function differenceText({ name, kind, at, fields }: ToldDifference): string {
  const lines = fields.map(({ path, made, live }) => `  ${path}: ${made ?? '-'} made again, ${live ?? '-'} live\n`)
  return `\n${WORDS[kind](name, at)}\n${lines.join('')}`
}

const WORDS: Readonly<Record<ToldDifference['kind'], (name: string, at: string) => string>> = {
  differs: (name, at) => `${name}, live at ${at}, differs:`,
  missing: (name, at) => `${name}, made again from ${at}, is not live`,
  unexpected: (name, at) => `${name}, live at ${at}, is not what is made again`,
}
