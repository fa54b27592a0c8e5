import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Command, Option } from 'commander'
import { parseCount, parseDuration, parseInstant, usageError } from '../../producers/arguments.ts'
import { type Edit, parseEdit } from '../../replay/dead-letters/edit-value.ts'
import type { LetterFilter, TrackedLetter } from '../../replay/dead-letters/letters.ts'
import { type CliContext, printJson } from '../context.ts'
import { rehearseOpenLetters } from '../dead-letter-rehearsal.ts'
import { type Resolved, type Resolving, resolveOpenLetters } from '../dead-letter-replay.ts'
import { lateRecordsText, letterLine, lettersText, letterText, rehearsalText } from '../dead-letter-text.ts'
import { findLateRecords, findLetters, LETTER_STATES, type LetterState } from '../dead-letters.ts'
import { assertBroker } from '../dependencies.ts'
import { grouped, oneLine } from '../text.ts'

const LIST_HELP = `
The newest are last. What the codes mean stands in docs/ERRORS.md.

Examples:
  shield dlq ls
  shield dlq ls --code SPL_RATING_INVALID --since -2h --limit 5 --json`
const SHOW_HELP = `
An id stands in the list: the component, and the position of the record that it could not process.

Examples:
  shield dlq show intake:reviews/2/17
  shield dlq show intake:reviews/2/17 --bytes > value.bin`
const REPLAY_HELP = `
Only the step that failed is repeated: the record is appended again to the topic that the component reads, with its
key. It gets a new position and append time, so it is folded as what was known now, not then. The decision stands in
dead-letter-resolutions, in the same transaction with the record: run twice, it is replayed once. If it fails again it
is a new letter.

--set edits fields of what can be read (JSON where it is such, else text); --value-from replaces the whole value.
--dry-run runs each record through the code as it is now, on the state as it is now, and writes nothing.

Examples:
  shield dlq replay --code SPL_PROCESSING_FAILED --dry-run
  shield dlq replay intake:reviews/2/17 --set rating=7 --reason "eleven stars: it was seven"
  shield dlq replay --topic review-labels --code SPL_FIELD_MISSING --set source='"self-declared"'`
const LATE_HELP = `
Labels that came without their review within the days that they may wait for it. They did not count; nothing is lost.

Example:
  shield dlq late --json`
const DROP_HELP = `
The letter stays where it is; it is only no longer open.

Example:
  shield dlq drop --code SPL_RECORD_EMPTY --reason "a test of theirs"`

interface FilterArguments {
  readonly code?: string
  readonly topic?: string
  readonly component?: string
  readonly since?: number
  readonly until?: number
  readonly json?: boolean
}
interface ListArguments extends FilterArguments {
  readonly state: LetterState
  readonly limit: number
}
interface DecideArguments extends FilterArguments {
  readonly all?: boolean
  readonly reason: string
  readonly by: string
}
interface ReplayArguments extends DecideArguments {
  readonly set: readonly Edit[]
  readonly valueFrom?: string
  readonly dryRun?: boolean
}

export function addDlq(program: Command, context: CliContext): void {
  const dlq = program
    .command('dlq')
    .description('Look at the records that could not be processed, mend and replay them')
  const limit = (text: string): number => parseCount(text)
  filtered(dlq.command('ls').description('List dead letters: code, id, state, age, cause, and the first of the bytes'))
    .addOption(new Option('--state <state>', 'what was done about them').choices(LETTER_STATES).default('open'))
    .option('--limit <count>', 'the newest of them', limit, 50)
    .addHelpText('after', LIST_HELP)
    .action((options: ListArguments) => list(options, context))
  dlq
    .command('show')
    .description('Show one letter whole, and what was done about it; or its original bytes')
    .argument('<id>', 'as shield dlq ls shows it')
    .option('--bytes', 'write the original value to standard output, byte for byte')
    .option('--json', 'print one line of JSON, with all original bytes')
    .addHelpText('after', SHOW_HELP)
    .action((id: string, options: { bytes?: boolean; json?: boolean }) => show(id, options, context))
  decided(dlq.command('replay').description('Repeat the step that failed, with the record as it was or mended'))
    .option('--set <field=value>', 'set a field; may be repeated', collectEdits, [])
    .option('--value-from <file>', 'replace the whole value by the bytes of a file')
    .option('--dry-run', 'say what would happen, and write nothing')
    .addHelpText('after', REPLAY_HELP)
    .action((ids: string[], options: ReplayArguments) => replay(ids, options, context))
  decided(dlq.command('drop').description('Decide that nothing is to be done about letters'))
    .addHelpText('after', DROP_HELP)
    .action((ids: string[], options: DecideArguments) => drop(ids, options, context))
  dlq
    .command('late')
    .description('List what came too late to count')
    .option('--limit <count>', 'the newest of them', limit, 50)
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', LATE_HELP)
    .action((options: { limit: number; json?: boolean }) => listLate(options, context))
}

function filtered(command: Command): Command {
  return command
    .option('--code <code>', 'only those with this error code')
    .option('--topic <name>', 'only records of this topic')
    .option('--component <name>', 'only what this component could not process')
    .option('--since <time>', 'dead since then or later: -2h or 2026-11-21T10:00:00Z', parseTime)
    .option('--until <time>', 'dead before', parseTime)
    .option('--json', 'print one JSON object a line')
}

function decided(command: Command): Command {
  return filtered(command.argument('[ids...]', 'ids of letters, as shield dlq ls shows them'))
    .option('--all', 'all open letters, where neither ids nor filters are given')
    .option('--reason <text>', 'why; it stands in the log for ever', 'decided by hand')
    .option('--by <who>', 'who decides', userInfo().username)
}

async function list({ json, state, limit, ...options }: ListArguments, context: CliContext): Promise<void> {
  await assertBroker(context.config())
  const found = await findLetters(context, { ...filterOf([], options), state, limit })
  if (json === true) for (const tracked of found.newest) printJson(context, letterLine(tracked))
  else context.stdout.write(lettersText(found, Date.now()))
}

async function listLate(options: { limit: number; json?: boolean }, context: CliContext): Promise<void> {
  await assertBroker(context.config())
  const found = await findLateRecords(context, options.limit)
  if (options.json === true)
    for (const { record, lateAtMs } of found.newest)
      printJson(context, { lateAt: new Date(lateAtMs).toISOString(), ...record })
  else context.stdout.write(lateRecordsText(found, Date.now()))
}

async function show(
  id: string,
  { bytes, json }: { readonly bytes?: boolean; readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  await assertBroker(context.config())
  const { newest } = await findLetters(context, { ids: [id], state: 'all', limit: 2 })
  const [tracked, other] = newest
  if (tracked === undefined) throw usageError(`there is no dead letter "${id}"; see: shield dlq ls --state all`)
  if (other !== undefined)
    throw usageError(`"${id}" are letters of several components; write one of ${idsText(newest)}`)
  if (bytes !== true) {
    if (json === true) printJson(context, letterLine(tracked))
    else context.stdout.write(letterText(tracked))
    return
  }
  const { value, source } = tracked.letter
  if (value === null)
    throw usageError(`the letter holds no value; the record stood at ${source.topic} ${source.offset}`)
  context.stdout.write(value)
}

async function replay(ids: string[], options: ReplayArguments, context: CliContext): Promise<void> {
  const { set: edits, valueFrom, dryRun, json } = options
  const mending = valueFrom === undefined ? { edits } : { edits, bytes: readValue(valueFrom) }
  const filter = chosen(ids, options)
  await assertBroker(context.config())
  if (dryRun !== true) {
    report(await resolveOpenLetters(context, filter, resolvingOf('replayed', options, mending)), options, context)
    return
  }
  let stopped = 0
  for await (const { id, rehearsal, problem } of rehearseOpenLetters(context, filter, mending)) {
    if (rehearsal?.outcome !== 'processed') stopped += 1
    if (json === true) printJson(context, { id, ...rehearsal, problem })
    else
      context.stdout.write(`${id}  ${rehearsal === null ? `cannot go back: ${problem}` : rehearsalText(rehearsal)}\n`)
  }
  if (stopped > 0) context.exitWith(1)
}

async function drop(ids: string[], options: DecideArguments, context: CliContext): Promise<void> {
  const filter = chosen(ids, options)
  await assertBroker(context.config())
  report(await resolveOpenLetters(context, filter, resolvingOf('dropped', options, { edits: [] })), options, context)
}

function resolvingOf(
  action: Resolving['action'],
  { reason, by }: DecideArguments,
  mending: Resolving['mending'],
): Resolving {
  return { action, mending, reason, decidedBy: by }
}

function report(resolved: readonly Resolved[], { json }: FilterArguments, context: CliContext): void {
  const counts = Map.groupBy(resolved, ({ outcome }) => outcome)
  for (const { id, outcome, problem } of resolved) {
    if (json === true) printJson(context, { id, outcome, problem })
    else if (problem !== null) context.stdout.write(`${id}  cannot go back: ${oneLine(problem)}\n`)
  }
  if (json !== true) {
    const text = [...counts].map(([outcome, { length }]) => `${grouped(length)} ${outcome}`).join(', ')
    context.stdout.write(resolved.length === 0 ? 'No open letter is meant; see: shield dlq ls\n' : `${text}\n`)
  }
  if (counts.has('refused')) context.exitWith(1)
}

/** Letters are chosen, not swept up: without ids and filters it takes --all. */
function chosen(ids: readonly string[], { all, ...options }: DecideArguments) {
  const filter = filterOf(ids, options)
  if (all !== true && Object.values(filter).every((part) => part === undefined))
    throw usageError('name letters by id, choose them by a filter, or write --all')
  return { ...filter, state: 'open', limit: Infinity } as const
}

function filterOf(ids: readonly string[], { code, topic, component, since, until }: FilterArguments): LetterFilter {
  return {
    ...(ids.length > 0 && { ids }),
    ...(code !== undefined && { code }),
    ...(topic !== undefined && { topic }),
    ...(component !== undefined && { component }),
    ...(since !== undefined && { sinceMs: since }),
    ...(until !== undefined && { untilMs: until }),
  }
}

function idsText(letters: readonly TrackedLetter[]): string {
  return letters.map((tracked) => (letterLine(tracked) as { id: string }).id).join(', ')
}

function parseTime(text: string): number {
  return text.startsWith('-') ? Date.now() - parseDuration(text.slice(1)) : parseInstant(text)
}

function collectEdits(text: string, before: readonly Edit[]): Edit[] {
  const edit = parseEdit(text)
  if (edit === undefined) throw usageError(`"${text}" is no edit; write for example rating=7 or source='"imdb"'`)
  return [...before, edit]
}

function readValue(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw usageError(`reading ${file}: ${(cause as Error).message}`)
  }
}
