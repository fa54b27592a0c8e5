import { type Command, Option } from 'commander'
import type { Config } from '../../platform/config.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { openRecordPublisher } from '../../platform/record-publisher.ts'
import { readRanges } from '../../platform/topic-reader.ts'
import { committedValues } from '../../platform/topic-values.ts'
import { usageError } from '../../producers/arguments.ts'
import type { LabelRequest, ReviewFeatures } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { auditLabel, openRequests } from '../label-requests.ts'
import { openPipelineCodec, readingCodec } from '../pipeline.ts'
import { grouped, oneLine } from '../text.ts'

const NEXT_HELP = `
Two percent of all reviews are asked about, chosen by a hash of their id, so that figures by these labels do not depend
on what was masked. The score is not shown: it would sway who answers. Requests are kept for 30 days.

Examples:
  shield label next
  shield label next --json`
const PUT_HELP = `
The label goes to review-labels with the source "audit". It takes the place of any other label of the review; put again,
the later answer counts. Only reviews that are asked about are taken: a label of another one would bias the sample.

Examples:
  shield label put r123 spoiler
  shield label put r123 clean --json`
const VERDICTS = ['spoiler', 'clean'] as const

interface JsonOption {
  readonly json?: boolean
}

export function addLabel(program: Command, context: CliContext): void {
  const label = program.command('label').description('Answer whether reviews of the audit sample spoil')
  label
    .command('next')
    .description('Show the review that has waited longest, without its score')
    .addOption(new Option('--json', 'print one line of JSON'))
    .addHelpText('after', NEXT_HELP)
    .action(({ json }: JsonOption) => next(json === true, context))
  label
    .command('put')
    .description('Say whether a review spoils')
    .argument('<review>', 'its id, as `shield label next` shows it')
    .argument('<verdict>', VERDICTS.join(' or '), parseVerdict)
    .addOption(new Option('--json', 'print one line of JSON'))
    .addHelpText('after', PUT_HELP)
    .action((reviewId: string, isSpoiler: boolean, { json }: JsonOption) =>
      put({ reviewId, isSpoiler, json: json === true }, context),
    )
}

/** @throws SpoilerError SPL_USAGE */
function parseVerdict(text: string): boolean {
  if (text !== 'spoiler' && text !== 'clean') throw usageError(`"${text}" is no verdict; write spoiler or clean`)
  return text === 'spoiler'
}

async function next(json: boolean, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  const codec = readingCodec(config)
  const open = openRequests(await Array.fromAsync(committedValues(config, codec, 'labelRequests')))
  const [request] = open
  const review = request === undefined ? undefined : await reviewOf(request, { config, codec })
  if (json) {
    const { reviewId, userId, movieId, revision, writtenAtMs } = request ?? {}
    const asked = request && { reviewId, userId, movieId, revision, writtenAtMs }
    printJson(context, { open: open.length, review: asked ? { ...asked, ...textOf(review) } : null })
  } else context.stdout.write(nextText(open.length, request, review))
}

function textOf(review: ReviewFeatures | undefined) {
  return { text: review?.text ?? null, summary: review?.summary ?? null, rating: review?.rating ?? null }
}

function nextText(open: number, request: LabelRequest | undefined, review: ReviewFeatures | undefined): string {
  if (request === undefined) return 'Nobody is asked about anything: all requests are answered.\n'
  const lines = [
    `${grouped(open)} ${open === 1 ? 'review waits' : 'reviews wait'} for an answer. This one has waited longest:`,
    `review ${oneLine(request.reviewId)}  of movie ${oneLine(request.movieId)}`,
    '',
    ...(review?.summary ? [oneLine(review.summary), ''] : []),
    review === undefined ? '(its text is not in review-features any more)' : oneLine(review.text),
    '',
    `shield label put ${oneLine(request.reviewId)} spoiler|clean`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

interface Answer {
  readonly reviewId: string
  readonly isSpoiler: boolean
  readonly json: boolean
}

async function put({ reviewId, isSpoiler, json }: Answer, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  const { codec } = await openPipelineCodec(config, context.signal)
  const request = await requestOf(reviewId, { config, codec })
  if (request === undefined)
    throw usageError(`nobody is asked about the review "${reviewId}"; see shield label next for one that is`)
  const label = auditLabel(request, isSpoiler, Date.now())
  await using publisher = await openRecordPublisher(config, codec, 'shield-label')
  await publisher.publish('reviewLabels', label)
  await publisher.flush()
  if (json) printJson(context, label)
  else context.stdout.write(`${oneLine(reviewId)}: ${isSpoiler ? 'spoiler' : 'clean'}, appended to review-labels\n`)
}

interface Reading {
  readonly config: Config
  readonly codec: RecordCodec
}

/** The newest request about a review, answered or not. */
async function requestOf(reviewId: string, { config, codec }: Reading): Promise<LabelRequest | undefined> {
  let found: LabelRequest | undefined
  for await (const request of committedValues(config, codec, 'labelRequests'))
    if (request.reviewId === reviewId) found = request
  return found
}

/** The feature row, which has the text; undefined when it is gone. */
async function reviewOf({ row }: LabelRequest, { config, codec }: Reading): Promise<ReviewFeatures | undefined> {
  if (row === null) return undefined
  const range = { topic: row.topic, partition: row.partition, from: row.offset, to: row.offset + 1 }
  for await (const { value } of readRanges(config, [range])) {
    const decoded = await codec.decode<ReviewFeatures>(topics.reviewFeatures.schema, value, false)
    if ('value' in decoded) return decoded.value
  }
  return undefined
}
