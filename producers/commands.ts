import type { Command } from 'commander'
import {
  parseCount,
  parseDuration,
  parseInstant,
  parseLabelDelay,
  parseRate,
  parseSpeed,
  usageError,
} from './arguments.ts'
import { parseMapping, type FieldMapping } from './field-mapping.ts'
import { openImdbSource } from './imdb-source.ts'
import { progressTo, summaryText, type TextSink } from './job-output.ts'
import { runJob, type Job, type JobDeps, type JobSummary } from './job.ts'
import { openJsonlSource } from './jsonl-source.ts'
import type { LabelDelay } from './label-delay.ts'
import type { Pace } from './pace.ts'
import { reportText, worldReport } from './world/world-report.ts'
import { parseScenario, type PlannedScenario, SCENARIO_HELP, windowOf } from './world/planned-scenario.ts'
import { FILMS, TWO_YEARS_MS, World, type WorldOptions } from './world/world.ts'

export interface ProduceDeps extends JobDeps {
  /** Summaries. */
  readonly stdout: TextSink
  /** Progress. */
  readonly stderr: TextSink
  /** Told the outcome, for the exit status. */
  readonly onOutcome?: (outcome: JobSummary['outcome']) => void
}

interface CommonOptions {
  readonly again: boolean
  readonly json: boolean
}
interface PaceOptions {
  readonly speed?: number
  readonly rate?: number
}

/** Adds `produce imdb|jsonl|world|world-report`. @param deps Asked for only when a command runs. */
export function registerProduceCommands(program: Command, deps: () => ProduceDeps | Promise<ProduceDeps>): void {
  const group = program.command('produce').description('Publish reviews, labels and movies to the public input topics')
  const run = async (job: Job, options: CommonOptions): Promise<void> => execute(job, options, await deps())
  addImdb(group, run)
  addJsonl(group, run)
  addWorld(group, run)
  addWorldReport(group, async (text) => void (await deps()).stdout.write(text))
}

type RunJob = (job: Job, options: CommonOptions) => Promise<void>

async function execute(job: Job, { again, json }: CommonOptions, deps: ProduceDeps): Promise<void> {
  const progress = progressTo(deps.stderr)
  let summary
  try {
    summary = await runJob(job, again, deps, progress)
  } finally {
    progress.done()
  }
  deps.stdout.write(json ? `${JSON.stringify(summary)}\n` : summaryText(summary))
  deps.onOutcome?.(summary.outcome)
}

/** Options that every job has. */
function withCommon(command: Command, example: string): Command {
  return command
    .option('--again', 'publish a finished job once more (equal ids: downstream counts each record once)', false)
    .option('--json', 'print the summary as one line of JSON', false)
    .addHelpText('after', `\nExample:\n  ${example}\n\n${RESUME_HELP}`)
}

const RESUME_HELP =
  'Interrupted and started again with the same arguments it goes on where it stopped. After a kill -9 up to a second of\n' +
  'records is sent again; their ids are the same, so nothing is scored twice.'

function withPace(command: Command): Command {
  return command
    .option('--speed <factor>', 'event seconds per second, such as 1000x (default: as fast as possible)', parseSpeed)
    .option('--rate <number>', 'records per second, instead of --speed', parseRate)
}

function paceOf({ speed, rate }: PaceOptions): Pace {
  if (speed !== undefined && rate !== undefined) throw usageError('--speed and --rate exclude each other')
  if (speed !== undefined) return { kind: 'event-clock', speed }
  return rate === undefined ? { kind: 'unpaced' } : { kind: 'rate', perSecond: rate }
}

interface ImdbArguments extends CommonOptions, PaceOptions {
  readonly reviews: string
  readonly movies: string
  readonly labelsAfter: LabelDelay | null
  readonly limit?: number
}

function addImdb(group: Command, run: RunJob): void {
  const command = group
    .command('imdb')
    .description('Publish the IMDB Spoiler Dataset by review date, its spoiler tags as delayed labels')
    .requiredOption('--reviews <file>', 'IMDB_reviews.json: JSON lines, plain, .gz or .xz')
    .requiredOption('--movies <file>', 'IMDB_movie_details.json: JSON lines, plain, .gz or .xz')
    .option('--limit <count>', 'only the earliest reviews (movies are published all)', (text) => parseCount(text))
    .option(
      '--labels-after <delay>',
      'when labels follow their reviews; none for no labels',
      parseLabelDelay,
      DEFAULT_DELAY,
    )
  withCommon(
    withPace(command),
    'shield produce imdb --reviews IMDB_reviews.json --movies IMDB_movie_details.json --labels-after "3d±1d"',
  ).action((options: ImdbArguments) => run(imdbJob(options), options))
}

const DEFAULT_DELAY = parseLabelDelay('3d±1d')

function imdbJob(options: ImdbArguments): Job {
  const { reviews, movies, limit, labelsAfter: labelDelay } = options
  return {
    name: 'imdb',
    identity: { limit: limit ?? null, labelDelay },
    files: [reviews, movies],
    pace: paceOf(options),
    open: (context) =>
      openImdbSource({ reviewsFile: reviews, moviesFile: movies, labelDelay, ...limited(limit), ...context }),
  }
}

interface JsonlArguments extends CommonOptions, PaceOptions {
  readonly file: string
  readonly map: FieldMapping
  readonly writtenAt: number
  readonly every: number
  readonly labelsAfter: LabelDelay | null
  readonly limit?: number
}

function addJsonl(group: Command, run: RunJob): void {
  const command = group
    .command('jsonl')
    .description('Publish the reviews of any JSON-lines file, in the order of the file')
    .requiredOption('--file <file>', 'JSON lines, plain, .gz or .xz')
    .requiredOption(
      '--map <fields>',
      'TARGET=FIELD,…; targets: reviewId, userId (default hash(reviewId)), movieId, text, summary, rating, writtenAt, isSpoiler',
      parseMapping,
    )
    .option(
      '--written-at <instant>',
      'event time of the first row if writtenAt is not mapped',
      parseInstant,
      SYNTHETIC_START,
    )
    .option('--every <duration>', 'event time between rows if writtenAt is not mapped', parseDuration, 1000)
    .option('--limit <count>', 'only the first reviews', (text) => parseCount(text))
    .option('--labels-after <delay>', 'when labels follow, if isSpoiler is mapped', parseLabelDelay, DEFAULT_DELAY)
  withCommon(
    withPace(command),
    'shield produce jsonl --file aclimdb_50k.jsonl.xz --map reviewId=review_id,movieId=movie_id,text=review_text,rating=rating',
  ).action((options: JsonlArguments) => run(jsonlJob(options), options))
}

const SYNTHETIC_START = parseInstant('2020-01-01')

function jsonlJob(options: JsonlArguments): Job {
  const { file, map: mapping, limit, labelsAfter: labelDelay } = options
  const clock = { startMs: options.writtenAt, stepMs: options.every }
  return {
    name: 'jsonl',
    identity: { mapping, clock, limit: limit ?? null, labelDelay },
    files: [file],
    pace: paceOf(options),
    open: ({ rejects }) =>
      Promise.resolve(openJsonlSource({ file, mapping, clock, labelDelay, rejects, ...limited(limit) })),
  }
}

interface WorldArguments extends CommonOptions {
  readonly seed: number
  readonly rate: number
  readonly speed: number
  readonly for?: number
  readonly limit?: number
  readonly start?: number
  readonly back: number
  readonly films: number
  readonly fast: boolean
  readonly pauseAt?: number
  readonly scenario: readonly PlannedScenario[]
}

function addWorld(group: Command, run: RunJob): void {
  const command = group
    .command('world')
    .description('Publish a generated movie world: films, reviews, late and revised labels')
    .option('--seed <number>', 'equal seeds give equal worlds', (text) => parseCount(text, 0), 7)
    .option('--rate <number>', 'reviews per second, on average', parseRate, 200)
    .option('--speed <factor>', 'event seconds per second', parseSpeed, 21_600)
    .option(
      '--for <duration>',
      'how long, at that speed (default: until the event clock reaches the start instant)',
      parseDuration,
    )
    .option('--limit <count>', 'end after so many reviews and their labels', (text) => parseCount(text))
    .option('--start <instant>', 'where the event clock ends at the latest (default: now)', parseInstant)
    .option('--back <duration>', 'how long before that it begins', parseDuration, TWO_YEARS_MS)
    .option('--films <count>', 'films in the world', (text) => parseCount(text, 10), FILMS)
    .option('--pause-at <duration>', 'end there for now, in event time from the beginning', parseDuration)
    .option('--fast', 'do not wait: the same records as fast as possible', false)
    .option('--scenario <NAME[@from..to]>', 'a change of the world; can be given again', addScenario, [])
  withCommon(command, 'shield produce world --seed 7 --rate 200 --speed 21600x --scenario spam-wave@60d..90d')
    .addHelpText('after', SCENARIO_HELP)
    .action((options: WorldArguments) => run(worldJob(options), options))
}

function addScenario(text: string, others: readonly PlannedScenario[]): readonly PlannedScenario[] {
  return [...others, parseScenario(text)]
}

function worldJob(options: WorldArguments): Job {
  const { seed, rate, speed, for: forMs, limit, start, back: backMs, films, pauseAt, scenario: planned } = options
  const lengthMs = forMs === undefined ? Infinity : forMs * speed
  if (forMs !== undefined && lengthMs > backMs) throw usageError(tooLong(lengthMs, backMs))
  const length = { ...(forMs === undefined ? {} : { lengthMs }), ...(limit === undefined ? {} : { reviews: limit }) }
  const world = { seed, rate, speed, backMs, films, ...length }
  const scenarios = planned.map((one) => windowOf(one, backMs))
  return {
    name: 'world',
    identity: { ...world, start: start ?? null, ...(planned.length > 0 ? { scenarios: planned } : {}) },
    files: [],
    resolve: (nowMs) => {
      if (start !== undefined && start > nowMs) throw usageError('--start lies in the future')
      return { startMs: start ?? nowMs }
    },
    pace: options.fast ? { kind: 'unpaced' } : { kind: 'event-clock', speed },
    open: ({ resolved }) => {
      const startMs = resolved['startMs'] as number
      const pause = pauseAt === undefined ? {} : { pauseAtMs: startMs - backMs + pauseAt }
      return Promise.resolve({ ...new World({ ...world, scenarios, startMs }).source(), ...pause })
    },
  }
}

function tooLong(lengthMs: number, backMs: number): string {
  const days = (ms: number): number => Math.round(ms / 86_400_000)
  return `--for at that --speed is ${days(lengthMs)} days of event time, the event clock has ${days(backMs)}; raise --back`
}

interface ReportArguments extends Required<Pick<WorldOptions, 'seed' | 'reviews'>> {
  readonly json: boolean
}

function addWorldReport(group: Command, print: (text: string) => Promise<void>): void {
  group
    .command('world-report')
    .description('Say what a generated world is like: spoiler share, best possible AUC, AUC of length alone')
    .option('--seed <number>', 'seed of the world', (text) => parseCount(text, 0), 7)
    .option('--reviews <count>', 'reviews to generate', (text) => parseCount(text, 100), 20_000)
    .option('--json', 'print one line of JSON', false)
    .addHelpText('after', '\nExample:\n  shield produce world-report --seed 7 --reviews 50000')
    .action(async ({ seed, reviews, json }: ReportArguments) => {
      const report = worldReport(seed, reviews)
      await print(json ? `${JSON.stringify(report)}\n` : reportText(report))
    })
}

function limited(limit: number | undefined): { limit?: number } {
  return limit === undefined ? {} : { limit }
}
