import { CommanderError } from 'commander'
import { KafkaFault } from '../platform/kafka-fault.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { type ErrorCode, ERRORS } from '../schemas/errors.ts'

const USAGE_EXIT_CODE = 2
/** As a shell reports a program that Ctrl-C ended. */
export const INTERRUPTED_EXIT_CODE = 130
const FAILURE_EXIT_CODE = 1

export interface Failure {
  readonly exitCode: number
  /** What a person reads; empty when everything has been said. */
  readonly text: string
}

const START = 'Start the local stack with `npm start` or `npx shield stack`'

/** What to do, for errors whose message does not say it. */
const NEXT_STEPS: Partial<Record<ErrorCode, string>> = {
  SPL_BROKER_UNAVAILABLE: `${START}, or set KAFKA_BROKERS (see \`shield config\`).`,
  SPL_REGISTRY_UNAVAILABLE: `${START}, or set SCHEMA_REGISTRY_URL (see \`shield config\`).`,
  SPL_REDIS_UNAVAILABLE: `${START}, or set REDIS_URL (see \`shield config\`).`,
  SPL_TOPIC_MISSING: 'See `shield topics`; `shield topics --create` creates what is declared and missing.',
  SPL_DISK_FULL: 'Free some room there, or name a folder on a larger disk (STATE_DIR, --out).',
  SPL_CONFIG_INVALID: 'See `shield config --help`; every setting is an environment variable.',
  SPL_USAGE: 'See `shield --help`, or `shield COMMAND --help`.',
}

/** What a command's error says and how the process ends. An error that nobody expected keeps its stack. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? 0 : USAGE_EXIT_CODE, text: '' }
  }
  if (error instanceof Error && error.name === 'AbortError')
    return { exitCode: INTERRUPTED_EXIT_CODE, text: 'Interrupted.' }
  const known = asSpoilerError(error)
  if (known !== undefined) {
    const exitCode = known.code === 'SPL_USAGE' ? USAGE_EXIT_CODE : FAILURE_EXIT_CODE
    return { exitCode, text: spoilerText(known) }
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { exitCode: FAILURE_EXIT_CODE, text: `This is a bug of ours, please report it:\n${text}` }
}

function asSpoilerError(error: unknown): SpoilerError | undefined {
  if (error instanceof SpoilerError) return error
  if (!(error instanceof KafkaFault) || !error.unreachable) return undefined
  return new SpoilerError('SPL_BROKER_UNAVAILABLE', error.message, { onError: 'retry', cause: error.cause })
}

/** Code and meaning, what was going on, why, what to do. */
function spoilerText({ code, message, cause }: SpoilerError): string {
  const [doing = '', ...details] = message.replace(`${code} while `, '').split('\n')
  const why =
    cause instanceof Error && !message.includes(cause.message) ? [`  because: ${firstLine(cause.message)}`] : []
  const next = NEXT_STEPS[code]
  return [
    `${code}: ${ERRORS[code]}`,
    `  while ${doing}`,
    ...details.map((line) => `  ${line}`),
    ...why,
    ...(next === undefined ? [] : [`  ${next}`]),
  ].join('\n')
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
