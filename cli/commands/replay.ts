import { type Command, Option } from 'commander'
import type { When } from '../../connectors/dataset-source.ts'
import { parseCount, usageError } from '../../producers/arguments.ts'
import type { StageReport, ToldDifference } from '../../replay/verify/report.ts'
import { type CliContext, printJson } from '../context.ts'
import { REPLAY_STAGES, type ReplayStage, verifyReplay } from '../replay-verify.ts'
import { grouped, table } from '../text.ts'
import { parseWhen } from './dataset.ts'

const HELP = `
Folds the recorded logs again, from their first offset on, on a state of its own, and compares every record with what
was live: movie-activity as user-history makes it, review-features as movie-context makes them, bit for bit. Scores are
made again by the versions that are recorded with them: bit for bit where the runtime is the same, else within the
tolerance of the version. It reads only, and ends with 1 if anything differs.

--from and --to choose by append time of a stage's input which records are compared:
  beginning, now         all there ever was; as it is now
  -2h, -30d              so long ago
  2026-11-21T10:00:00Z   from the first record appended since

Examples:
  shield replay --verify
  shield replay --verify --stage movie-context --from -1d
  shield replay --verify --stage scorer --json`

const TOLD = 20

interface ReplayArguments {
  readonly verify?: boolean
  readonly stage: readonly ReplayStage[]
  readonly from: When
  readonly to: When
  readonly differences: number
  readonly json?: boolean
}

export function addReplay(program: Command, context: CliContext): void {
  const when = (text: string): When => parseWhen(text, Date.now())
  program
    .command('replay')
    .description('Make again what the stages have made of the recorded logs, and compare')
    .requiredOption('--verify', 'compare with what was live')
    .addOption(
      new Option('--stage <name>', `${REPLAY_STAGES.join(', ')} or all`)
        .argParser(parseStages)
        .default(REPLAY_STAGES, 'all'),
    )
    .option('--from <time>', 'compare what was appended to the input since', when, 'beginning' as When)
    .option('--to <time>', 'compare what was appended to the input before', when, 'now' as When)
    .option('--differences <count>', 'tell so many in full', (text) => parseCount(text, 0), TOLD)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: ReplayArguments) => verify(options, context))
}

async function verify({ stage, from, to, differences, json }: ReplayArguments, context: CliContext): Promise<void> {
  const reports = await verifyReplay({ stages: stage, from, to, mostTold: differences }, context)
  if (json === true) printJson(context, { stages: reports })
  else context.stdout.write(reportText(reports))
  if (reports.some(({ differing }) => differing > 0)) context.exitWith(1)
}

function parseStages(text: string): readonly ReplayStage[] {
  if (text === 'all') return REPLAY_STAGES
  const stage = REPLAY_STAGES.find((name) => name === text)
  if (stage === undefined) throw usageError(`"${text}" is no stage; there are ${REPLAY_STAGES.join(', ')} and all`)
  return [stage]
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
