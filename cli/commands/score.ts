import type { Command } from 'commander'
import { parseCount, parseInstant } from '../../producers/arguments.ts'
import type { SpoilerScore, SpoilerSpan } from '../../schemas/generated.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { type OnlineScore, openOnlineScorer } from '../online-scoring.ts'
import { oneLine, percentText } from '../text.ts'

const HELP = `
Scores with the model that serves, by what the online store knows of movie and author: the score that the review
would get if it were published now. Nothing is published. Spoiling sentences stand between >> and <<.

Examples:
  shield score "A fine film, until the butler turns out to be the murderer." --movie tt0000001
  shield score "He dies in the end." --movie tt0000001 --user ada --rating 3 --json`

interface ScoreArguments {
  readonly movie: string
  readonly user?: string
  readonly rating?: number
  readonly title?: string
  readonly written?: number
  readonly json?: boolean
}

export function addScore(program: Command, context: CliContext): void {
  program
    .command('score')
    .description('Say how likely a review spoils, which sentences do, and why')
    .argument('<text>', 'the review')
    .requiredOption('--movie <id>', 'the movie that it is about')
    .option('--user <id>', 'its author; without one, somebody who never wrote before')
    .option('--rating <stars>', 'what the author gave the movie, 1 to 10', (text) => parseCount(text))
    .option('--title <text>', "the review's own title")
    .option('--written <time>', 'when it was written; now by default', parseInstant)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((text: string, options: ScoreArguments) => score(text, options, context))
}

async function score(text: string, options: ScoreArguments, context: CliContext): Promise<void> {
  const config = context.config()
  if (config.MODEL_DIR === undefined) await assertBroker(config)
  await using scorer = await openOnlineScorer(config)
  const { movie, user, rating, title, written, json } = options
  const scored = await scorer.score({
    text,
    movieId: movie,
    userId: user ?? null,
    rating: rating ?? null,
    summary: title ?? null,
    writtenAtMs: written ?? Date.now(),
  })
  if (json === true) printJson(context, jsonOf(scored))
  else context.stdout.write(scoreText(scored))
}

/** Without the fields that say where in a log a score comes from. */
function jsonOf({ text, score, title, movieKnown, userKnown }: OnlineScore): object {
  const { movieId, probability, isSpoiler, threshold, modelName, modelVersion, deploymentEpoch } = score
  const spans = score.spans.map((span) => ({ ...span, text: text.slice(span.start, span.end) }))
  const model = { modelName, modelVersion, deploymentEpoch }
  const { tier, featureService, reasons } = score
  const known = { movieId, title, movieKnown, userKnown }
  return { probability, isSpoiler, threshold, spans, reasons, ...model, tier, featureService, ...known }
}

/** What a person reads. */
export function scoreText({ text, score, title, movieKnown, userKnown }: OnlineScore): string {
  const { probability, isSpoiler, threshold, modelName, modelVersion, deploymentEpoch, spans } = score
  const verdict = isSpoiler ? 'spoiler' : 'no spoiler'
  const movie = title === null || title === '' ? score.movieId : title
  return [
    `${percentText(probability)}  ${verdict}: the model flags from ${percentText(threshold)} on`,
    `model    ${modelName}@${modelVersion}, deployment ${deploymentEpoch}`,
    `movie    ${oneLine(movie)}${movieKnown ? '' : ', of which nothing is known'}`,
    `author   ${userKnown ? 'known' : 'nothing is known'}`,
    '',
    oneLine(marked(text, spans)),
    '',
    ...reasonLines(score),
    '',
  ].join('\n')
}

function marked(text: string, spans: readonly SpoilerSpan[]): string {
  return spans
    .toSorted((a, b) => b.start - a.start)
    .reduce((rest, { start, end }) => {
      return `${rest.slice(0, start)}>>${rest.slice(start, end)}<<${rest.slice(end)}`
    }, text)
}

/** A positive contribution speaks for a spoiler. */
function reasonLines({ reasons }: SpoilerScore): string[] {
  if (reasons.length === 0) return ['The model gives no reasons.']
  return reasons.map(({ contribution, text }) => {
    return `${contribution > 0 ? '+' : '-'}${Math.abs(contribution).toFixed(2)}  ${oneLine(text)}`
  })
}
