import { type Command, Option } from 'commander'
import { join, resolve } from 'node:path'
import { type Config, loadConfig } from '../../platform/config.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { pause } from '../../platform/retry.ts'
import { interruptTasks, TASKS_FOLDER } from '../../trainers/launchers/local.ts'
import { parseCount, parseDuration, parseRate, parseSpeed } from '../../producers/arguments.ts'
import { parseScenario } from '../../producers/world/planned-scenario.ts'
import { type CliContext, printJson } from '../context.ts'
import { LiveSession } from '../live/live-session.ts'
import type { Figures } from '../live/live-state.ts'
import { totalsText } from '../live/render.ts'
import { firstReview, publishWorld, type WorldPlan } from '../generated-world.ts'
import { ensurePipelineTopics, openPipelineCodec } from '../pipeline.ts'
import { RunningPipeline, stoppedOnes } from '../running-pipeline.ts'
import { Screen } from '../screen.ts'
import { openLocalStack, type StackArguments, withStackOptions } from '../stack-options.ts'
import { Steps } from '../steps.ts'

const SCORE_POLL_MS = 250

interface StartArguments extends StackArguments {
  readonly for?: number
  readonly json?: boolean
  readonly rate: number
  readonly speed: number
  readonly seed: number
  readonly train: boolean
  readonly trainAfter: number
  readonly world: boolean
  /** False with --no-scenario. */
  readonly scenario: string | false
}

const HELP = `
Uses the local stack, unless KAFKA_BROKERS is set: then the broker, registry, Redis and S3 of the environment.
Started again it goes on where it stopped: reviews that were published are not published twice.
Ctrl-C ends it and leaves nothing running; a second Ctrl-C does not wait for batches to finish.

Examples:
  npm start
  npm start -- --for 60s --json
  shield start --no-world          publish reviews of your own, see: shield produce --help`

export function addStart(program: Command, context: CliContext): void {
  const command = program
    .command('start')
    .description('Start everything, publish a generated movie world, and show it live')
    .option('--for <duration>', 'end by itself so long after reviews began to be published', parseDuration)
    .option('--json', 'print one line of JSON at the end; everything else goes to stderr')
    .option('--rate <number>', 'reviews per second, on average', parseRate, 150)
    .option('--speed <factor>', 'event seconds per second', parseSpeed, 21_600)
    .option('--seed <number>', 'equal seeds give equal worlds', (text) => parseCount(text, 0), 7)
    .option('--no-world', 'publish nothing')
    .option(
      '--train-after <labels>',
      'labels after which a first model is trained',
      (text) => parseCount(text, 1),
      12_000,
    )
    .option('--no-train', 'train nothing')
    .addOption(
      new Option('--scenario <name>', 'how the world changes once a trained model serves')
        .argParser((text: string) => (parseScenario(text), text))
        .default('new-vocabulary'),
    )
    .option('--no-scenario', 'the world stays as it is')
  withStackOptions(command)
    .addHelpText('after', HELP)
    .action((options: StartArguments) => start(options, context))
}

async function start(options: StartArguments, context: CliContext): Promise<void> {
  using screen = new Screen(options.json === true ? context.stderr : context.stdout)
  const outcome = await run(options, context, screen)
  const { totals, secondsToFirstScore, failed } = outcome
  if (options.json === true) printJson(context, summaryOf(outcome))
  else screen.print(totalsText(totals, secondsToFirstScore))
  for (const line of failed) screen.print(`✖ ${line}`)
  if (failed.length > 0) context.exitWith(1)
}

interface Outcome {
  readonly totals: Figures
  /** How long reviews were published. */
  readonly seconds: number
  /** Counted from the start of this process. */
  readonly secondsToFirstScore: number | null
  /** What a person has to look at. */
  readonly failed: readonly string[]
}

/** Everything between the first process and the last. @throws AbortError when interrupted before reviews could flow. */
async function run(options: StartArguments, context: CliContext, screen: Screen): Promise<Outcome> {
  const { signal } = context
  using steps = new Steps(screen)
  await using running = new AsyncDisposableStack()
  const { env } = await openPlatform(options, context, steps, running)
  const config = loadConfig(env)
  const codec = await prepare(config, steps, signal)

  const startedMs = performance.timeOrigin
  // before the components start, or it would miss their first scores
  const live = running.use(await LiveSession.open({ config, codec, screen, startedMs }))
  const pipeline = running.use(new RunningPipeline(config, env))
  await awaitComponents(pipeline, steps, signal)
  const beganMs = performance.now()
  const ending = new AbortController()
  const ended = AbortSignal.any([signal, ending.signal])
  const world =
    options.world && !signal.aborted ? publishWorld(pipeline, live.state, planOf(options, env), ended) : null
  steps.quiet()
  live.show(() => pipeline.status())
  const scoring = options.world ? firstScore(live, ended) : Promise.resolve()
  const background = scoring.then(() => {
    if (!ended.aborted) pipeline.startBackground(trainingSettings(options, env))
  })
  if (options.for !== undefined && world !== null) await firstReview(pipeline, live.state, world, signal)
  await untilEnd(options.for, signal)
  ending.abort()
  await Promise.all([world, background])

  live.hide()
  await steps.run('world stopped', () => pipeline.stopWorld())
  const seconds = (performance.now() - beganMs) / 1000
  if (options.for !== undefined) await steps.run('published reviews scored', () => live.drained(signal))
  const failed = stoppedOnes(pipeline.status())
  await live.poll()
  await steps.run('components stopped', () => pipeline[Symbol.asyncDispose]())
  // launched again when control runs again
  await interruptTasks(join(config.STATE_DIR, TASKS_FOLDER))
  await live.quiet()
  const { firstScoreAtMs } = live.state.view(Date.now())
  const secondsToFirstScore = firstScoreAtMs === null ? null : (firstScoreAtMs - startedMs) / 1000
  return { totals: live.state.totals(seconds * 1000), seconds, secondsToFirstScore, failed }
}

interface Platform {
  /** Of the components. */
  readonly env: NodeJS.ProcessEnv
}

/** The local stack, unless a broker is given. */
async function openPlatform(
  options: StackArguments,
  context: CliContext,
  steps: Steps,
  running: AsyncDisposableStack,
): Promise<Platform> {
  const { env } = context
  const STATE_DIR = resolve(context.config().STATE_DIR)
  if (env['KAFKA_BROKERS'] !== undefined) {
    steps.say(`  broker ${env['KAFKA_BROKERS']}, as configured`)
    return { env: { ...env, STATE_DIR } }
  }
  const stack = await openLocalStack(context, options, steps)
  running.defer(() => steps.run('local stack stopped', async () => stack[Symbol.asyncDispose]()))
  return { env: { ...stack.env, ...env, STATE_DIR } }
}

/** Topics and schema ids, once, before any component asks for them. @throws AbortError when interrupted. */
async function prepare(config: Config, steps: Steps, signal: AbortSignal): Promise<RecordCodec> {
  signal.throwIfAborted()
  await steps.run('topics', () => ensurePipelineTopics(config, signal))
  const { codec } = await steps.run('schema ids', () => openPipelineCodec(config, signal))
  return codec
}

async function awaitComponents(pipeline: RunningPipeline, steps: Steps, signal: AbortSignal): Promise<void> {
  const outcome = (problem: string | undefined): string => problem ?? 'ready'
  const problem = await steps.run('components', () => pipeline.ready(signal), outcome)
  if (problem !== undefined && !signal.aborted) steps.say(`  logs are in ${pipeline.logDir}`)
}

/** The offline store takes a core for seconds to start: after the first score nobody waits for that. */
async function firstScore(live: LiveSession, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && live.state.view(Date.now()).firstScoreAtMs === null) await pause(SCORE_POLL_MS, signal)
}

function trainsItself({ train }: StartArguments, env: NodeJS.ProcessEnv): boolean {
  return train && env['S3_ENDPOINT'] !== undefined
}

/**
 * Split by film: the spans of a young log are shorter than labels take, so that split by time they would have none. The
 * generated world labels a review within four days. Bounds are those of a world in which a second is a quarter of a day.
 * What the environment says goes first.
 */
function trainingSettings(options: StartArguments, env: NodeJS.ProcessEnv): Record<string, string> {
  const given = (name: string, value: string): [string, string] => [name, env[name] ?? value]
  return Object.fromEntries([
    ['TRAIN_AUTOMATICALLY', String(trainsItself(options, env))],
    given('TRAIN_FIRST_LABELS', String(options.trainAfter)),
    given('TRAIN_NEW_LABELS', String(Math.ceil(options.trainAfter / 2))),
    given('TRAIN_COOLDOWN_MS', '60000'),
    given('TRAIN_SPLIT', 'movie'),
    given('TRAIN_MATURITY_MS', '345600000'),
    given('TRAIN_WINDOW_MS', '120000'),
    given('CANARY_SHARE', '0.5'),
  ])
}

async function untilEnd(forMs: number | undefined, signal: AbortSignal): Promise<void> {
  if (forMs !== undefined) return pause(forMs, signal)
  return new Promise<void>((finished) => {
    if (signal.aborted) finished()
    else signal.addEventListener('abort', () => finished(), { once: true })
  })
}

function planOf(options: StartArguments, env: NodeJS.ProcessEnv): WorldPlan {
  const { seed, rate, speed, scenario, trainAfter } = options
  const trains = trainsItself(options, env)
  return { seed, rate, speed, scenario: scenario === false ? null : scenario, trainAfter: trains ? trainAfter : null }
}

function summaryOf({ totals, seconds, secondsToFirstScore }: Outcome): Record<string, unknown> {
  const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
  return {
    seconds: rounded(seconds, 1),
    reviews: totals.reviews,
    labels: totals.labels,
    scores: totals.scores,
    reviewsPerSecond: rounded(totals.reviewsPerSecond, 1),
    scoresPerSecond: rounded(totals.scoresPerSecond, 1),
    latencyMs: { p50: totals.p50Ms, p99: totals.p99Ms },
    spoilerShare: totals.spoilerShare === null ? null : rounded(totals.spoilerShare, 4),
    model: totals.model,
    quality: totals.quality,
    deadLetters: totals.deadLetters,
    restarts: totals.restarts,
    secondsToFirstScore: secondsToFirstScore === null ? null : rounded(secondsToFirstScore, 2),
  }
}
