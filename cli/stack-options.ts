import { type Command, Option } from 'commander'
import { join, resolve } from 'node:path'
import type { Ports } from '../local-stack/ports.ts'
import { type LocalStack, type PartProgress, type StackPart, startStack } from '../local-stack/stack.ts'
import { STACK_ENV_FILE } from '../platform/config.ts'
import { usageError } from '../producers/arguments.ts'
import type { CliContext } from './context.ts'
import type { Steps } from './steps.ts'

const PART_NAMES: Readonly<Record<StackPart, string>> = {
  kafka: 'broker',
  registry: 'schema registry',
  redis: 'Valkey',
  s3: 'S3',
}
const PORT_NAMES = ['kafka', 'controller', 'registry', 'redis', 's3'] as const satisfies (keyof Ports)[]

export interface StackArguments {
  readonly host?: string
  readonly port: Partial<Ports>
}

/** Options of every command that starts the local stack. */
export function withStackOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--port <part=number>', `fixed port of ${PORT_NAMES.join(', ')}; may be repeated`)
        .argParser(parsePort)
        .default({}, 'those of the last start, or free ones'),
    )
    .option('--host <address>', 'address that the local stack listens on; it asks for no password (default: loopback)')
}

function parsePort(text: string, others: Partial<Ports>): Partial<Ports> {
  const [name, digits = ''] = text.split('=')
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  const known = PORT_NAMES.find((part) => part === name)
  if (known === undefined || port < 1 || port > 65_535)
    throw usageError(`"${text}" is no port; write for example kafka=19092 (${PORT_NAMES.join(', ')})`)
  return { ...others, [known]: port }
}

/** Starts the local stack under the state folder, each part a step. @throws SpoilerError SPL_STACK_FAILED, SPL_SETUP_FAILED */
export function openLocalStack(context: CliContext, { host, port }: StackArguments, steps: Steps): Promise<LocalStack> {
  const { STATE_DIR } = context.config()
  return startStack({
    dataDir: join(STATE_DIR, 'stack'),
    envFile: resolve(STATE_DIR, STACK_ENV_FILE),
    ports: port,
    onProgress: (progress) => {
      showProgress(steps, progress)
    },
    ...(host === undefined ? {} : { host }),
  })
}

function showProgress(steps: Steps, { part, state, detail }: PartProgress): void {
  const name = PART_NAMES[part]
  if (state === 'starting' && detail !== undefined) steps.say(`  ${name}: ${detail}`)
  else if (state === 'starting') steps.begin(name)
  else if (state === 'ready') steps.end(name, 'ready')
  else if (state === 'exited' || state === 'failed') steps.say(`✖ ${name}: ${detail ?? state}`)
}
