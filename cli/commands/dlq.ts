import type { Command } from 'commander'
import { readTopic } from '../../platform/topic-reader.ts'
import { parseCount } from '../../producers/arguments.ts'
import type { DeadLetter } from '../../schemas/generated.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { readingCodec } from '../pipeline.ts'
import { bytesPreview, plainValue } from '../record-text.ts'
import { clip, durationText, grouped, oneLine, table } from '../text.ts'

const HELP = `
The newest are last. What the codes mean stands in docs/ERRORS.md.

Examples:
  shield dlq ls
  shield dlq ls --code SPL_RATING_INVALID --limit 5 --json`
const CAUSE_COLUMNS = 60
const PREVIEW_COLUMNS = 60

interface ListArguments {
  readonly json?: boolean
  readonly code?: string
  readonly limit: number
}

/** A dead letter, and when it became one. */
export interface ListedLetter {
  readonly letter: DeadLetter
  /** Unix milliseconds. */
  readonly deadAtMs: number
}

export function addDlq(program: Command, context: CliContext): void {
  program
    .command('dlq')
    .description('Look at the records that could not be processed')
    .command('ls')
    .description('List dead letters: code, cause, source, age, and the first of the original bytes')
    .option('--json', 'print one JSON object a line, with all original bytes')
    .option('--code <code>', 'only those with this error code')
    .option('--limit <count>', 'the newest of them', (text) => parseCount(text), 50)
    .addHelpText('after', HELP)
    .action((options: ListArguments) => list(options, context))
}

async function list({ json, code, limit }: ListArguments, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  const { newest, total } = await newestLetters(context, code, limit)
  if (json === true) {
    for (const { letter, deadAtMs } of newest)
      printJson(context, { deadAt: new Date(deadAtMs).toISOString(), ...(plainValue(letter) as object) })
    return
  }
  context.stdout.write(lettersText(newest, total, Date.now()))
}

async function newestLetters(
  { config, signal }: CliContext,
  code: string | undefined,
  limit: number,
): Promise<{ newest: ListedLetter[]; total: number }> {
  const range = { from: 'beginning', follow: false, signal } as const
  let newest: ListedLetter[] = []
  let total = 0
  for await (const { record, decoded } of readTopic(config(), readingCodec(config()), 'deadLetters', range)) {
    if (!('value' in decoded) || (code !== undefined && decoded.value.code !== code)) continue
    total += 1
    newest.push({ letter: decoded.value, deadAtMs: record.appendedAtMs })
    // partitions are read one beside the other: sorted now and then, so that memory stays with the limit
    if (newest.length >= 2 * limit + 1000) newest = newestOf(newest, limit)
  }
  return { newest: newestOf(newest, limit), total }
}

function newestOf(letters: readonly ListedLetter[], limit: number): ListedLetter[] {
  return letters.toSorted((a, b) => a.deadAtMs - b.deadAtMs).slice(-limit)
}

/** What a person reads. */
export function lettersText(newest: readonly ListedLetter[], total: number, nowMs: number): string {
  if (total === 0) return 'No dead letters.\n'
  const rows = newest.map(({ letter: { code, cause, component, source, value }, deadAtMs }) => [
    code,
    `${source.topic} ${source.partition}/${source.offset}`,
    component,
    durationText(Math.max(0, nowMs - deadAtMs)),
    clip(oneLine(cause), CAUSE_COLUMNS),
    bytesPreview(value, PREVIEW_COLUMNS),
  ])
  const text = table(['CODE', 'SOURCE', 'COMPONENT', 'AGE', 'CAUSE', 'BYTES'], rows)
  return newest.length === total ? text : `${text}\nThe newest ${newest.length} of ${grouped(total)}; see --limit.\n`
}
