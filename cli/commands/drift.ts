import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import type { Config } from '../../platform/config.ts'
import { readTopic } from '../../platform/topic-reader.ts'
import { parseCount } from '../../producers/arguments.ts'
import type { DriftWindow } from '../../schemas/generated.ts'
import type { TopicId, ValueOf } from '../../schemas/topics.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { eventsText, harnessText } from '../drift/drift-text.ts'
import { driftPage } from '../drift/drift-page.ts'
import { driftText, reportedWindows } from '../drift/drift-report.ts'
import { FIRST_REPORTED_SEED, type HarnessPlan, type HarnessReport, runHarness } from '../drift/harness.ts'
import { readingCodec } from '../pipeline.ts'
import { ProgressLine } from '../progress-line.ts'

const LIST_HELP = `
Alarms raised and ended, oldest first. What they mean, and what to do: docs/DRIFT.md.

Examples:
  shield drift ls
  shield drift ls --json`
const REPORT_HELP = `
Of each subject the newest closed window beside its reference: measures ranked by how near they are to their limits.
--html writes a page that loads nothing: distributions, series over the windows, alarms.

Examples:
  shield drift report
  shield drift report --html drift.html`
const HARNESS_HELP = `
Simulates worlds in memory, without a broker: films, people, reviews and labels of the generated world, through the
folds that run live. Reviews change suddenly, gradually, with the seasons, or not at all. Says after how many windows an
alarm was raised, how often none was, and how often one was raised without a change.

The detector was tuned on seeds below ${FIRST_REPORTED_SEED}; report on others.

Examples:
  shield drift harness
  shield drift harness --seeds 1 --quiet-windows 1000 --json`

export function addDrift(program: Command, context: CliContext): void {
  const group = program.command('drift').description('What has changed in the reviews and scores')
  addList(group, context)
  addReport(group, context)
  addHarness(group, context)
}

function addList(group: Command, context: CliContext): void {
  group
    .command('ls')
    .description('List alarms, raised and ended')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', LIST_HELP)
    .action(async ({ json }: { readonly json?: boolean }) => {
      const events = await recordsOf(context.config(), 'driftEvents', context.signal)
      if (json === true) for (const event of events) printJson(context, event)
      else context.stdout.write(eventsText(events))
    })
}

function addReport(group: Command, context: CliContext): void {
  group
    .command('report')
    .description('Say how far the newest windows are from their references')
    .option('--html <file>', 'write a page')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', REPORT_HELP)
    .action(async ({ html, json }: { readonly html?: string; readonly json?: boolean }) => {
      const config = context.config()
      const windows = newestOf(await recordsOf(config, 'driftWindows', context.signal))
      const events = await recordsOf(config, 'driftEvents', context.signal)
      if (html !== undefined) writeFileSync(html, driftPage(windows, events))
      if (json === true) printJson(context, reportedWindows(windows))
      else context.stdout.write(driftText(windows, events))
    })
}

interface HarnessArguments {
  readonly seed: number
  readonly seeds: number
  readonly quietWindows: number
  readonly reviews: number
  readonly jobs: number
  readonly json?: boolean
}

function addHarness(group: Command, context: CliContext): void {
  group
    .command('harness')
    .description('Measure the detector on simulated worlds: delay, false alarms, missed changes')
    .option('--seed <number>', 'first seed', (text) => parseCount(text, 0), FIRST_REPORTED_SEED)
    .option('--seeds <count>', 'worlds of each change', (text) => parseCount(text), 3)
    .option('--quiet-windows <count>', 'windows without a change', (text) => parseCount(text), 10_000)
    .option('--reviews <count>', 'reviews in a window, about', (text) => parseCount(text), 400)
    .option('--jobs <count>', 'worlds side by side', (text) => parseCount(text), availableParallelism())
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HARNESS_HELP)
    .action(async ({ reviews: reviewsAWindow, json, ...rest }: HarnessArguments) => {
      const { seed, seeds, quietWindows, jobs } = rest
      const report = await simulated({ seed, seeds, quietWindows, jobs, reviewsAWindow }, context)
      if (json === true) printJson(context, report)
      else context.stdout.write(harnessText(report))
    })
}

async function simulated(plan: HarnessPlan, { stderr, signal }: CliContext): Promise<HarnessReport> {
  using progress = new ProgressLine(stderr, () => performance.now())
  return await runHarness(plan, {
    signal,
    onProgress: (done, total) => progress.show({ step: 'simulating worlds', done, total }),
  })
}

/** All that a topic holds. What cannot be decoded is left out: `shield tail` shows it. */
async function recordsOf<T extends TopicId>(config: Config, id: T, signal: AbortSignal): Promise<ValueOf<T>[]> {
  await assertBroker(config)
  const values: ValueOf<T>[] = []
  const options = { from: 'beginning', follow: false, signal } as const
  for await (const { decoded } of readTopic(config, readingCodec(config), id, options))
    if ('value' in decoded) values.push(decoded.value)
  return values
}

/** A compacted topic may still hold earlier records of a key. */
function newestOf(windows: readonly DriftWindow[]): DriftWindow[] {
  return [...new Map(windows.map((window) => [window.windowId, window])).values()]
}
