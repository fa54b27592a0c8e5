import type { Command } from 'commander'
import type { Config } from '../../platform/config.ts'
import { type InputRecord, topicId } from '../../platform/input-record.ts'
import type { Poison } from '../../platform/record-codec.ts'
import { type ReadFrom, readRecords, readTopic } from '../../platform/topic-reader.ts'
import { parseCount, parseInstant, usageError } from '../../producers/arguments.ts'
import { topics } from '../../schemas/topics.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { pipelineTopics, readingCodec } from '../pipeline.ts'
import { recordLine, recordText } from '../record-text.ts'
import { closestTo } from '../closest.ts'

const HELP = `
Shows committed records. Order holds within a partition. --from takes
  beginning              the first record that is kept
  end                    only what comes from now on
  -100                   the last 100 positions of each partition
  2026-11-21T10:00:00Z   what was appended since (append time, not event time)

A person gets: append time, partition/offset, key, value. --json gives one object a line; bytes become {"utf8": …}
where they are text, else {"base64": …}. A record that cannot be decoded is shown with its code and its bytes.

Examples:
  shield tail spoiler-scores
  shield tail reviews --from beginning --limit 5 --no-follow --json`

interface TailArguments {
  readonly json?: boolean
  readonly from: ReadFrom
  readonly limit: number
  readonly follow: boolean
}

interface Undecoded {
  readonly record: InputRecord
  readonly decoded: { readonly value: unknown } | Poison | undefined
}

export function addTail(program: Command, context: CliContext): void {
  program
    .command('tail')
    .description('Show the records of a topic, decoded, as they come')
    .argument('<topic>', 'name of a topic, see: shield topics')
    .option('--json', 'print one JSON object a line')
    .option('--from <where>', 'beginning, end, -N, or a time', parseFrom, { last: 10 })
    .option('--limit <count>', 'end after so many records', (text) => parseCount(text), Infinity)
    .option('--no-follow', 'end at the end of the topic')
    .addHelpText('after', HELP)
    .action((topic: string, options: TailArguments) => tail(topic, options, context))
}

async function tail(topic: string, { json, from, limit, follow }: TailArguments, context: CliContext): Promise<void> {
  const config = context.config()
  const known = pipelineTopics(config).map(({ name }) => name)
  if (!known.includes(topic)) throw usageError(unknownTopic(topic, known))
  await assertBroker(config)
  let shown = 0
  for await (const { record, decoded } of recordsOf(config, topic, { from, follow, signal: context.signal })) {
    const line = recordLine(record, decoded)
    if (json === true) printJson(context, line)
    else context.stdout.write(`${recordText(line)}\n`)
    shown += 1
    if (shown >= limit) return
  }
}

/** Changelogs hold state of ours in formats of ours: only their keys are shown. */
async function* recordsOf(
  config: Config,
  topic: string,
  range: Parameters<typeof readRecords>[2],
): AsyncGenerator<Undecoded> {
  if (isDeclared(topic)) yield* readTopic(config, readingCodec(config), topicId(topic), range)
  else for await (const record of readRecords(config, topic, range)) yield { record, decoded: undefined }
}

function isDeclared(topic: string): boolean {
  return Object.values(topics).some(({ name }) => name === topic)
}

function unknownTopic(topic: string, known: readonly string[]): string {
  const meant = closestTo(topic, known)
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`
  return `there is no topic "${topic}"${hint}\nTopics are: ${known.join(', ')}`
}

/** @throws SpoilerError SPL_USAGE */
export function parseFrom(text: string): ReadFrom {
  if (text === 'beginning' || text === 'end') return text
  if (/^-\d{1,9}$/.test(text)) return { last: Number(text.slice(1)) }
  try {
    return { timeMs: parseInstant(text) }
  } catch {
    throw usageError(`"${text}" is no place to begin; write beginning, end, -100 or 2026-11-21T10:00:00Z`)
  }
}
